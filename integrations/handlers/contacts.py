"""Handlers of contacts, orders, payments and form answers."""

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from accounts.commerce import orders
from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment
from accounts.people import contact_duplicates, contacts, forgotten, lookup
from accounts.people.contact_report import ContactReport
from accounts.people.models import Contact
from accounts.people.outbound import ChangedContact
from core.field_names import CUSTOM
from core.phrases import SEPARATOR, TEXT, Phrase
from core.text import InvalidAddress
from integrations.contracts import reasons
from integrations.contracts.events import (
    AboutSomebody,
    ContactGone,
    ContactReported,
    FormSubmitted,
    MoneyMoved,
    OrderPlaced,
)
from integrations.contracts.exceptions import Unmatched
from integrations.fields.names import FieldNames, as_text
from integrations.handlers import companies, completions, effects
from integrations.handlers.context import Change, Context
from integrations.inbox.models import ContactRefresh
from integrations.outbox import enqueue
from integrations.outbox.models import OutgoingWrite
from integrations.registry import all_providers
from integrations.registry import provider as provider_of
from integrations.toolkit.fields import loose

_NAMES_BOTH = Phrase("the ids and the e-mail of one event name both ({cause})", cause=TEXT)

ECHO_WINDOW = timedelta(days=1)  # how long after a write its echo may come
SOURCE = "source"  # our custom field; a record that we create says in it whose it is


def report(event: ContactReported, context: Context) -> list[Change]:
    """Store what the event reports of a contact, and have the contact refreshed where the event lacks its values.

    What only names a record that will be read reports nothing yet. Raises Unmatched where it names nobody.
    """
    mirror = provider_of(context.provider).mirror
    readable = event.identities.get("contact", "") if context.reads_contacts and not event.is_whole else ""
    known = lookup.find(provider=context.provider, identities=event.identities) if not event.email else None
    changes = []
    says_nothing = bool(readable) and event.only_names
    if not says_nothing and (event.email or event.is_whole or known is not None):
        names = context.fields.names(context.provider, mirror) if mirror else None
        reported = _store(as_report(event, names), context)
        if change := change_of(reported):
            changes.append(change)
        if event.left_out:
            changes.append(
                Change(description=effects.LEFT_OUT(fields=_listed(event.left_out)), target=reported.contact)
            )
        if event.company and (change := companies.assign(reported.contact, event.company)):
            changes.append(change)
        if mirror and not reported.changed and (echo := _echo(reported.contact, context)):
            changes.append(echo)
    elif known is None:
        forgotten.refuse(email="", provider=context.provider, identities=event.identities)
        if not readable:
            raise Unmatched(reasons.NO_EMAIL())
    if readable:
        refresh = ContactRefresh.objects.enqueue(
            provider=context.provider, external_id=readable, at_once=mirror is not None
        )
        changes.append(Change(description=effects.CONTACT_TO_READ(id=readable), target=refresh))
    return changes


def _listed(left_out: Mapping[str, str]) -> str:
    return SEPARATOR.join(reasons.AT_FIELD(field=name, problem=why) for name, why in sorted(left_out.items()))


def as_report(event: ContactReported, names: FieldNames | None) -> ContactReport:
    """Return an event as a report by our names; `names`: of a provider whose contacts are kept equal with ours."""
    custom_fields = dict(event.custom_fields)
    if loose(str(custom_fields.get(SOURCE) or "")) in own_marks():
        del custom_fields[SOURCE]
    if names:
        custom_fields = {
            names.local.get(key, key): as_text(value) if key in names.local else value
            for key, value in custom_fields.items()
        }
        if names.tags and event.tags is not None:
            custom_fields[names.tags] = event.tags
        for name, parse in names.lists.items():
            if (field := name.removeprefix(CUSTOM)) in custom_fields:
                custom_fields[field] = parse(custom_fields[field])
    return ContactReport(
        occurred_at=event.occurred_at,
        email=event.email,
        aliases=event.aliases,
        phones=event.phones,
        left_out=event.left_out,
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
        lists=names.lists if names else {},
    )


def own_marks() -> set[str]:
    """Return the sources that records made by us are marked with, as `loose` has them: they are no value of theirs."""
    return {loose(side.mirror.source) for side in all_providers().values() if side.mirror is not None}


def note_gone(event: ContactGone, context: Context) -> list[Change]:
    """Note that a remote record was deleted, and have its successor searched for. Ours stays."""
    mapping = contacts.note_gone(event.contact_id, provider=context.provider, at=event.occurred_at)
    if mapping is None:
        return []
    enqueue.search_successor(mapping, cause=context.cause)
    return [Change(description=effects.CONTACT_DELETED(id=event.contact_id), target=mapping.contact)]


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
    return [Change(description=effects.ORDER_RECORDED() if is_new else effects.ORDER_KNOWN(), target=order)]


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
    recorded, known = effects.PAYMENT[event.kind]
    return [Change(description=recorded() if is_news else known(), target=payment, changed=is_news)]


def store_submission(event: FormSubmitted, context: Context) -> list[Change]:
    """Record a form's answers, once by their id, and the completions of courses that they report.

    Raises Unmatched where nobody is named; a completion is stored all the same, for staff to assign.
    """
    try:
        contact = contact_of(event, context)
    except (Unmatched, InvalidAddress):
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
    change = Change(description=effects.ANSWERS_RECORDED() if is_new else effects.ANSWERS_KNOWN(), target=submission)
    return [change, *completions.store(event, context)]


def change_of(reported: ChangedContact) -> Change | None:
    """Return the change that a report made; None where it made none."""
    if reported.created:
        return Change(description=effects.CONTACT_CREATED(), target=reported.contact)
    if reported.is_stale:
        return Change(description=effects.CONTACT_OLDER(), target=reported.contact, changed=False)
    if reported.changed:
        return Change(description=effects.CONTACT_CHANGED(names=", ".join(reported.changed)), target=reported.contact)
    return None


def contact_of(event: AboutSomebody, context: Context) -> Contact:
    """Return the contact that the event names, created where there is none.

    Raises Unmatched where it names nobody, InvalidAddress; PersonForgotten where they were erased.
    """
    if not event.email:
        known = lookup.find(provider=context.provider, identities=event.identities)
        if known is None:
            forgotten.refuse(email="", provider=context.provider, identities=event.identities)
            raise Unmatched(reasons.NO_EMAIL())
        return known
    report = ContactReport(occurred_at=event.occurred_at, email=event.email, identities=event.identities)
    found = lookup.match(provider=context.provider, identities=event.identities, email=event.email)
    for other in found.contacts[1:]:
        reason = _NAMES_BOTH(cause=context.cause.text)
        contact_duplicates.flag(found.contacts[0], other, reason=reason)
    return found.contact or _store(report, context).contact


def newest_write(contact: int, provider: str, *, within: timedelta) -> OutgoingWrite | None:
    """Return the newest write on a contact (its key) at a provider that was made `within` this time."""
    written = OutgoingWrite.objects.filter(
        provider=provider,
        contact=contact,
        kind=OutgoingWrite.Kind.CONTACT,
        status=OutgoingWrite.Status.DONE,
        finished_at__gt=timezone.now() - within,
    )
    newest: OutgoingWrite | None = written.order_by("-pk").first()
    return newest


def _echo(contact: Contact, context: Context) -> Change | None:
    """Count a report that is the echo of our newest write and says nothing else."""
    newest = newest_write(contact.pk, context.provider, within=ECHO_WINDOW)
    record = contact.mappings.filter(provider=context.provider, kind="contact", is_main=True).first()
    if newest is None or record is None:
        return None
    if any(record.last_synced_values.get(name) != value for name, value in newest.after.items()):
        return None
    OutgoingWrite.objects.filter(pk=newest.pk).update(echoes=F("echoes") + 1)
    return Change(description=effects.OUR_OWN_WRITE(), target=newest, changed=False)


def _store(report: ContactReport, context: Context) -> ChangedContact:
    """Store a report and enqueue the writes that it leads to. Raises as `contacts.apply_report`."""
    changed = contacts.apply_report(report, provider=context.provider, cause=context.cause)
    enqueue.contact_changed(changed, context.fields)
    return changed
