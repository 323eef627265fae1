"""Count of 429 answers of a provider's API: in the cache, over all processes."""

import logging
import time

import redis
from django.core.cache import cache

logger = logging.getLogger(__name__)
WINDOW = 600  # seconds
_KEPT = 2 * 3600  # seconds


def note_refusal(title: str) -> None:
    """Count one more for the API called `title`. With the cache away nothing is counted, and nothing fails."""
    key = _key(title, int(time.time() // WINDOW))
    try:
        if not cache.add(key, 1, timeout=_KEPT):
            cache.incr(key)
    except (redis.RedisError, OSError, ValueError) as error:  # ValueError: it ran out between the two
        logger.warning("a 429 of %s was not counted: %s", title, error)


def refusals(title: str, *, seconds: int = 3600) -> int:
    """Return how many there were in about the last `seconds`, at most two hours; 0 while the cache does not answer."""
    newest = int(time.time() // WINDOW)
    keys = [_key(title, newest - back) for back in range(max(seconds // WINDOW, 1))]
    try:
        return sum(cache.get_many(keys).values())
    except (redis.RedisError, OSError) as error:
        logger.warning("the 429s of %s are not known: %s", title, error)
        return 0


def _key(title: str, window: int) -> str:
    return f"quota:{title.replace(' ', '_')}:{window}"
