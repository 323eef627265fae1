"""Write a contact: find the remote record, merge it into ours, write what then still differs.

The record is read before it is written, so that what was changed there meanwhile is merged and not overwritten, a write
whose answer was lost is seen to have been done, and `before` is the remote value. No network inside a transaction.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people import contact_duplicates, contacts, lookup
from accounts.people.contact_report import EMPTY, set_values, timestamp, value_of
from accounts.people.models import Contact, ContactMapping
from core.cause import Cause
from core.insert_once import insert_once
from core.phrases import SEPARATOR, Phrase
from core.queue.outcomes import Wait, wait_until
from integrations import registry
from integrations.contracts.exceptions import Gone, Permanent
from integrations.contracts.mirror import ContactApi, OpportunityApi, RemoteContact, Sent
from integrations.fields.names import FieldConfiguration, FieldNames
from integrations.handlers.contacts import as_report
from integrations.inbox.awaited import wake_on_contact
from integrations.outbox import deletions, enqueue, refused
from integrations.outbox.closing import close
from integrations.outbox.deletions import RemoteDeleted
from integrations.outbox.differences import due, unusable
from integrations.outbox.enqueue import RECORD, contact_changed, enqueue_write
from integrations.outbox.matching import (
    RECORD_THERE,
    SEARCH_LAG,
    OwnedByAnotherContact,
    SearchedPerson,
    described,
    find,
    is_of,
    owner_of,
)
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.planning import PlannedWrite, plan
from integrations.outbox.search_ahead import is_absent
from integrations.toolkit.failures import Refused, TemporaryFailure

_REFUSED_FOR = Phrase(
    "it was refused because of {record}, of whom nothing proves that they are the same", record=RECORD_THERE
)
_ANOTHERS = Phrase("{record} has it, and only one contact may", record=RECORD_THERE)
_OF_BOTH = Phrase("{value}: {record} has it at {provider}, {contact} here", record=RECORD_THERE)
_IS_ANOTHER = Phrase.worded(
    "contact {id} there is {name} (contact {key}) here", _("Already there as {name} ({id}). Same person?")
)
_MERGED = Phrase("the contact was merged into another one")
_MAY_BE_MADE = Phrase("a record may have been made, and is looked for again")
_SUCCESSOR = Phrase("its successor is looked for")
_IN_THE_WAY = Phrase("contact {id} there was in the way, and is gone now")

A_MOMENT = timedelta(seconds=10)
CALL_TIMEOUT = 6.0  # seconds for one call; the four that a write may take end within its lease


def write(row: OutgoingWrite) -> None:
    """Make the record of `row`'s contact equal with ours, and close the row.

    Raises Wait where it must be looked at later, Permanent where staff must do something, Retryable.
    """
    contact = row.contact
    if contact is None:
        row.close(row.Status.SKIPPED, error=_MERGED())
        return
    mirror = registry.provider(row.provider).mirror
    assert mirror is not None
    fields = FieldConfiguration()
    book, names = mirror.open(CALL_TIMEOUT), fields.names(row.provider, mirror)
    cause = row.as_cause
    try:
        is_mapped = contact.mappings.filter(provider=row.provider, kind=RECORD, is_main=True).exists()
        is_new = not is_mapped and is_absent(row, contact, book, mirror)
        remote = None if is_new else find_remote(contact, book, provider=row.provider)
        if remote is not None:
            merge_remote(contact, remote, names, fields, provider=row.provider, cause=cause)
        elif row.operation == row.Operation.CREATE and row.requested_at and row.response is None:
            wait_until(row.requested_at + SEARCH_LAG, _MAY_BE_MADE())
        with transaction.atomic():
            held = Contact.objects.select_for_update().get(pk=contact.pk)
            planned = plan(held, remote, book, names, provider=row.provider, left_out=row.left_out)
            if planned is None:
                assert remote is not None
                close(row, external_id=remote.external_id)
                refused.settle(row, unusable(held, names))
                _look_again(held, remote.external_id, provider=row.provider, cause=cause)
                return
        try:
            sent, at = send(row, book, planned), timezone.now()
        except Gone as error:
            if remote is None:
                raise
            _meet_deletion(row, error, remote, planned, names, cause=cause)
            raise Wait(f"{error}{SEPARATOR}{_SUCCESSOR()}", due=timezone.now() + A_MOMENT) from error
        if sent.refused:
            refused.go_on_without(row, sent, names)
            return
        if sent.existed:
            _judge(row, contact, book, planned, sent)
            return
        with transaction.atomic():
            held = Contact.objects.select_for_update().get(pk=contact.pk)
            record = _map(held, sent.external_id, provider=row.provider)
            _note_synced(record, row.after, at=at)
            close(row, response=dict(sent.answer), external_id=sent.external_id)
            refused.settle(row, unusable(held, names))
            if due(held, names, record):  # it changed while it was written
                enqueue_write(held, row.provider, cause=cause)
            _look_again(held, sent.external_id, provider=row.provider, cause=cause)
    except RemoteDeleted as error:
        deletions.conclude(row, contact, error, cause=cause)
    except OwnedByAnotherContact as error:
        contact_duplicates.flag(contact, error.other, reason=str(error))
        raise


def _note_synced(record: ContactMapping, values: Mapping[str, Any], *, at: datetime) -> None:
    """Note that a remote record has had these values since `at`."""
    record.last_synced_values = record.last_synced_values | dict(values)
    record.last_synced_times = record.last_synced_times | dict.fromkeys(values, timestamp(at))
    record.reported_at = max(record.reported_at or at, at)
    record.save(update_fields=["last_synced_values", "last_synced_times", "reported_at"])


def _meet_deletion(
    row: OutgoingWrite, error: Gone, remote: RemoteContact, planned: PlannedWrite, names: FieldNames, *, cause: Cause
) -> None:
    """Note that the record was deleted since it was read. Where the provider wrote on another contact's record instead,
    have that one's own values written on it again.

    What it wrote there counts as synced at once, so no report of it is taken for a change that was made there.
    """
    report = as_report(remote.report, names)
    # A provider may empty what is not named: counted as empty, it is written again either way.
    written = {**dict.fromkeys(names.sent, ""), **report.values(next(iter(remote.emails), "")), **planned.after}
    ids = {RECORD: error.written_on} if error.written_on else {}
    with transaction.atomic():
        for other in lookup.match(provider=row.provider, identities=ids, hold=True).records:
            owner = other.contact
            if owner.pk == row.contact_id:
                continue
            _note_synced(other, written, at=timezone.now())
            ours = {name: value_of(owner, name) for name, value in written.items() if value}
            empty = {name: value for name, value in ours.items() if value in EMPTY}
            set_values(owner, empty, provider="", at=timezone.now())  # so they are emptied
            owner.save(update_fields=["origins"])
            enqueue_write(owner, row.provider, cause=cause)
    with transaction.atomic():
        for mapping in lookup.match(provider=row.provider, identities={RECORD: remote.external_id}, hold=True).records:
            deletions.note(mapping.contact, remote.external_id, provider=row.provider)


def _look_again(contact: Contact, external_id: str, *, provider: str, cause: Cause) -> None:
    """Enqueue a search where the record's deletion was reported while this write was under way."""
    for record in contact.mappings.filter(provider=provider, kind=RECORD, external_id=external_id):
        enqueue.search_successor(record, cause=cause)


def _judge(row: OutgoingWrite, contact: Contact, book: ContactApi, planned: PlannedWrite, sent: Sent) -> None:
    """Let the next attempt go on after the provider refused a value that another record has.

    That record is adopted where a new one was to be created and it is surely this person's, and staff did not tell the
    two apart. Else the contested value is left out, and staff are asked: whether the two are one person, where the
    other one is a contact of ours, and once that is answered, or it is not, what becomes of the value.
    Nothing is written on the other record.
    Raises OwnedByAnotherContact; Permanent where the provider does not say which value it is.
    """
    try:
        other = book.read(sent.external_id)
    except Gone:  # a moment ago it was there
        raise TemporaryFailure(_IN_THE_WAY(id=sent.external_id)) from None
    person, owner = SearchedPerson.like(contact), owner_of(row.provider, other.external_id)
    is_told_apart = owner is not None and owner.pk in person.apart
    if planned.call.creates and is_of(other, person) and not is_told_apart:
        with transaction.atomic():
            held = Contact.objects.select_for_update().get(pk=contact.pk)
            _map(held, other.external_id, provider=row.provider)
            row.go_on_with(sent)
        return
    same = {"email": other.emails, "phone": other.phones}
    name = sent.contested or next((name for name in same if planned.after.get(name) in same[name]), "")
    if name not in planned.after:
        raise Permanent(_REFUSED_FOR(record=described(other)))
    reason = _ANOTHERS(record=described(other))
    with transaction.atomic():
        if owner is not None:
            of_both = _OF_BOTH(
                value=planned.after[name], record=described(other), provider=row.provider, contact=contact
            )
            contact_duplicates.flag(contact, owner, reason=of_both)
        left_out = {name: {"value": planned.after[name], "reason": reason}}
        if owner is None or is_told_apart:  # else it is asked whether the two are one person
            refused.note(row, left_out)
        row.go_on_with(sent, external_id=planned.call.external_id, left_out={**row.left_out, **left_out})


def find_remote(contact: Contact, book: ContactApi, *, provider: str) -> RemoteContact | None:
    """Return the contact's remote record as it is now, None where there is none yet.

    Where the known one is gone, a record with the same evidence is its successor: it was merged into that one. Records
    of which nothing proves that are a question to staff (Permanent). Nothing is written. Raises RemoteDeleted,
    OwnedByAnotherContact, Permanent, Retryable.
    """
    records = list(contact.mappings.filter(provider=provider, kind=RECORD).order_by("-is_main", "pk"))
    for record in records:  # one that staff merged into this contact takes the place of one that is gone
        if record.gone_at is None:
            try:
                return book.read(record.external_id)
            except Gone:
                continue
    successor = find(SearchedPerson.like(contact), book, provider=provider, asks=bool(records))
    if successor is None and records:
        raise RemoteDeleted(records[0].external_id)
    return successor


def merge_remote(
    contact: Contact,
    remote: RemoteContact,
    names: FieldNames,
    fields: FieldConfiguration,
    *,
    provider: str,
    cause: Cause,
) -> None:
    """Map `remote` to the contact, and merge its values into ours by the rules of every report.

    Nothing is enqueued at `provider`: what differs from its record is planned by whoever has read it.
    """
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        _map(held, remote.external_id, provider=provider)
        changed = contacts.apply_report(as_report(remote.report, names), provider=provider, cause=cause)
        contact_changed(changed, fields, but=provider)


def send(row: OutgoingWrite, book: ContactApi | OpportunityApi, planned: PlannedWrite) -> Sent:
    """Store the request on `row`, then make it: whatever happens, the row says what may have been done.

    A refusal is stored, too: what was refused has not been done. So is a call that a limit or a missing connection kept
    from being made: a create may be made again then, while one whose answer was lost is looked for first. Raises
    LeaseLost, Refused, TemporaryFailure.
    """
    call = planned.call
    request, *then = ({"method": one.method, "path": one.path, "body": dict(one.body)} for one in (call, *call.then))
    row.update_fenced(
        operation=row.Operation.CREATE if call.creates else row.Operation.UPDATE,
        external_id=call.external_id,
        before=dict(planned.before),
        after=dict(planned.after),
        left_out=dict(planned.left_out),
        request=request | ({"then": then} if then else {}),
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
    """Return the mapping of a remote record to this contact, stored anew if need be: its main one from now on.

    Another one that was is gone. Raises OwnedByAnotherContact.
    """
    others = contact.mappings.filter(provider=provider, kind=RECORD, is_main=True).exclude(external_id=external_id)
    mapping = ContactMapping(contact=contact, provider=provider, kind=RECORD, external_id=external_id)
    mapping.take_over(others.first())
    others.update(is_main=False, gone_at=Coalesce("gone_at", timezone.now()))
    if insert_once(mapping):
        wake_on_contact(provider, [external_id])
    else:
        (mapping,) = lookup.match(provider=provider, identities={RECORD: external_id}).records
        if mapping.contact_id != contact.pk:
            other = mapping.contact
            raise OwnedByAnotherContact(_IS_ANOTHER(id=external_id, name=other, key=other.pk), other=other)
    if not mapping.is_main:
        mapping.is_main = True
        mapping.save(update_fields=["is_main"])
    return mapping
