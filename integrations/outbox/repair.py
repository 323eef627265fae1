"""Actions of staff on writes: retry, skip, undo."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.people.contact_changes import decide
from accounts.people.models import Contact
from core.cause import Cause
from core.queue.wakeup import wake_on_commit
from integrations.outbox import enqueue
from integrations.outbox.models import OutgoingWrite

Status = OutgoingWrite.Status
Kind = OutgoingWrite.Kind


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
                write.requeue(last_error="", pruned_at=None)
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
            last_error=f"{cause.reason or 'skipped'} ({cause.text})",
            next_attempt_at=None,
            wake_at=None,
            finished_at=timezone.now(),
        )
    )


def undo(write: OutgoingWrite, *, cause: Cause) -> list[str]:
    """Restore the values from before a write, here and at every provider; return their names.

    They become ours by the decision of staff, and are written wherever they differ: otherwise the next report would
    bring back what was undone. Raises CannotUndo.
    """
    if write.status != Status.DONE or write.undone_at is not None:
        raise CannotUndo("only what was written, and not taken back before, can be taken back")
    if write.pruned_at is not None:
        raise CannotUndo("what stood there before was removed: it was written too long ago, or the person was erased")
    if write.kind != Kind.CONTACT:
        raise CannotUndo("an opportunity says what its policy says: correct the policy, or the opportunity there")
    if write.operation != OutgoingWrite.Operation.UPDATE:
        raise CannotUndo("the record was made by it: nothing is deleted from here, delete it there by hand")
    with transaction.atomic():
        if write.contact is None:
            raise CannotUndo("the contact was merged into another one")
        held = Contact.objects.select_for_update().get(pk=write.contact.pk)
        if not OutgoingWrite.objects.filter(pk=write.pk, undone_at=None).update(undone_at=timezone.now()):
            raise CannotUndo("somebody took it back just now")
        before = {name: "" if value is None else value for name, value in write.before.items()}
        if "email" in before and not before["email"]:
            del before["email"]
        changed = decide(held, before, cause=cause)
        if changed is None:
            return []
        enqueue.contact_changed(changed)
        return list(changed.changed)
