"""Actions of staff on writes: retry, skip, undo."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.people import contact_split
from accounts.people.contact_changes import decide
from accounts.people.contact_report import value_of
from accounts.people.models import Contact, ContactMapping
from core.cause import Cause
from core.field_names import CUSTOM
from core.phrases import TEXT, Phrase
from core.queue.wakeup import wake_on_commit
from integrations.fields.names import as_text
from integrations.outbox import enqueue
from integrations.outbox.matching import name_key
from integrations.outbox.models import OutgoingWrite

_NOT_WRITTEN = Phrase("only what was written, and not taken back before, can be taken back")
_REMOVED = Phrase("what stood there before was removed: it was written too long ago, or the person was erased")
_A_MARK = Phrase("the mark follows the deletion: it is taken away once the record is there again")
_AN_OPPORTUNITY = Phrase("an opportunity says what its policy says: correct the policy, or the opportunity there")
_MADE = Phrase("the record was made by it: nothing is deleted from here, delete it there by hand")
_MERGED = Phrase("the contact was merged into another one")
_JUST_NOW = Phrase("somebody took it back just now")

_SKIPPED = Phrase("skipped ({cause})", cause=TEXT)

Status = OutgoingWrite.Status
Kind = OutgoingWrite.Kind
A_MOMENT = timedelta(seconds=10)  # a match and the write that it leads to are stored together


class CannotUndo(Exception):
    """The write cannot be undone; the message says why and what can be done instead."""


def retry(writes: Iterable[OutgoingWrite]) -> int:
    """Make writes due now that failed, were skipped or wait; return how many.

    One that a worker holds stays as it is, and so does one beside which a newer one is pending, which covers it.
    """
    count = 0
    for write in writes:
        waits = write.status == Status.PENDING and not write.crashes and (write.failures or write.last_error)
        if not waits and write.status not in (Status.FAILED, Status.SKIPPED):
            continue
        try:
            with transaction.atomic():
                write.requeue(last_error="", pruned_at=None, left_out={})
                wake_on_commit(write)
        except IntegrityError:
            continue
        count += 1
    return count


def skip(write: OutgoingWrite, *, cause: Cause) -> bool:
    """Skip a write that waits or failed; False where it ended otherwise.

    The difference stays until something of the contact changes, or somebody presses *sync now*.
    """
    still = OutgoingWrite.objects.filter(pk=write.pk, status__in=[Status.PENDING, Status.FAILED])
    return bool(
        still.update(
            status=Status.SKIPPED,
            last_error=cause.after(cause.reason) if cause.reason else _SKIPPED(cause=cause.text),
            next_attempt_at=None,
            wake_at=None,
            finished_at=timezone.now(),
        )
    )


def undo(write: OutgoingWrite, *, cause: Cause) -> list[str]:
    """Restore what stood before a write, here and at every provider; return the names of the values.

    They become ours by the decision of staff, and are written wherever they differ: otherwise the next report would
    bring back what was undone. What changed since stays (`newer_values`). A write that took over another person's
    record gives it back: both people have their own values again, and are never matched with each other. Raises
    CannotUndo.
    """
    if write.status != Status.DONE or write.undone_at is not None:
        raise CannotUndo(_NOT_WRITTEN())
    if write.pruned_at is not None:
        raise CannotUndo(_REMOVED())
    if write.kind == Kind.MARK:
        raise CannotUndo(_A_MARK())
    if write.kind != Kind.CONTACT:
        raise CannotUndo(_AN_OPPORTUNITY())
    if write.operation != OutgoingWrite.Operation.UPDATE:
        raise CannotUndo(_MADE())
    with transaction.atomic():
        if write.contact is None:
            raise CannotUndo(_MERGED())
        held = Contact.objects.select_for_update().get(pk=write.contact.pk)
        if not OutgoingWrite.objects.filter(pk=write.pk, undone_at=None).update(undone_at=timezone.now()):
            raise CannotUndo(_JUST_NOW())
        before = {name: "" if value is None else value for name, value in write.before.items()}
        if mapping := taken_over(write):
            own = _values_before(write, mapping)
            other, changed = contact_split.split(held, mapping, own, since=_linked_at(held), cause=cause)
            enqueue.enqueue_write(other, write.provider, cause=cause)
            enqueue.contact_changed(changed, but=write.provider)
            return list(before)
        if "email" in before and not before["email"]:
            del before["email"]
        newer = newer_values(write, held)
        changed_values = decide(held, {name: before[name] for name in before if name not in newer}, cause=cause)
        if changed_values is None:
            return []
        enqueue.contact_changed(changed_values)
        return list(changed_values.changed)


def newer_values(write: OutgoingWrite, contact: Contact) -> list[str]:
    """Return the names of values that changed since the write: an undo leaves them as they are."""
    known = {name: value for name, value in write.after.items() if name.startswith(CUSTOM) or hasattr(contact, name)}
    return [name for name, value in known.items() if as_text(value_of(contact, name)) != as_text(value)]


def taken_over(write: OutgoingWrite) -> ContactMapping | None:
    """Return the mapping of the record where this write made another person's record that of its contact.

    It is the first write on a record that was not made from here, came with the match of the two records, and put
    another name over the one that stood there.
    """
    contact = write.contact
    if contact is None:
        return None
    records = contact.mappings.filter(kind=enqueue.RECORD)
    mapping = records.filter(provider=write.provider, external_id=write.external_id).first()
    if mapping is None or not records.exclude(provider=write.provider).exists():
        return None
    linked_at = _linked_at(contact)
    written = OutgoingWrite.objects.filter(
        provider=write.provider, kind=Kind.CONTACT, external_id=write.external_id, status=Status.DONE, pk__lt=write.pk
    )
    if linked_at < write.created_at - 2 * A_MOMENT or written.exists():
        return None
    now = {**mapping.last_synced_values, **write.after}
    former = name_key(*({**now, **write.before}.get(name) for name in ("first_name", "last_name")))
    return mapping if former and former != name_key(now.get("first_name"), now.get("last_name")) else None


def _values_before(write: OutgoingWrite, mapping: ContactMapping) -> dict[str, Any]:
    """Return the values of a record without this write and those on it since, which are undone with it.

    What its provider changed after one of them stays.
    """
    writes = OutgoingWrite.objects.filter(
        provider=write.provider, kind=Kind.CONTACT, external_id=write.external_id, status=Status.DONE, pk__gte=write.pk
    )
    values = dict(mapping.last_synced_values)
    for row in writes.order_by("-pk"):
        for name, former in row.before.items():
            if as_text(values.get(name)) == as_text(row.after.get(name)):
                values[name] = "" if former is None else former
    writes.filter(undone_at=None).update(undone_at=timezone.now())
    return values


def _linked_at(contact: Contact) -> datetime:
    """Return when the newest of the contact's records was mapped to it, a moment early."""
    known = contact.mappings.filter(kind=enqueue.RECORD, known_since__isnull=False).order_by("-known_since").first()
    return known.known_since - A_MOMENT if known and known.known_since else datetime.min.replace(tzinfo=UTC)
