"""Trace of the clock's runs: when Enlace itself did not run, nobody's silence says anything.

A figure is one stretch of time in which the clock ran: `at` is its first run, `counted_at` its last one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from core.insert_once import insert_once
from integrations.operations.models import Figure

Pause = tuple[datetime, datetime]
SHORTEST_PAUSE = timedelta(minutes=15)  # the clock runs every three minutes
_NEWEST = 500  # stretches


def note_run(now: datetime) -> Sequence[Pause]:
    """Note that the clock runs; return when it did not, the earliest first.

    Nothing is known of the time before its first run.
    """
    stretches = list(Figure.objects.filter(kind=Figure.Kind.CLOCK).order_by("-at")[:_NEWEST])
    newest = stretches[0] if stretches else None
    if newest is None or newest.counted_at < now - SHORTEST_PAUSE:
        newest = Figure(kind=Figure.Kind.CLOCK, at=now, counted_at=now)
        insert_once(newest)
        stretches.append(newest)
    elif newest.counted_at < now:
        newest.counted_at = now
        newest.save(update_fields=["counted_at"])
    return pauses_between(stretches, now)


def pauses_between(stretches: Iterable[Figure], now: datetime) -> Sequence[Pause]:
    """Return the pauses between stretches, and the one that lasts."""
    ordered = sorted((row.at, row.counted_at) for row in stretches)
    ends = [(before[1], after[0]) for before, after in pairwise([*ordered, (now, now)])]
    return [(begin, end) for begin, end in ends if end - begin > SHORTEST_PAUSE]
