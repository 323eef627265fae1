"""Counters for /metrics: how often something happened and how long it took, over all processes.

Counting adds to a dictionary in memory and waits for nothing. Once a second a thread of each process sends the sums to
Redis, where they are added up; what Redis does not take is kept and sent later. Without REDIS_URL there is one process,
and its dictionary is all there is. A killed process takes up to a second of its counts with it: they are for watching,
the tables say what happened.
"""

import atexit
import json
import logging
import os
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

KEY = "enlace:metrics"  # a hash in Redis
EVERY = 1.0  # seconds between two flushes
TIMEOUT = 0.5  # seconds
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
OVER = "+Inf"
SUM = "sum"

# The metric's name, the values of its labels, and for what is timed the bucket's bound or SUM.
Field = tuple[str, ...]


class CountsUnavailable(Exception):
    """Redis, which has the counts, does not answer."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A counter. The values of its labels come from us, never from a request: each is kept."""

    name: str
    documentation: str
    labels: tuple[str, ...]

    def add(self, *values: str) -> None:
        _local.add({(self.name, *values): 1})


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A histogram of seconds, by the `BOUNDS`."""

    name: str
    documentation: str
    labels: tuple[str, ...]

    def observe(self, seconds: float, *values: str) -> None:
        index = bisect_left(BOUNDS, seconds)
        bucket = str(BOUNDS[index]) if index < len(BOUNDS) else OVER
        _local.add({(self.name, *values, bucket): 1, (self.name, *values, SUM): seconds})


REQUESTS = Counted(
    name="webhook_requests_total", documentation="Webhook requests by their answer.", labels=("source", "status")
)
REQUEST_SECONDS = Timed(
    name="webhook_duration_seconds", documentation="How long a webhook was answered after.", labels=("source",)
)
EVENTS = Counted(
    name="events_processed_total", documentation="Attempts at events by their end.", labels=("provider", "outcome")
)
EVENT_SECONDS = Timed(
    name="event_duration_seconds", documentation="How long an attempt at an event took.", labels=("provider",)
)
CALLS = Counted(
    name="outgoing_calls_total",
    documentation="Calls of providers' APIs by their result, repetitions too.",
    labels=("provider", "result"),
)
CALL_SECONDS = Timed(
    name="outgoing_call_duration_seconds",
    documentation="How long a call of a provider's API took.",
    labels=("provider",),
)
COUNTED = (REQUESTS, EVENTS, CALLS)
TIMED = (REQUEST_SECONDS, EVENT_SECONDS, CALL_SECONDS)


def totals() -> dict[Field, float]:
    """Return all sums, of all processes up to about a second ago. Raises CountsUnavailable."""
    if not settings.REDIS_URL:
        return _local.copy()
    flush()
    try:
        stored = _client(settings.REDIS_URL).hgetall(KEY)
    except (redis.RedisError, OSError) as error:
        raise CountsUnavailable from error
    return {tuple(json.loads(field)): float(amount) for field, amount in stored.items()}


def flush() -> None:
    """Send to Redis what this process counted since the last time.

    Raises CountsUnavailable; the counts are kept for the next time then.
    """
    if not settings.REDIS_URL:
        return
    amounts = _local.take()
    if not amounts:
        return
    try:
        with _client(settings.REDIS_URL).pipeline(transaction=True) as pipeline:
            for field, amount in amounts.items():
                pipeline.hincrbyfloat(KEY, json.dumps(field), amount)
            pipeline.execute()
    except (redis.RedisError, OSError) as error:
        _local.add(amounts)
        raise CountsUnavailable from error


class _LocalCounts:
    """Counts of this process that are not in Redis yet, and the thread that sends them there.

    The thread starts with the first count, so that a server's forked children each have their own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: defaultdict[Field, float] = defaultdict(float)
        self._counted = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, amounts: Mapping[Field, float]) -> None:
        with self._lock:
            for field, amount in amounts.items():
                self._sums[field] += amount
            if settings.REDIS_URL and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="counts", daemon=True)
                self._thread.start()
        self._counted.set()

    def take(self) -> dict[Field, float]:
        with self._lock:
            taken, self._sums = self._sums, defaultdict(float)
        return taken

    def copy(self) -> dict[Field, float]:
        with self._lock:
            return dict(self._sums)

    def _run(self) -> None:
        is_away = False
        while True:
            self._counted.wait()
            threading.Event().wait(EVERY)
            self._counted.clear()
            try:
                flush()
            except CountsUnavailable:
                self._counted.set()
                if not is_away:
                    logger.warning("the counts could not be sent to Redis; they are kept and sent later")
                is_away = True
            else:
                is_away = False


@cache
def _client(url: str) -> redis.Redis:
    # One try: the thread comes again in a second, and a reader of the metrics learns that there are none.
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def reset() -> None:
    """Begin without counts and thread: in a child its parent's counts are the parent's, and its locks may be held."""
    global _local
    _local = _LocalCounts()


def flush_at_exit() -> None:
    """Send what a process counted that ends."""
    try:
        flush()
    except CountsUnavailable:
        logger.warning("what was counted in the last second is lost: Redis does not answer")


_local: _LocalCounts
reset()
os.register_at_fork(after_in_child=reset)
atexit.register(flush_at_exit)
