"""Actions of staff on writes: retry, skip, undo."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.people.contact_changes import decide
from accounts.people.models import Contact
from core.cause import Cause
from core.queue.wakeup import wake_on_commit
from integrations.outbox.enqueue import WRITE_TASK
from integrations.outbox.models import OutgoingWrite

Status = OutgoingWrite.Status
Kind = OutgoingWrite.Kind


class CannotUndo(Exception):
    """The write cannot be taken back; the message says why and what can be done instead."""


def retry(writes: Iterable[OutgoingWrite]) -> int:
    """Make writes due now that failed, were skipped or wait; how many. One that a worker is at stays, and so does one
    beside which a newer one is open: that will say everything.
    """
    count = 0
    for write in writes:
        waits = write.status == Status.PENDING and not write.crashes and (write.failures or write.last_error)
        if not waits and write.status not in (Status.FAILED, Status.SKIPPED):
            continue
        try:
            with transaction.atomic():
                write.requeue(last_error="", pruned_at=None)
                wake_on_commit(WRITE_TASK, write.pk)
        except IntegrityError:
            continue
        count += 1
    return count


def skip(write: OutgoingWrite, *, cause: Cause) -> bool:
    """Let a write that waits or failed be left out; False where it ended otherwise. The difference stays until
    something of the person changes, or somebody presses *sync now*.
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
    """Make the values that a write changed what they were before it, here and on every side; their names.

    The before-image becomes ours by the decision of staff, and is written wherever it is not so: otherwise the next
    report would bring back what was undone. Raises CannotUndo.
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
        return decide(held, before, cause=cause)
