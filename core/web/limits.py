"""Rate limits in Django's cache: how often something may happen in a window of time, for all processes together.

With the cache away (Redis down, or hanging until its time-out) each process counts for itself, so a limit holds for
each process instead of for all of them. After a failure the cache is left alone for some seconds: a hung server is not
waited for at each request.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable

import redis
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

logger = logging.getLogger(__name__)

MINUTE = 60
_REST_AFTER_FAILURE = 5.0  # seconds
_resting_until = 0.0
_of_this_process = LocMemCache("limits-while-the-cache-is-away", {"OPTIONS": {"MAX_ENTRIES": 50_000}})


def retry_after(scope: str, identity: str, *, limit: int, seconds: int) -> int:
    """Count one more; return 0 where it is within `limit` in this window, else the seconds until the next."""
    return 0 if add(scope, identity, seconds=seconds) <= limit else seconds_left(seconds)


def add(scope: str, identity: str, *, seconds: int, number: int = 1) -> int:
    """Add `number` to what was counted in this window of `seconds`; return the sum. Atomic among processes."""
    return Window(scope, identity, seconds=seconds).add(number)


class Window:
    """The counter of an identity in the window of `seconds` that is open now: one counter, however long it is held."""

    def __init__(self, scope: str, identity: str, *, seconds: int) -> None:
        # A digest of the identity: it may be long, hold any character, and be a person's address.
        digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
        self._key = f"limit:{scope}:{digest}:{int(time.time() // seconds)}"
        self._seconds = seconds

    def add(self, number: int = 1) -> int:
        """Add `number`; return the sum. Atomic among processes."""
        return _in_cache(lambda store: _add(store, self._key, number=number, seconds=self._seconds))

    def take_back(self) -> None:
        """Subtract one; nothing where nothing is counted."""
        _in_cache(lambda store: _take_back(store, self._key))


def seconds_left(seconds: int) -> int:
    """Return the seconds until the next window of `seconds` begins, at least 1."""
    return int(seconds - time.time() % seconds) + 1


def forget() -> None:
    """Forget what this process counted by itself, and that the cache did not answer."""
    global _resting_until
    _resting_until = 0.0
    _of_this_process.clear()


class GenerousLimit:
    """A high limit on something frequent: counted in this process and told to the cache a hundredth of the limit at a
    time.

    So the cache costs next to nothing, and the limit is exact to one hundredth for each process. Limits below 200 are
    exact.
    """

    def __init__(self, scope: str, *, seconds: int) -> None:
        self._scope, self._seconds = scope, seconds
        self._lock = threading.Lock()
        self._counted: dict[str, tuple[int, bool, int]] = {}  # identity → window, is it full, not told yet

    def forget(self) -> None:
        """Forget what this process counted."""
        with self._lock:
            self._counted.clear()

    def retry_after(self, identity: str, *, limit: int) -> int:
        """Count one more; 0 where it is within `limit` in this window, else the seconds until the next."""
        with self._lock:
            window = int(time.time() // self._seconds)
            seen, full, untold = self._counted.get(identity, (window, False, 0))
            if seen != window:
                full, untold = False, 0
            untold += 1
            if not full and untold >= max(1, limit // 100):
                full, untold = add(self._scope, identity, number=untold, seconds=self._seconds) > limit, 0
            self._counted[identity] = (window, full, untold)
            return seconds_left(self._seconds) if full else 0


def _in_cache(count: Callable[[BaseCache], int]) -> int:
    """Count in the cache of all processes; while that does not answer, in this process's own."""
    global _resting_until
    if time.monotonic() >= _resting_until:
        try:
            return count(cache)
        except (redis.RedisError, OSError) as error:
            _resting_until = time.monotonic() + _REST_AFTER_FAILURE
            logger.warning("rate limits hold for each process alone for now, the cache does not answer: %s", error)
    return count(_of_this_process)


def _add(store: BaseCache, key: str, *, number: int, seconds: int) -> int:
    while not store.add(key, number, timeout=seconds + 1):
        try:
            return store.incr(key, number)
        except ValueError:  # it ran out, or was evicted, between the two
            continue
    return number


def _take_back(store: BaseCache, key: str) -> int:
    try:
        left = store.decr(key)
        return left if left >= 0 else store.incr(key)
    except ValueError:  # nothing is counted
        return 0
