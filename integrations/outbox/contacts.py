"""Writing a contact: find the record there, bring ours to it, write what then still differs.

The record is read before it is written, so that what was changed there meanwhile is merged and not overwritten, a write
whose answer was lost is seen to have been done, and `before` is what stood there. No network inside a transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.people import contact_duplicates, contacts, lookup
from accounts.people.contact_changes import note_synced
from accounts.people.contact_report import EMPTY
from accounts.people.models import Contact, ContactMapping
from core.cause import Cause
from core.insert_once import insert_once
from core.queue.outcomes import wait_until
from integrations import registry
from integrations.contracts.exceptions import Gone, Permanent
from integrations.contracts.mirror import ContactApi, OpportunityApi, OutgoingCall, RemoteContact, Sent
from integrations.fields.names import FieldConfiguration, FieldNames, stored
from integrations.handlers.contacts import as_report
from integrations.outbox.differences import differing, to_be_written
from integrations.outbox.enqueue import RECORD, contact_changed, enqueue_contact, mirrors
from integrations.outbox.matching import SomebodyElse, Sought, find
from integrations.outbox.models import OutgoingWrite
from integrations.toolkit.failures import Refused, TemporaryFailure

PATIENCE = 6.0  # seconds for one call; the four that a write may take end within its lease
SHOWS_UP_WITHIN = timedelta(seconds=60)  # what was made, but whose answer was lost, is found by a search by then
SOURCE = stored("source")
Status = OutgoingWrite.Status


class DeletedThere(Permanent):
    """The record that is known at a provider was deleted there; `external_id` is its id."""

    def __init__(self, external_id: str, *, what: str = "") -> None:
        super().__init__(f"{what}{external_id} was deleted there; nothing is made anew by itself")
        self.external_id = external_id


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A call that is due, with the values that it changes: stored name → what stands there, and what will."""

    call: OutgoingCall
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def write(row: OutgoingWrite) -> None:
    """Make the record of `row`'s contact equal with ours, and close the row.

    Raises Wait where it must be looked at later, Permanent where staff must do something, Retryable.
    """
    contact = row.contact
    if contact is None:
        row.close(Status.SKIPPED, error="the contact was merged into another one")
        return
    mirror = registry.provider(row.provider).mirror
    assert mirror is not None
    fields = FieldConfiguration()
    book, names = mirror.open(PATIENCE), fields.names(row.provider, mirror)
    try:
        theirs = their_record(contact, book, provider=row.provider)
        if theirs is None and row.operation == row.Operation.CREATE and row.requested_at and row.response is None:
            wait_until(row.requested_at + SHOWS_UP_WITHIN, "a record may have been made, and is looked for again")
        if theirs is not None:
            bring_together(contact, theirs, names, fields, provider=row.provider, cause=_cause(row))
        call = _prepared(row, contact, theirs, book, names)
        if call is not None:
            _close(row, contact, names, send(row, book, call))
    except DeletedThere as error:
        known = contact.mappings.filter(provider=row.provider, kind=RECORD, external_id=error.external_id)
        known.filter(gone_at=None).update(gone_at=timezone.now())
        raise
    except SomebodyElse as error:
        contact_duplicates.flag(contact, error.other, reason=str(error))
        raise


def send(row: OutgoingWrite, book: ContactApi | OpportunityApi, call: OutgoingCall) -> Sent:
    """Make the call that was noted on `row`. A refusal is noted, too: what was refused has not been done.

    So is a call that a limit or a missing connection kept from being made: a create may be made again then, while one
    whose answer was lost is looked for first.
    """
    try:
        return book.send(call)
    except (Refused, TemporaryFailure) as error:
        if isinstance(error, Refused) or error.had_no_effect:
            row.update_fenced(response={"refused": str(error)[:2000]})
        raise


def their_record(contact: Contact, book: ContactApi, *, provider: str) -> RemoteContact | None:
    """Return the contact's record there as it is now, None where there is none yet.

    Nothing is written. Raises DeletedThere, SomebodyElse, Permanent, Retryable.
    """
    known = contact.mappings.filter(provider=provider, kind=RECORD, is_main=True).first()
    if known is None:
        return find(Sought.like(contact), book, provider=provider)
    if known.gone_at is not None:
        raise DeletedThere(known.external_id)
    try:
        return book.read(known.external_id)
    except Gone as error:
        raise DeletedThere(known.external_id) from error


def bring_together(
    contact: Contact,
    theirs: RemoteContact,
    names: FieldNames,
    fields: FieldConfiguration,
    *,
    provider: str,
    cause: Cause,
) -> None:
    """Note that `theirs` is the contact's record, and bring ours to what it says, by the rules of every report."""
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        _adopt(held, theirs.external_id, provider=provider)
        changed = contacts.apply_report(as_report(theirs.report, names), provider=provider, cause=cause)
        contact_changed(changed, fields)


def plan(
    contact: Contact, theirs: RemoteContact | None, book: ContactApi, names: FieldNames, *, provider: str
) -> Planned | None:
    """Return the call that makes the provider's record say what `contact` says, None where nothing differs.

    Nothing is asked or written, so a preview plans as a delivery does. `theirs` is the record that `bring_together` has
    merged, None where a new one is to be made. Raises Permanent for somebody who could not be found again.
    """
    told: Mapping[str, Any] = {}
    if theirs is None:
        after = _creation_values(contact, names, provider=provider)
        call = book.creation(names.sent_out(after))
    else:
        told = contact.mappings.get(provider=provider, kind=RECORD, external_id=theirs.external_id).last_synced_values
        after = to_be_written(contact, names, told)
        if not after:
            return None
        call = book.change(theirs, names.sent_out(after))
    return Planned(call=call, before={name: told.get(name) for name in after}, after=after)


def _creation_values(contact: Contact, names: FieldNames, *, provider: str) -> dict[str, Any]:
    """Return what a new record is made of; it says where the person is from, where nothing else says so.

    Raises Permanent for somebody who could not be found again, if the answer were lost.
    """
    if not contact.email and not contact.phone:
        raise Permanent("the contact has neither an e-mail nor a phone number, by which it could be found there")
    values = differing(contact, names, {})
    if SOURCE in names.sent and values.get(SOURCE) in (None, *EMPTY):
        known = set(contact.mappings.exclude(provider=provider).values_list("provider", flat=True))
        origins = (side.mirror.source for key, side in mirrors().items() if key in known and side.mirror)
        if origin := next(origins, ""):
            values[SOURCE] = origin
    return values


def _prepared(
    row: OutgoingWrite, contact: Contact, theirs: RemoteContact | None, book: ContactApi, names: FieldNames
) -> OutgoingCall | None:
    """The call that is to be sent, kept on the row; None where nothing differs, and then the row is closed."""
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        planned = plan(held, theirs, book, names, provider=row.provider)
        if planned is None:
            assert theirs is not None
            end(row, external_id=theirs.external_id)
            return None
        row.note_request(planned.call, before=planned.before, after=planned.after)
    return planned.call


def _close(row: OutgoingWrite, contact: Contact, names: FieldNames, sent: Sent) -> None:
    """Note what stands there now, and end the row; what became different meanwhile is enqueued anew."""
    at = timezone.now()
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        if sent.existed:  # nothing was written: the next attempt reads that record, merges and writes
            _adopt(held, sent.external_id, provider=row.provider)
            row.go_on_with(sent)
            return
        record = _adopt(held, sent.external_id, provider=row.provider)
        note_synced(record, row.after, at=at)
        record.save(update_fields=["last_synced_values", "last_synced_times", "reported_at"])
        end(row, response=dict(sent.answer), external_id=sent.external_id)
        if to_be_written(held, names, record.last_synced_values):
            enqueue_contact(held, row.provider, cause=_cause(row))


def _adopt(contact: Contact, external_id: str, *, provider: str) -> ContactMapping:
    """The mapping to a record that is this contact's. Raises SomebodyElse."""
    is_main = not contact.mappings.filter(provider=provider, kind=RECORD, is_main=True).exists()
    mapping = ContactMapping(contact=contact, provider=provider, kind=RECORD, external_id=external_id, is_main=is_main)
    if insert_once(mapping):
        return mapping
    (known,) = lookup.mappings(provider, {RECORD: external_id})
    if known.contact_id != contact.pk:
        other = known.contact
        raise SomebodyElse(f"contact {external_id} there is {other} (contact {other.pk}) here", other=other)
    return known


def end(row: OutgoingWrite, **columns: Any) -> None:
    """Close the row; what failed before it is settled by it.

    With a `response` it is written now. Without one nothing differs: then a call of which no answer came has been done.
    """
    is_unanswered = row.requested_at is not None and bool(row.after) and row.response is None
    was_sent = "response" in columns or is_unanswered
    row.close(Status.DONE if was_sent else Status.NOT_NEEDED, **columns)
    failed = OutgoingWrite.objects.filter(
        kind=row.kind, provider=row.provider, contact=row.contact, policy=row.policy, status=Status.FAILED
    )
    failed.update(status=Status.SKIPPED, last_error=f"settled by write {row.pk}")


def _cause(row: OutgoingWrite) -> Cause:
    return Cause(text=f"outgoing write {row.pk}: {row.cause}"[:300], staff=row.staff)
