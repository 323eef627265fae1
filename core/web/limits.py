"""The rate limiter: how often something may happen in a window of time, counted in Django's cache for all processes.

Everything that refuses, or is noted only so many times, is counted here: `core.web.guesses` (passwords, tokens,
signatures) is built on it. What waits instead of refusing is another thing: `integrations.toolkit.pace`.

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


def add(scope: str, identity: str, *, seconds: int, number: int = 1, windows: int = 1) -> int:
    """Add `number` to what was counted in this window of `seconds`; return the sum. Atomic among processes.

    `windows`: for how many windows the sum is kept for `recent`.
    """
    return Window(scope, identity, seconds=seconds, kept=windows).add(number)


def recent(scope: str, identity: str, *, seconds: int, windows: int) -> int:
    """Return the sum of the last `windows` windows of `seconds`, the open one included, as far as `add` kept them."""
    keys = [Window(scope, identity, seconds=seconds, ago=ago).key for ago in range(windows)]
    return _in_cache(lambda store: sum(store.get_many(keys).values()))


class Window:
    """The counter of an identity in the window of `seconds` that is open now: one counter, however long it is held."""

    def __init__(self, scope: str, identity: str, *, seconds: int, ago: int = 0, kept: int = 1) -> None:
        # A digest of the identity: it may be long, hold any character, and be a person's address.
        digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
        self.key = f"limit:{scope}:{digest}:{int(time.time() // seconds) - ago}"
        self._timeout = seconds * kept + 1

    def add(self, number: int = 1) -> int:
        """Add `number`; return the sum. Atomic among processes."""
        return _in_cache(lambda store: _add(store, self.key, number=number, timeout=self._timeout))

    def take_back(self) -> None:
        """Subtract one; nothing where nothing is counted."""
        if self.add(-1) < 0:
            self.add(1)


def seconds_left(seconds: int) -> int:
    """Return the seconds until the next window of `seconds` begins, at least 1."""
    return int(seconds - time.time() % seconds) + 1


def forget() -> None:
    """Forget what this process counted by itself, and that the cache did not answer."""
    global _resting_until
    _resting_until = 0.0
    _of_this_process.clear()


class LocalCounts:
    """Counts of this process in the open window: the part of a limit that asks no cache.

    Subclasses hold `_lock` and call `_begin_window` before they look at anything.
    """

    def __init__(self, scope: str, *, seconds: int) -> None:
        self._scope, self._seconds = scope, seconds
        self._lock = threading.Lock()
        self._window = 0
        self._counted: dict[str, int] = {}  # by the identity
        self._closed: set[str] = set()  # identities that need not be asked for any more in this window

    def forget(self) -> None:
        """Forget what this process counted in the open window."""
        with self._lock:
            self._counted.clear()
            self._closed.clear()

    def _begin_window(self) -> None:
        """Reset the counts where a new window began."""
        window = int(time.time() // self._seconds)
        if window != self._window:
            self._window = window
            self._counted.clear()
            self._closed.clear()


class GenerousLimit(LocalCounts):
    """A high limit on something frequent: counted in this process and added to the cache a hundredth of the limit at a
    time.

    So the cache costs next to nothing, and the limit is exact to one hundredth for each process. Limits below 200 are
    exact.
    """

    def retry_after(self, identity: str, *, limit: int) -> int:
        """Count one more; 0 where it is within `limit` in this window, else the seconds until the next."""
        with self._lock:
            self._begin_window()
            if identity in self._closed:
                return seconds_left(self._seconds)
            uncounted = self._counted.get(identity, 0) + 1
            if uncounted < limit // 100:
                self._counted[identity] = uncounted
                return 0
            self._counted[identity] = 0
            if add(self._scope, identity, number=uncounted, seconds=self._seconds) <= limit:
                return 0
            self._closed.add(identity)
            return seconds_left(self._seconds)


class FirstOfWindow(LocalCounts):
    """Something that is noted once in a window, whichever process sees it first."""

    def is_first(self, identity: str) -> bool:
        """Return whether no process saw `identity` in this window before. This process asks the cache once for it."""
        with self._lock:
            self._begin_window()
            if identity in self._closed:
                return False
            self._closed.add(identity)
        return add(self._scope, identity, seconds=self._seconds) == 1


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


def _add(store: BaseCache, key: str, *, number: int, timeout: int) -> int:
    get_client = getattr(getattr(store, "_cache", None), "get_client", None)
    if get_client is not None:
        # Redis: one round trip, where Django's add and incr take three. The counter has its end from the beginning.
        key = store.make_and_validate_key(key)
        commands = get_client(key, write=True).pipeline(transaction=False)
        return int(commands.set(key, 0, ex=timeout, nx=True).incrby(key, number).execute()[1])
    while not store.add(key, number, timeout=timeout):
        try:
            return store.incr(key, number)
        except ValueError:  # it ran out, or was evicted, between the two
            continue
    return number
