"""The rhythm in which events come, learnt from when they came: how long a silence is usual at an hour of the week.

A gap between two events is measured by how many events were to be expected in it, at the rate of each hour of the week
that it covers. So a quiet night and a busy noon are one distribution, whose highest quantile is the limit. Pure:
moments in, numbers out.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

HOURS = 168  # of a week, from Monday 0 o'clock in the business's time zone
BURST = timedelta(minutes=5)  # events closer together are one arrival
SHORTEST = timedelta(hours=1)  # no shorter silence is told
LONGEST = timedelta(weeks=8)  # no longer one is measured
ARRIVALS_AT_LEAST = 50
SPAN_AT_LEAST = timedelta(weeks=2)
QUANTILE = 0.999
DAYS_APART = (
    400  # of two false alarms, if later weeks were just like the learnt ones; measured, it is a quarter of that
)
_TAIL = 0.9  # the gaps above this quantile say how fast longer ones become rare
_PRIOR = 2.0  # arrivals at the mean rate that are added to each hour of the week
AN_HOUR = timedelta(hours=1)
Pause = tuple[datetime, datetime]
_QUARTER = timedelta(minutes=15)  # every zone's offset is a multiple of it


class Quarter(NamedTuple):
    """The hour of the week of a quarter, its length in hours, and how much of that is in no pause."""

    hour: int
    length: float
    watched: float


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """`rates` are arrivals an hour by the hour of the week; a silence is unusual beyond `limit` expected arrivals."""

    rates: Sequence[float]
    limit: float

    def expected(self, begin: datetime, end: datetime, zone: tzinfo, pauses: Sequence[Pause] = ()) -> float:
        """Return how many arrivals are expected between two moments, 0 where the clock went back."""
        return sum(one.watched * self.rates[one.hour] for one in _quarters(begin, end, zone, pauses))

    def overdue_at(self, last: datetime, zone: tzinfo, pauses: Sequence[Pause] = ()) -> datetime:
        """Return when a silence that began with the event at `last` becomes unusual."""
        left, end, watched = self.limit, last, timedelta(0)
        for one in _quarters(last, last + LONGEST, zone, pauses):
            end += timedelta(hours=one.length)
            watched += timedelta(hours=one.watched)
            left -= one.watched * self.rates[one.hour]
            if left <= 0:
                break
        return max(end, end + SHORTEST - watched)

    def usual(self, now: datetime, zone: tzinfo) -> timedelta:
        """Return how long a silence that ends now is at most, as a rule."""
        left, length = self.limit, timedelta(0)
        while left > 0 and length < LONGEST:
            begin = now - length - _QUARTER
            left -= self.expected(begin, begin + _QUARTER, zone)
            length += _QUARTER
        return max(length, SHORTEST)


def learn(times: Sequence[datetime], zone: tzinfo, pauses: Sequence[Pause] = ()) -> Rhythm | None:
    """Return the rhythm of events, None where they are too few or came within too short a time.

    `pauses` are times in which nobody could have received any: no rate and no gap counts them.
    """
    arrivals = _without_bursts(sorted(times))
    if len(arrivals) < ARRIVALS_AT_LEAST or arrivals[-1] - arrivals[0] < SPAN_AT_LEAST:
        return None
    rates = _rates(arrivals, zone, pauses)
    measure = Rhythm(rates=rates, limit=0)
    pairs = zip(arrivals, arrivals[1:], strict=False)
    gaps = sorted(measure.expected(begin, end, zone, pauses) for begin, end in pairs)
    days = (arrivals[-1] - arrivals[0]) / timedelta(days=1)
    level = max(QUANTILE, 1 - days / (DAYS_APART * len(gaps)))
    return Rhythm(rates=rates, limit=_limit(gaps, level))


def _without_bursts(times: Sequence[datetime]) -> list[datetime]:
    kept: list[datetime] = []
    for moment in times:
        if not kept or moment - kept[-1] >= BURST:
            kept.append(moment)
    return kept


def _rates(arrivals: Sequence[datetime], zone: tzinfo, pauses: Sequence[Pause]) -> list[float]:
    """Return the rate of each hour of the week, from its neighbours too, and nearer to the mean where data are few."""
    hours, numbers = [0.0] * HOURS, [0] * HOURS
    for one in _quarters(arrivals[0], arrivals[-1], zone, pauses):
        hours[one.hour] += one.watched
    for moment in arrivals:
        numbers[_hour_of_week(moment, zone)] += 1
    mean = len(arrivals) / max(sum(hours), 1.0)
    prior = _PRIOR / mean  # hours
    around = [(hour - 1, hour, (hour + 1) % HOURS) for hour in range(HOURS)]
    return [(sum(numbers[one] for one in near) + _PRIOR) / (sum(hours[one] for one in near) + prior) for near in around]


def _limit(gaps: Sequence[float], level: float) -> float:
    """Return a quantile of sorted gaps: the observed one, or what their tail suggests where that is longer.

    The longest gap alone does not decide, since it may have been an outage. The fewer gaps the tail has, the more is
    added to it: its mean is known the less (by one standard error of an exponential tail).
    """
    observed = gaps[min(math.ceil(len(gaps) * level), len(gaps) - 1) - 1]
    tail_from = gaps[math.ceil(len(gaps) * _TAIL) - 1]
    beyond = [gap - tail_from for gap in gaps if gap > tail_from]
    mean = sum(beyond) / len(beyond) * (1 + len(beyond) ** -0.5) if beyond else 0.0
    return max(observed, tail_from + mean * math.log((1 - _TAIL) / (1 - level)))


def _hour_of_week(moment: datetime, zone: tzinfo) -> int:
    local = moment.astimezone(zone)
    return local.weekday() * 24 + local.hour


def _quarters(begin: datetime, end: datetime, zone: tzinfo, pauses: Sequence[Pause]) -> Iterator[Quarter]:
    """Yield the quarters of an hour between two moments."""
    moment = begin.astimezone(UTC)  # arithmetic across a change of the clock is right in UTC alone
    while moment < end:
        start = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
        until = min(start + _QUARTER, end)
        length = until - moment
        paused = sum((max(min(until, last) - max(moment, first), timedelta(0)) for first, last in pauses), timedelta(0))
        yield Quarter(_hour_of_week(moment, zone), length / AN_HOUR, max(length - paused, timedelta(0)) / AN_HOUR)
        moment = until
