"""Handlers of contacts, orders, payments and form answers."""

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from accounts.commerce import orders
from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment
from accounts.people import contact_duplicates, contacts, forgotten, lookup
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
from integrations.fields.names import FieldNames, as_text
from integrations.handlers import companies, completions
from integrations.handlers.context import Change, Context
from integrations.inbox.models import ContactRefresh
from integrations.outbox import enqueue
from integrations.outbox.models import OutgoingWrite
from integrations.registry import provider as provider_of

ECHO_WINDOW = timedelta(days=1)  # how long after a write its echo may come
_NO_EMAIL = "the event names no e-mail"


def report(event: ContactReported, context: Context) -> list[Change]:
    """Store what the event reports of a contact, and have the contact refreshed where the event lacks its values.

    Raises Unmatched where it names nobody.
    """
    mirror = provider_of(context.provider).mirror
    readable = event.identities.get("contact", "") if context.reads_contacts and not event.is_whole else ""
    changes = []
    if event.email or event.is_whole or lookup.find(provider=context.provider, identities=event.identities):
        names = context.fields.names(context.provider, mirror) if mirror else None
        reported = _store(as_report(event, names), context)
        if change := change_of(reported):
            changes.append(change)
        if event.company and (change := companies.assign(reported.contact, event.company)):
            changes.append(change)
        # A notice that names a record without its values is no echo: the refresh that follows may be one.
        has_values = event.is_whole or not readable
        if mirror and has_values and not reported.changed and (echo := _echo(reported.contact, context)):
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
    """Return an event as a report by our names; `names`: of a provider whose contacts are kept equal with ours."""
    custom_fields = event.custom_fields
    if names:
        custom_fields = {
            names.local.get(key, key): as_text(value) if key in names.local else value
            for key, value in custom_fields.items()
        }
    return ContactReport(
        occurred_at=event.occurred_at,
        email=event.email,
        aliases=event.aliases,
        identities=event.identities,
        fields=event.fields,
        custom_fields=custom_fields,
        tags=event.tags,
        tags_added=event.tags_added,
        tags_removed=event.tags_removed,
        offers=event.offers,
        changed_at=event.changed_at,
        is_whole=event.is_whole,
        authorities=names.authorities if names else {},
    )


def note_gone(event: ContactGone, context: Context) -> list[Change]:
    """Note that a remote record was deleted. Ours stays, and so do the records of other providers."""
    contact = contacts.note_gone(event.contact_id, provider=context.provider, at=event.occurred_at)
    if contact is None:
        return []
    return [Change(description=f"contact {event.contact_id} was deleted there; ours stays", target=contact)]


def store_order(event: OrderPlaced, context: Context) -> list[Change]:
    """Record an order and its lines, once by its id. Raises Unmatched where nobody is named."""
    order = Order(
        contact=contact_of(event, context),
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


def store_payment(event: MoneyMoved, context: Context) -> list[Change]:
    """Record a transaction, once by its id. Raises Unmatched where nobody is named."""
    payment = Payment(
        contact=contact_of(event, context),
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
    description = f"{event.kind} {'recorded' if is_news else 'known already'}"
    return [Change(description=description, target=payment, changed=is_news)]


def store_submission(event: FormSubmitted, context: Context) -> list[Change]:
    """Record a form's answers, once by their id, and the completions of courses that they report.

    Raises Unmatched where nobody is named; a completion is stored all the same, for staff to assign.
    """
    try:
        contact = contact_of(event, context)
    except PersonErased:
        raise
    except Unmatched:
        if completed := completions.store(event, context):
            return completed
        raise
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
    change = Change(description="answers recorded" if is_new else "answers known already", target=submission)
    return [change, *completions.store(event, context)]


def change_of(reported: ChangedContact) -> Change | None:
    """Return the change that a report made; None where it made none."""
    if reported.created:
        return Change(description="contact created", target=reported.contact)
    if reported.is_stale:
        return Change(description="contact known better: this is older than the last report", target=reported.contact)
    if reported.changed:
        return Change(description=f"contact changed: {', '.join(reported.changed)}", target=reported.contact)
    return None


def contact_of(event: AboutSomebody, context: Context) -> Contact:
    """Return the contact that the event names, created where there is none.

    Raises Unmatched where it names nobody, PersonErased where they were erased.
    """
    if not event.email:
        known = lookup.find(provider=context.provider, identities=event.identities)
        if known is None:
            _refuse_forgotten(event, context)
            raise Unmatched(_NO_EMAIL)
        return known
    report = ContactReport(occurred_at=event.occurred_at, email=event.email, identities=event.identities)
    found = lookup.match(provider=context.provider, identities=event.identities, email=event.email)
    for other in found.contacts[1:]:
        reason = f"the ids and the e-mail of one event name both ({context.cause.text})"
        contact_duplicates.flag(found.contacts[0], other, reason=reason)
    return found.contact or _store(report, context).contact


def _refuse_forgotten(event: AboutSomebody | ContactReported, context: Context) -> None:
    """Raise PersonErased where one of the event's ids belonged to an erased person."""
    try:
        forgotten.refuse(email="", provider=context.provider, identities=event.identities)
    except PersonForgotten as error:
        raise PersonErased(str(error)) from error


def _echo(contact: Contact, context: Context) -> Change | None:
    """Count a report that is the echo of our newest write and says nothing else."""
    written = OutgoingWrite.objects.filter(
        provider=context.provider,
        contact=contact,
        kind=OutgoingWrite.Kind.CONTACT,
        status=OutgoingWrite.Status.DONE,
        finished_at__gt=timezone.now() - ECHO_WINDOW,
    )
    newest = written.order_by("-pk").first()
    record = contact.mappings.filter(provider=context.provider, kind="contact", is_main=True).first()
    if newest is None or record is None:
        return None
    if any(record.last_synced_values.get(name) != value for name, value in newest.after.items()):
        return None
    OutgoingWrite.objects.filter(pk=newest.pk).update(echoes=F("echoes") + 1)
    return Change(description="our own write came back: nothing is new", target=newest, changed=False)


def _store(report: ContactReport, context: Context) -> ChangedContact:
    """Store a report and enqueue the writes that it leads to. Raises Unmatched, PersonErased."""
    try:
        changed = contacts.apply_report(report, provider=context.provider, cause=context.cause)
    except PersonForgotten as error:
        raise PersonErased(str(error)) from error
    except (contacts.Unidentified, InvalidAddress) as error:
        raise Unmatched(str(error)) from error
    enqueue.contact_changed(changed, context.fields)
    return changed
