"""The end of a write, and what it settles."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from core.phrases import Phrase
from core.queue.wakeup import wake_on_commit
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.planning import notes_of

_SETTLED = Phrase("settled by write {write}")
_TAKEN_ON = Phrase("write {write} took it on")

Status = OutgoingWrite.Status


def close(row: OutgoingWrite, *, skipped: str = "", **columns: Any) -> None:
    """Close the row, settle what failed before it, and make due the opportunities that wait for a contact's record.

    With a `response` it is written now. Without one nothing differs: then a call that was not answered has been done.
    `skipped` is why nothing is written at all. Raises LeaseLost.
    """
    is_unanswered = row.requested_at is not None and bool(row.after) and row.response is None
    was_sent = "response" in columns or is_unanswered
    if skipped:
        row.close(Status.SKIPPED, error=skipped, **columns)
    else:
        row.close(Status.DONE if was_sent else Status.NOT_NEEDED, error=notes_of(row.left_out), **columns)
    _failed_before(row).update(status=Status.SKIPPED, last_error=_SETTLED(write=row.pk))
    if row.kind == row.Kind.CONTACT:
        waiting = OutgoingWrite.objects.filter(
            kind=row.Kind.OPPORTUNITY, provider=row.provider, contact=row.contact, status=Status.PENDING
        )
        for opportunity in waiting.filter(crashes=0, failures=0, next_attempt_at__gt=timezone.now()):
            opportunity.requeue()
            wake_on_commit(opportunity)


def take_on(row: OutgoingWrite) -> None:
    """Skip what failed before a write that failed too: it tried to write all that differs, so it alone is a problem."""
    _failed_before(row).filter(pk__lt=row.pk).update(status=Status.SKIPPED, last_error=_TAKEN_ON(write=row.pk))


def _failed_before(row: OutgoingWrite) -> QuerySet[OutgoingWrite]:
    return OutgoingWrite.objects.filter(
        kind=row.kind, provider=row.provider, contact=row.contact, policy=row.policy, status=Status.FAILED
    ).exclude(pk=row.pk)
