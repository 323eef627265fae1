"""The rhythm in which events come, learnt from when they came: how long a silence is usual at an hour of the week.

A gap between two events is measured by how many events were to be expected in it, at the rate of each hour of the week
that it covers. So a quiet night and a busy noon are one distribution, whose highest quantile is the limit. Pure:
moments in, numbers out.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

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
_QUARTER = timedelta(minutes=15)  # every zone's offset is a multiple of it


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """`rates` are arrivals an hour by the hour of the week; a silence is unusual beyond `limit` expected arrivals."""

    rates: Sequence[float]
    limit: float

    def expected(self, begin: datetime, end: datetime, zone: tzinfo) -> float:
        """Return how many arrivals are expected between two moments, 0 where the clock went back."""
        return sum(hours * self.rates[hour] for hour, hours in _quarters(begin, end, zone))

    def overdue_at(self, last: datetime, zone: tzinfo) -> datetime:
        """Return when a silence that began with the event at `last` becomes unusual."""
        left = self.limit
        end = last
        for hour, hours in _quarters(last, last + LONGEST, zone):
            end += timedelta(hours=hours)
            left -= hours * self.rates[hour]
            if left <= 0:
                break
        return max(end, last + SHORTEST)

    def usual(self, now: datetime, zone: tzinfo) -> timedelta:
        """Return how long a silence that ends now is at most, as a rule."""
        left, length = self.limit, timedelta(0)
        while left > 0 and length < LONGEST:
            begin = now - length - _QUARTER
            left -= self.expected(begin, begin + _QUARTER, zone)
            length += _QUARTER
        return max(length, SHORTEST)


def learn(times: Sequence[datetime], zone: tzinfo) -> Rhythm | None:
    """Return the rhythm of events, None where they are too few or came within too short a time."""
    arrivals = _without_bursts(sorted(times))
    if len(arrivals) < ARRIVALS_AT_LEAST or arrivals[-1] - arrivals[0] < SPAN_AT_LEAST:
        return None
    rates = _rates(arrivals, zone)
    measure = Rhythm(rates=rates, limit=0)
    pairs = zip(arrivals, arrivals[1:], strict=False)
    gaps = sorted(measure.expected(begin, end, zone) for begin, end in pairs)
    days = (arrivals[-1] - arrivals[0]) / timedelta(days=1)
    level = max(QUANTILE, 1 - days / (DAYS_APART * len(gaps)))
    return Rhythm(rates=rates, limit=_limit(gaps, level))


def _without_bursts(times: Sequence[datetime]) -> list[datetime]:
    kept: list[datetime] = []
    for moment in times:
        if not kept or moment - kept[-1] >= BURST:
            kept.append(moment)
    return kept


def _rates(arrivals: Sequence[datetime], zone: tzinfo) -> list[float]:
    """Return the rate of each hour of the week, from its neighbours too, and nearer to the mean where data are few."""
    hours, numbers = [0.0] * HOURS, [0] * HOURS
    for hour, length in _quarters(arrivals[0], arrivals[-1], zone):
        hours[hour] += length
    for moment in arrivals:
        numbers[_hour_of_week(moment, zone)] += 1
    mean = len(arrivals) / sum(hours)
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


def _quarters(begin: datetime, end: datetime, zone: tzinfo) -> Iterator[tuple[int, float]]:
    """Yield the hour of the week of each quarter of an hour between two moments, and its length in hours."""
    moment = begin.astimezone(UTC)  # arithmetic across a change of the clock is right in UTC alone
    while moment < end:
        start = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
        until = min(start + _QUARTER, end)
        yield _hour_of_week(moment, zone), (until - moment) / timedelta(hours=1)
        moment = until
