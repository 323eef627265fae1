"""Rate limits in Django's cache: how often something may happen in a window of time, for all processes together.

With the cache away (Redis down) nothing is limited rather than everything refused; after a failure the cache is left
alone for some seconds, so that a hung server is not waited for at each request.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

import redis
from django.core.cache import cache

logger = logging.getLogger(__name__)

MINUTE = 60
_REST_AFTER_FAILURE = 5.0  # seconds
_resting_until = 0.0


def retry_after(scope: str, identity: str, *, limit: int, seconds: int) -> int:
    """Count one more; 0 where it is within `limit` in this window of `seconds`, else the seconds until the next."""
    return _wait(scope, identity, limit=limit, seconds=seconds, count=partial(_add, number=1, seconds=seconds))


def wait_left(scope: str, identity: str, *, limit: int, seconds: int) -> int:
    """The same without counting: the seconds to wait once `limit` is reached, else 0."""
    return _wait(scope, identity, limit=limit - 1, seconds=seconds, count=lambda key: int(cache.get(key, 0)))


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

    def retry_after(self, identity: str, *, limit: int) -> int:
        """Count one more; 0 where it is within `limit` in this window, else the seconds until the next."""
        with self._lock:
            window = int(time.time() // self._seconds)
            seen, full, untold = self._counted.get(identity, (window, False, 0))
            if seen != window:
                full, untold = False, 0
            untold += 1
            if not full and untold >= max(1, limit // 100):
                full, untold = self._tell(identity, untold, limit), 0
            self._counted[identity] = (window, full, untold)
            return int(self._seconds - time.time() % self._seconds) + 1 if full else 0

    def _tell(self, identity: str, number: int, limit: int) -> bool:
        count = partial(_add, number=number, seconds=self._seconds)
        return bool(_wait(self._scope, identity, limit=limit, seconds=self._seconds, count=count))


def _wait(scope: str, identity: str, *, limit: int, seconds: int, count: Callable[[str], int]) -> int:
    global _resting_until
    if time.monotonic() < _resting_until:
        return 0
    now = time.time()
    try:
        counted = count(f"limit:{scope}:{identity}:{int(now // seconds)}")
    except (redis.RedisError, OSError) as error:
        _resting_until = time.monotonic() + _REST_AFTER_FAILURE
        logger.warning("rate limits are off for a moment, the cache does not answer: %s", error)
        return 0
    return 0 if counted <= limit else int(seconds - now % seconds) + 1


def _add(key: str, *, number: int, seconds: int) -> int:
    if cache.add(key, number, timeout=seconds + 1):
        return number
    try:
        return cache.incr(key, number)
    except ValueError:  # ran out between the two
        cache.set(key, number, timeout=seconds + 1)
        return number
