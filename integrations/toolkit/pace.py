"""Pace of calls to a provider: one limit for all processes, in Django's cache.

Calls take numbered tickets. The ticket `limit` places earlier says when its call was due, and the new one is due a
window later at the earliest: so no window of any kind holds more than `limit` calls, and a burst goes out at once.
There is no lock: a process that dies with a ticket wastes one place for one window. Without a cache (Redis down) each
client keeps the limit alone, and what is too much is answered with 429 and repeated.

The rate limiter (`core.web.limits`) does another job: it refuses until its window ends. Here calls wait for their turn,
and a vendor's window may begin at any moment.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import redis
from django.core.cache import cache

from integrations.toolkit import answers
from integrations.toolkit.failures import TooManyCalls
from integrations.toolkit.retries import LONGEST_WAIT, read_retry_after

logger = logging.getLogger(__name__)

MARGIN = 0.5  # seconds by which calls may reach the server closer to one another than they left us


@dataclass(frozen=True, kw_only=True)
class RateHeaders:
    """The names of the headers in which a provider reports how many calls are left; "" for none."""

    remaining: str = ""
    interval_ms: str = ""
    daily_remaining: str = ""


@dataclass(frozen=True, kw_only=True)
class Headroom:
    """The provider's last answer about its limit: calls left in its window and today, None where unknown."""

    remaining: int | None
    daily_remaining: int | None


class SharedPace:
    """At most `limit` calls in any `seconds`, by all processes with the same `identity` (whose account it is)."""

    def __init__(
        self,
        name: str,
        *,
        identity: tuple[str, ...],
        limit: int,
        seconds: float,
        headers: RateHeaders | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:32]
        self._name, self._prefix = name, f"pace:{name}:{digest}"
        self._limit, self._window = limit, seconds + MARGIN
        self._headers, self._clock, self._sleep = headers or RateHeaders(), clock, sleep
        self._own: list[float] = []  # when this client's last calls were due; only where there is no cache

    def wait(self, *, at_most: float) -> None:
        """Return when the next call may be made. Raises TooManyCalls where that is later than in `at_most` seconds.

        A caller that does not wait takes no place: else those who come again and again would delay the end of the
        queue.
        """
        try:
            now, counter = self._clock(), f"{self._prefix}:ticket"
            cache.add(counter, 0, timeout=None)
            try:
                ticket = cache.incr(counter)
            except ValueError:  # evicted from the cache between the two
                cache.set(counter, 1, timeout=None)
                ticket = 1
            place = f"{self._prefix}:{ticket % self._limit}"
            before, pause = cache.get(place), cache.get(f"{self._prefix}:pause")
            due = max(now, pause if isinstance(pause, float) else now)
            if isinstance(before, float):
                due = max(due, before + self._window)
            if due - now < at_most:
                cache.set(place, due, timeout=int(due - now + self._window) + 2)
        except (redis.RedisError, OSError):
            logger.warning("%s: the cache does not answer; this client keeps the limit alone", self._name)
            due = self._due_alone(at_most)
        left = due - self._clock()
        if left >= at_most:
            raise TooManyCalls(
                answers.ALL_TAKEN(
                    provider=self._name, limit=self._limit, window=f"{self._window:.1f}", left=f"{left:.0f}"
                ),
                retry_after=min(left, LONGEST_WAIT),
                reached_server=False,
            )
        if left > 0:
            self._sleep(left)

    def learn(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Let all processes pause where the provider allows no more calls, and remember how many are left.

        Return the seconds of the pause, None where there is none.
        """
        names = (self._headers.remaining, self._headers.daily_remaining)
        texts = [headers.get(name, "").strip() for name in names]
        remaining, daily_remaining = [int(text) if text.isdecimal() else None for text in texts]
        is_spent = remaining is not None and remaining <= 0
        pause = self._pause_of(headers, daily_remaining) if status == 429 or is_spent else None
        try:
            if remaining is not None or daily_remaining is not None:
                cache.set(f"{self._prefix}:headroom", [remaining, daily_remaining], timeout=24 * 3600)
            if pause is not None:
                cache.set(f"{self._prefix}:pause", self._clock() + pause, timeout=int(pause) + 2)
                logger.info("%s: no calls are left; all wait for %.1f s", self._name, pause)
        except (redis.RedisError, OSError):
            logger.warning("%s: what is left of its limit could not be shared", self._name)
        return pause

    def headroom(self) -> Headroom:
        """Return the last answer of the last 24 hours about the limit."""
        try:
            stored = cache.get(f"{self._prefix}:headroom")
        except (redis.RedisError, OSError):
            stored = None
        remaining, daily = stored if isinstance(stored, list) and len(stored) == 2 else (None, None)
        return Headroom(remaining=remaining, daily_remaining=daily)

    def _pause_of(self, headers: Mapping[str, str], daily_remaining: int | None) -> float:
        retry_after = read_retry_after(headers.get("Retry-After", ""))
        if retry_after is not None:
            return retry_after
        if daily_remaining is not None and daily_remaining <= 0:
            return LONGEST_WAIT
        interval = headers.get(self._headers.interval_ms, "").strip()
        milliseconds = int(interval) if interval.isdecimal() else 0
        return min(milliseconds / 1000, LONGEST_WAIT) if milliseconds else self._window

    def _due_alone(self, at_most: float) -> float:
        """Return when the next call of this client is due, Unix seconds; within `at_most` its place is taken then."""
        now = self._clock()
        due = max(now, self._own[0] + self._window) if len(self._own) == self._limit else now
        if due - now < at_most:
            self._own = [*self._own, due][-self._limit :]
        return due
