"""The location's custom fields that hold a policy's values on its opportunity; they seldom change."""

import hashlib
import logging
from collections.abc import Collection, Mapping

import redis
from django.core.cache import cache
from django.utils import timezone

from integrations.providers.gohighlevel.client import GoHighLevelClient
from integrations.toolkit.reading import text_at

logger = logging.getLogger(__name__)
CACHED_FOR = 300.0  # seconds
ABSENT_FOR = 60.0  # seconds after which a missing field is looked for again
_PREFIX = "opportunity."


def ids_of(client: GoHighLevelClient, names: Collection[str]) -> Mapping[str, str]:
    """Return name → the field's id for those of `names` that the location has. Raises as the client does.

    A field that is made is found within a minute, one that was deleted is forgotten within five.
    """
    digest = hashlib.sha256(f"{client.base_url}\0{client.location_id}".encode()).hexdigest()[:32]
    key, now = f"ghl-opportunity-fields:{digest}", timezone.now().timestamp()
    cached = _cached(key)
    if cached is not None:
        read_at, ids = cached
        age, is_whole = now - read_at, all(name in ids for name in names)
        if 0 <= age < (CACHED_FOR if is_whole else ABSENT_FOR):
            return ids
    ids = {}
    for field in client.custom_fields("opportunity"):
        name, external_id = text_at(field, "fieldKey").removeprefix(_PREFIX), text_at(field, "id")
        if name and external_id:
            ids[name] = external_id
    _cache(key, [now, ids])
    return ids


def _cached(key: str) -> tuple[float, dict[str, str]] | None:
    try:
        value = cache.get(key)
    except (redis.RedisError, OSError):  # then they are looked up each time
        logger.warning("the cache does not answer; the custom fields of opportunities are asked for each time")
        return None
    return (value[0], value[1]) if isinstance(value, list) and len(value) == 2 else None


def _cache(key: str, value: list[object]) -> None:
    try:
        cache.set(key, value, timeout=int(CACHED_FOR))
    except (redis.RedisError, OSError):
        logger.warning("the custom fields of opportunities could not be cached, the cache does not answer")
