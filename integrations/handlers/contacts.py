"""Handlers of people, orders, payments and form answers → contacts and what belongs to them."""

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from accounts.commerce import orders
from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment
from accounts.people import contacts, forgotten, lookup
from accounts.people.contact_report import ContactReport
from accounts.people.forgotten import PersonForgotten
from accounts.people.models import Contact
from accounts.people.outbound import ChangedContact
from core.text import InvalidAddress
from integrations.contracts.events import (
    AboutSomebody,
    ContactGone,
    ContactReported,
    FormSubmitted,
    MoneyMoved,
    OrderPlaced,
)
from integrations.contracts.exceptions import PersonErased, Unmatched
from integrations.fields.names import FieldNames
from integrations.handlers import completions
from integrations.handlers.companies import taken_in
from integrations.handlers.context import Change, Context
from integrations.inbox.models import ContactRefresh
from integrations.outbox import enqueue
from integrations.outbox.models import OutgoingWrite
from integrations.registry import provider as provider_of

ECHOES_FOR = timedelta(days=1)  # how long after a write its echo may come
_NO_EMAIL = "the event names no e-mail"


def report(event: ContactReported, context: Context) -> list[Change]:
    """Bring the contact to what the event says; what it lacks is read from the provider, where that can be asked.

    Raises Unmatched where it names nobody.
    """
    mirror = provider_of(context.provider).mirror
    told = as_report(event, context.fields.names(context.provider, mirror) if mirror else None)
    readable = event.identities.get("contact", "") if context.reads_contacts and not event.is_whole else ""
    changes = []
    if event.email or event.is_whole or lookup.find(provider=context.provider, identities=event.identities):
        reported = _reported(told, context)
        changes += [change for change in [told_of(reported), taken_in(reported.contact, event.company)] if change]
        # What names a record and says nothing of it is no echo: the reading that follows may be one.
        is_told = event.is_whole or not readable
        if mirror and is_told and not reported.changed and (echo := _echo(reported.contact, context)):
            changes.append(echo)
    else:
        _refuse_forgotten(event, context)
        if not readable:
            raise Unmatched(_NO_EMAIL)
    if readable:
        refresh = ContactRefresh.objects.enqueue(provider=context.provider, external_id=readable)
        changes.append(Change(description=f"contact {readable} is to be read whole", target=refresh))
    return changes


def as_report(event: ContactReported, names: FieldNames | None) -> ContactReport:
    """Return what an event says of a person; `names`: of a provider whose contacts are kept equal with ours."""
    return ContactReport(
        occurred_at=event.occurred_at,
        email=event.email,
        aliases=event.aliases,
        identities=event.identities,
        fields=event.fields,
        custom_fields=names.taken_in(event.custom_fields) if names else event.custom_fields,
        tags=event.tags,
        tags_added=event.tags_added,
        tags_removed=event.tags_removed,
        offers=event.offers,
        changed_at=event.changed_at,
        is_whole=event.is_whole,
        authorities=names.authorities if names else {},
    )


def gone(event: ContactGone, context: Context) -> list[Change]:
    """Note that a record was deleted there. Ours stays, and so do the records of other providers."""
    contact = contacts.note_gone(event.contact_id, provider=context.provider, at=event.occurred_at)
    if contact is None:
        return []
    return [Change(description=f"contact {event.contact_id} was deleted there; ours stays", target=contact)]


def keep_order(event: OrderPlaced, context: Context) -> list[Change]:
    """Record an order and its lines, once by its id. Raises Unmatched where nobody is named."""
    order = Order(
        contact=whose(event, context),
        provider=context.provider,
        external_id=event.external_id,
        number=event.number[:50],
        currency=event.currency,
        total=event.total,
        tax=event.tax,
        discount=event.discount,
        placed_at=event.occurred_at,
    )
    lines = [
        OrderLine(
            external_id=line.external_id,
            title=line.title[:255],
            offer_id=line.offer_id,
            quantity=line.quantity,
            total=line.total,
        )
        for line in event.lines
    ]
    is_new = orders.store_order(order, lines)
    return [Change(description="order recorded" if is_new else "order known already", target=order)]


def keep_payment(event: MoneyMoved, context: Context) -> list[Change]:
    """Record a transaction, once by its id. Raises Unmatched where nobody is named."""
    payment = Payment(
        contact=whose(event, context),
        provider=context.provider,
        external_id=event.external_id,
        kind=event.kind,
        state=event.state[:40],
        amount=event.amount,
        tax=event.tax,
        currency=event.currency,
        external_order_id=event.order_id,
        purchase_ids=list(event.purchase_ids),
        occurred_at=event.occurred_at,
    )
    is_news = orders.store_payment(payment)
    told = f"{event.kind} {'recorded' if is_news else 'known already'}"
    return [Change(description=told, target=payment, changed=is_news)]


def keep_submission(event: FormSubmitted, context: Context) -> list[Change]:
    """Record what somebody answered, once by its id, and the courses that they completed by it.

    Raises Unmatched where nobody is named; a completion is kept all the same, for a person to say whose it is.
    """
    try:
        contact = whose(event, context)
    except PersonErased:
        raise
    except Unmatched:
        completed = completions.keep(event, context)
        if not completed:
            raise
        return completed
    submission = FormSubmission(
        contact=contact,
        provider=context.provider,
        external_id=event.external_id,
        form_id=event.form_id,
        form_title=event.form_title[:255],
        answers=dict(event.answers),
        submitted_at=event.occurred_at,
    )
    is_new = orders.store_submission(submission)
    kept = Change(description="answers recorded" if is_new else "answers known already", target=submission)
    return [kept, *completions.keep(event, context)]


def told_of(reported: ChangedContact) -> Change | None:
    """Return what a report changed, for people; None where that is nothing."""
    if reported.created:
        return Change(description="contact created", target=reported.contact)
    if reported.is_stale:
        return Change(description="contact known better: this is older than the last report", target=reported.contact)
    if reported.changed:
        return Change(description=f"contact changed: {', '.join(reported.changed)}", target=reported.contact)
    return None


def whose(event: AboutSomebody, context: Context) -> Contact:
    """The contact whom the event names, made where there is none."""
    if not event.email:
        known = lookup.find(provider=context.provider, identities=event.identities)
        if known is None:
            _refuse_forgotten(event, context)
            raise Unmatched(_NO_EMAIL)
        return known
    told = ContactReport(occurred_at=event.occurred_at, email=event.email, identities=event.identities)
    known = lookup.find(provider=context.provider, identities=event.identities, email=event.email)
    return known or _reported(told, context).contact


def _refuse_forgotten(event: AboutSomebody | ContactReported, context: Context) -> None:
    """Raise PersonErased where one of the event's ids was of somebody who was erased."""
    try:
        forgotten.refuse(email="", provider=context.provider, identities=event.identities)
    except PersonForgotten as error:
        raise PersonErased(str(error)) from error


def _echo(contact: Contact, context: Context) -> Change | None:
    """Count a report that says what we wrote ourselves, and nothing else that is new."""
    written = OutgoingWrite.objects.filter(
        provider=context.provider,
        contact=contact,
        kind=OutgoingWrite.Kind.CONTACT,
        status=OutgoingWrite.Status.DONE,
        finished_at__gt=timezone.now() - ECHOES_FOR,
    )
    newest = written.order_by("-pk").first()
    record = contact.mappings.filter(provider=context.provider, kind="contact", is_main=True).first()
    if newest is None or record is None:
        return None
    if any(record.last_synced_values.get(name) != value for name, value in newest.after.items()):
        return None
    OutgoingWrite.objects.filter(pk=newest.pk).update(echoes=F("echoes") + 1)
    return Change(description="our own write came back: nothing is new", target=newest, changed=False)


def _reported(told: ContactReport, context: Context) -> ChangedContact:
    try:
        reported = contacts.apply_report(told, provider=context.provider, cause=context.cause)
    except PersonForgotten as error:
        raise PersonErased(str(error)) from error
    except (contacts.Unidentified, InvalidAddress) as error:
        raise Unmatched(str(error)) from error
    enqueue.contact_changed(reported, context.fields)
    return reported
