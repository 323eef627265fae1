"""The two Celery tasks of the queue: one works on rows of any kind, the other wakes workers for due rows."""

import logging
import time

from celery import shared_task

from core.queue import runner, wakeup
from core.queue.delivery import DeliveryQuerySet
from core.queue.limits import BEGIN_ROWS_FOR

logger = logging.getLogger(__name__)


@shared_task(name=wakeup.RUN_TASK)
def run_jobs(name: str, keys: list[int]) -> None:
    """Make an attempt at each of these rows of one kind.

    Rows that the message's time limits would cut short go into another message.
    """
    kind = runner.KINDS.get(name)
    if kind is None:  # published by another version, whose own sweep finds the rows
        logger.warning("wake-up for an unknown kind of job dropped", extra={"kind": name})
        return
    started = time.monotonic()
    for place, key in enumerate(keys):
        if place and time.monotonic() - started >= BEGIN_ROWS_FOR:
            wakeup.wake(kind.model, keys[place:])
            return
        runner.run(kind.model, key)


@shared_task(name="core.sweep_jobs")
def sweep_jobs() -> None:
    """Wake workers for due rows without one: a bounded number of each kind, so that no kind starves another."""
    for kind in runner.KINDS.values():
        wakeup.wake(kind.model, DeliveryQuerySet(kind.model).claim_wake_ups())
