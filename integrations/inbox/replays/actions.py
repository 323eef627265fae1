"""Start, stop and resume replays. Each is one statement, so of two requests at once one takes effect."""

from uuid import UUID, uuid4

from django.db import transaction

from core.cause import Cause
from core.insert_once import insert_once
from core.queue.wakeup import wake_on_commit
from integrations.inbox.models import Replay
from integrations.inbox.replays.criteria import Criteria

PACE = 120  # events a minute
FASTEST = 6000

Status = Replay.Status


class NothingToReplay(Exception):
    """No event of the filter can be processed again."""


def start(
    criteria: Criteria, *, cause: Cause, pace: int = PACE, key: UUID | None = None, wake: bool = True
) -> tuple[Replay, bool]:
    """Start processing the events of a filter again; return the replay, and whether it is new.

    With the same `key` there is one replay, however often and at whatever moments this is called. Raises
    NothingToReplay where the filter has no event that can be processed again.
    """
    events = criteria.events()
    replay = Replay(
        key=key or uuid4(),
        pace=pace,
        total=events.count(),
        last_id=events.order_by("-pk").values_list("pk", flat=True).first() or 0,
        cause=cause.text[:200],
        staff=cause.staff,
        **criteria.columns,
    )
    replay.schedule_wake_up()
    with transaction.atomic():
        if known := Replay.objects.filter(key=replay.key).first():
            return known, False
        if not replay.total:
            raise NothingToReplay
        if not insert_once(replay):
            return Replay.objects.get(key=replay.key), False
        if wake:
            wake_on_commit(replay)
    return replay, True


def stop(replay: Replay) -> bool:
    """Stop a replay; False where it is not running. The event that is being processed is processed to its end."""
    running = Replay.objects.filter(pk=replay.pk, status=Status.PENDING)
    return bool(running.update(status=Status.STOPPED, next_attempt_at=None, wake_at=None))


def resume(replay: Replay, *, wake: bool = True) -> bool:
    """Resume a stopped or failed replay at its place; False where it is neither."""
    with transaction.atomic():
        row = Replay.objects.select_for_update().get(pk=replay.pk)
        if row.status not in (Status.STOPPED, Status.FAILED):
            return False
        row.requeue(last_error="")
        if wake:
            wake_on_commit(row)
    return True
