"""Write a contact: find the remote record, merge it into ours, write what then still differs.

The record is read before it is written, so that what was changed there meanwhile is merged and not overwritten, a write
whose answer was lost is seen to have been done, and `before` is the remote value. No network inside a transaction.
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
from integrations.fields.names import FieldConfiguration, FieldNames, stored_name
from integrations.handlers.contacts import as_report
from integrations.outbox.differences import differences
from integrations.outbox.enqueue import RECORD, contact_changed, enqueue_write, mirrored_providers
from integrations.outbox.matching import OwnedByAnotherContact, SearchedPerson, find
from integrations.outbox.models import OutgoingWrite
from integrations.toolkit.failures import Refused, TemporaryFailure

CALL_TIMEOUT = 6.0  # seconds for one call; the four that a write may take end within its lease
SEARCH_LAG = timedelta(seconds=60)  # a created record whose answer was lost is found by a search by then
SOURCE = stored_name("source")
Status = OutgoingWrite.Status


class RemoteDeleted(Permanent):
    """The known record was deleted at the provider; `external_id` is its id."""

    def __init__(self, external_id: str, *, noun: str = "") -> None:
        super().__init__(f"{noun}{external_id} was deleted there; nothing is made anew by itself")
        self.external_id = external_id


@dataclass(frozen=True, kw_only=True)
class PlannedWrite:
    """A call that is due, with the values that it changes: stored name → remote value now, and then."""

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
    book, names = mirror.open(CALL_TIMEOUT), fields.names(row.provider, mirror)
    cause = Cause(text=f"outgoing write {row.pk}: {row.cause}"[:300], staff=row.staff)
    try:
        remote = find_remote(contact, book, provider=row.provider)
        if remote is not None:
            merge_remote(contact, remote, names, fields, provider=row.provider, cause=cause)
        elif row.operation == row.Operation.CREATE and row.requested_at and row.response is None:
            wait_until(row.requested_at + SEARCH_LAG, "a record may have been made, and is looked for again")
        with transaction.atomic():
            held = Contact.objects.select_for_update().get(pk=contact.pk)
            planned = plan(held, remote, book, names, provider=row.provider)
            if planned is None:
                assert remote is not None
                close(row, external_id=remote.external_id)
                return
        sent, at = send(row, book, planned), timezone.now()
        with transaction.atomic():
            held = Contact.objects.select_for_update().get(pk=contact.pk)
            record = _map(held, sent.external_id, provider=row.provider)
            if sent.existed:  # nothing was written: the next attempt reads that record, merges and writes
                row.go_on_with(sent)
                return
            note_synced(record, row.after, at=at)
            record.save(update_fields=["last_synced_values", "last_synced_times", "reported_at"])
            close(row, response=dict(sent.answer), external_id=sent.external_id)
            if differences(held, names, record.last_synced_values):  # it changed while it was written
                enqueue_write(held, row.provider, cause=cause)
    except RemoteDeleted as error:
        known = contact.mappings.filter(provider=row.provider, kind=RECORD, external_id=error.external_id)
        known.filter(gone_at=None).update(gone_at=timezone.now())
        raise
    except OwnedByAnotherContact as error:
        contact_duplicates.flag(contact, error.other, reason=str(error))
        raise


def find_remote(contact: Contact, book: ContactApi, *, provider: str) -> RemoteContact | None:
    """Return the contact's remote record as it is now, None where there is none yet.

    Nothing is written. Raises RemoteDeleted, OwnedByAnotherContact, Permanent, Retryable.
    """
    known = contact.mappings.filter(provider=provider, kind=RECORD, is_main=True).first()
    if known is None:
        return find(SearchedPerson.like(contact), book, provider=provider)
    if known.gone_at is not None:
        raise RemoteDeleted(known.external_id)
    try:
        return book.read(known.external_id)
    except Gone as error:
        raise RemoteDeleted(known.external_id) from error


def merge_remote(
    contact: Contact,
    remote: RemoteContact,
    names: FieldNames,
    fields: FieldConfiguration,
    *,
    provider: str,
    cause: Cause,
) -> None:
    """Map `remote` to the contact, and merge its values into ours by the rules of every report."""
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        _map(held, remote.external_id, provider=provider)
        changed = contacts.apply_report(as_report(remote.report, names), provider=provider, cause=cause)
        contact_changed(changed, fields)


def plan(
    contact: Contact, remote: RemoteContact | None, book: ContactApi, names: FieldNames, *, provider: str
) -> PlannedWrite | None:
    """Return the call that makes the remote record equal with `contact`, None where nothing differs.

    Nothing is read or written at the provider, so a preview plans as a delivery does. `remote` is the record that
    `merge_remote` has merged, None where a new one is to be created. Raises Permanent for a contact that could not be
    found again.
    """
    synced: Mapping[str, Any] = {}
    if remote is None:
        after = _creation_values(contact, names, provider=provider)
    else:
        synced = contact.mappings.get(provider=provider, kind=RECORD, external_id=remote.external_id).last_synced_values
        after = differences(contact, names, synced)
        if not after:
            return None
    values = {names.remote.get(name, name): value for name, value in after.items()}
    call = book.creation(values) if remote is None else book.change(remote, values)
    return PlannedWrite(call=call, before={name: synced.get(name) for name in after}, after=after)


def _creation_values(contact: Contact, names: FieldNames, *, provider: str) -> dict[str, Any]:
    """Return the values of a new record; its source is the provider that the contact is from, where it has none.

    Raises Permanent for a contact that could not be found again, if the answer were lost.
    """
    if not contact.email and not contact.phone:
        raise Permanent("the contact has neither an e-mail nor a phone number, by which it could be found there")
    values = differences(contact, names, {}, with_frozen=True)
    if SOURCE in names.sent and values.get(SOURCE) in (None, *EMPTY):
        known = set(contact.mappings.exclude(provider=provider).values_list("provider", flat=True))
        sources = (side.mirror.source for key, side in mirrored_providers().items() if key in known and side.mirror)
        if source := next(sources, ""):
            values[SOURCE] = source
    return values


def send(row: OutgoingWrite, book: ContactApi | OpportunityApi, planned: PlannedWrite) -> Sent:
    """Store the request on `row`, then make it: whatever happens, the row says what may have been done.

    A refusal is stored, too: what was refused has not been done. So is a call that a limit or a missing connection kept
    from being made: a create may be made again then, while one whose answer was lost is looked for first. Raises
    LeaseLost, Refused, TemporaryFailure.
    """
    call = planned.call
    row.update_fenced(
        operation=row.Operation.CREATE if call.creates else row.Operation.UPDATE,
        external_id=call.external_id,
        before=dict(planned.before),
        after=dict(planned.after),
        request={"method": call.method, "path": call.path, "body": dict(call.body)},
        response=None,
        requested_at=timezone.now(),
    )
    try:
        return book.send(call)
    except (Refused, TemporaryFailure) as error:
        if isinstance(error, Refused) or error.had_no_effect:
            row.update_fenced(response={"refused": str(error)[:2000]})
        raise


def _map(contact: Contact, external_id: str, *, provider: str) -> ContactMapping:
    """Return the mapping of a remote record to this contact, stored anew if need be. Raises OwnedByAnotherContact."""
    is_main = not contact.mappings.filter(provider=provider, kind=RECORD, is_main=True).exists()
    mapping = ContactMapping(contact=contact, provider=provider, kind=RECORD, external_id=external_id, is_main=is_main)
    if insert_once(mapping):
        return mapping
    (known,) = lookup.mappings(provider, {RECORD: external_id})
    if known.contact_id != contact.pk:
        other = known.contact
        raise OwnedByAnotherContact(f"contact {external_id} there is {other} (contact {other.pk}) here", other=other)
    return known


def close(row: OutgoingWrite, **columns: Any) -> None:
    """Close the row, and settle what failed before it.

    With a `response` it is written now. Without one nothing differs: then a call that was not answered has been done.
    """
    is_unanswered = row.requested_at is not None and bool(row.after) and row.response is None
    was_sent = "response" in columns or is_unanswered
    row.close(Status.DONE if was_sent else Status.NOT_NEEDED, **columns)
    failed = OutgoingWrite.objects.filter(
        kind=row.kind, provider=row.provider, contact=row.contact, policy=row.policy, status=Status.FAILED
    )
    failed.update(status=Status.SKIPPED, last_error=f"settled by write {row.pk}")
