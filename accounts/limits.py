"""Rate limits in Django's cache: how often something may happen in a minute or a quarter of an hour.

With the cache away (Redis down) nothing is limited rather than everything refused; after a failure the cache is left
alone for some seconds, so that a hung server is not waited for at each request.
"""

import logging
import time
from collections.abc import Callable

import redis
from django.core.cache import cache

logger = logging.getLogger(__name__)

MINUTE = 60
_REST_AFTER_FAILURE = 5.0  # seconds
_resting_until = 0.0


def retry_after(scope: str, identity: str, *, limit: int, seconds: int) -> int:
    """Count one more; 0 where it is within `limit` in this window of `seconds`, else the seconds until the next."""
    return _wait(scope, identity, limit=limit, seconds=seconds, count=_count)


def wait_left(scope: str, identity: str, *, limit: int, seconds: int) -> int:
    """The same without counting: the seconds to wait once `limit` is reached, else 0."""
    return _wait(scope, identity, limit=limit - 1, seconds=seconds, count=lambda key, _seconds: cache.get(key, 0))


def _wait(scope: str, identity: str, *, limit: int, seconds: int, count: Callable[[str, int], int]) -> int:
    global _resting_until
    if time.monotonic() < _resting_until:
        return 0
    now = time.time()
    try:
        counted = count(f"limit:{scope}:{identity}:{int(now // seconds)}", seconds)
    except (redis.RedisError, OSError) as error:
        _resting_until = time.monotonic() + _REST_AFTER_FAILURE
        logger.warning("rate limits are off for a moment, the cache does not answer: %s", error)
        return 0
    return 0 if counted <= limit else int(seconds - now % seconds) + 1


def _count(key: str, seconds: int) -> int:
    if cache.add(key, 1, timeout=seconds + 1):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # ran out between the two
        cache.set(key, 1, timeout=seconds + 1)
        return 1
