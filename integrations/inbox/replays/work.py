"""Job of a replay: an attempt processes as many events as the pace allows for some seconds, then it is due again."""

import logging
import time
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.phrases import Phrase
from core.queue import runner
from core.queue.outcomes import Wait
from core.queue.runner import JobKind
from core.written import noting_writes
from integrations.inbox import process
from integrations.inbox.models import InboxEvent, Replay
from integrations.inbox.models.event import Status
from integrations.inbox.models.replay import REMEMBERED
from integrations.inbox.replays.criteria import Criteria
from integrations.inbox.replays.plan import RECORDS, is_news

_IN_PROCESS = Phrase("event {id} is being processed")

logger = logging.getLogger(__name__)
STEP = 5.0  # seconds of the pace that one attempt makes good
SECONDS = 8.0  # after which an attempt begins no further event; the lease is 30, and an event may take 12

LOOK_AGAIN = timedelta(seconds=2)  # at an event that another attempt holds


def advance(replay: Replay) -> None:
    """Process the next events of a replay again. Raises LeaseLost where it was stopped meanwhile."""
    began, end = timezone.now(), time.monotonic() + SECONDS
    if not replay.is_counted:  # a worker died over it: its event is due, and perhaps was processed
        _finish(replay)
    events = Criteria.of(replay).events().filter(pk__gt=replay.place, pk__lte=replay.last_id)
    many = max(int(replay.pace * STEP / 60), 1)
    keys = list(events.values_list("pk", flat=True)[: many + 1])
    begun = 0
    for key in keys[:many]:
        if begun and time.monotonic() >= end:
            break
        _begin(replay, key, events.defer("body", "headers").filter(pk=key).first())
        begun += 1
    if begun == len(keys):
        replay.close(Replay.Status.DONE)
        logger.info("replayed", extra={"replay": replay.pk, "events": replay.done, "changed": replay.changed})
        return
    replay.postpone(began + timedelta(seconds=begun * 60 / replay.pace), last_error="", failures=0)


def _begin(replay: Replay, key: int, event: InboxEvent | None) -> None:
    """Make an event due together with the replay's place, and process it here, unless a worker is quicker.

    None in place of an event that left the filter meanwhile: the replay passes it.
    """
    with transaction.atomic():
        is_due = event is not None and bool(process.retry([event], wake=False))
        replay.update_fenced(place=key, is_counted=not is_due, done=replay.done + int(is_due))
    if is_due:
        _finish(replay)


def _finish(replay: Replay) -> None:
    """Process the event that a replay has made due, and count what came of it.

    After a worker died over it, another one may have processed it: then it counts, but not what it changed. Raises Wait
    where another attempt at it is under way.
    """
    event = InboxEvent.objects.defer("body", "headers").filter(pk=replay.place).first()
    is_changed = is_unsettled = False
    if event is not None:
        with noting_writes(leaving_out=RECORDS) as written:
            runner.run(InboxEvent, event.pk)
        is_changed = any(map(is_news, written.changes()))
        event.refresh_from_db(fields=["status", "crashes"])
        if event.status == Status.PENDING and event.crashes:
            raise Wait(_IN_PROCESS(id=event.pk), due=timezone.now() + LOOK_AGAIN)
        is_unsettled = event.status not in (Status.PROCESSED, Status.IGNORED)
    # Remembered before it is counted: a worker that dies in between does both again, and twice is once.
    if event is not None and is_unsettled and replay.unsettled < REMEMBERED:
        replay.unsettled_events.add(event)
    # Where it was stopped meanwhile it counts as well, once.
    Replay.objects.filter(pk=replay.pk, place=replay.place, is_counted=False).update(
        is_counted=True, changed=F("changed") + int(is_changed), unsettled=F("unsettled") + int(is_unsettled)
    )
    replay.refresh_from_db(fields=["is_counted", "changed", "unsettled"])


JOBS = JobKind(model=Replay, work=advance, noun="replay", stores_database_errors=True)
