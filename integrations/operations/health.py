"""Health of this installation, for proxies and monitors: no names of people, no texts of errors."""

import threading
import time
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from redis.backoff import NoBackoff
from redis.retry import Retry

from integrations.inbox.models import InboxEvent
from integrations.operations import measures

# Monitors of the service that Enlace replaces look for this name.
SERVICE = "NowCerts GHL Integration API"
PING_TIMEOUT = 0.25  # seconds
CACHE_SECONDS = 1.0  # anybody may ask, and as often as they like

_cached: tuple[float, dict[str, Any]] | None = None
_lock = threading.Lock()


def report() -> dict[str, Any]:
    """Return the state of this installation, at most a second old.

    `status` is "healthy"; "degraded" where events are accepted and rows are found later than they could be, since the
    broker is away; "unavailable" where nothing can be accepted. `oldest_waiting_seconds` is how long the oldest due
    event has been due, 0 where none is, None where the database is away.
    """
    global _cached
    with _lock:
        if _cached is None or time.monotonic() > _cached[0] + CACHE_SECONDS:
            state = _state()
            _cached = (time.monotonic(), state)
        return _cached[1]


def forget() -> None:
    """Drop the cached report."""
    global _cached
    _cached = None


def _state() -> dict[str, Any]:
    broker = _broker_state()
    seconds: float | None
    try:
        seconds, circuits, database = measures.oldest_due_seconds(InboxEvent) or 0.0, measures.circuits(), "ok"
    except (DatabaseError, InterfaceError):
        seconds, circuits, database = None, {}, "away"
    status = "unavailable" if database == "away" else "degraded" if broker == "away" else "healthy"
    return {
        "status": status,
        "service": SERVICE,
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
        "database": database,
        "broker": broker,
        "oldest_waiting_seconds": seconds if seconds is None else round(seconds, 1),
        "circuits": circuits,
    }


def _broker_state() -> str:
    if settings.BROKER_IN_PROCESS:
        return "in process"
    try:
        _client(settings.CELERY_BROKER_URL).ping()
    except (redis.RedisError, OSError):
        return "away"
    return "ok"


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=PING_TIMEOUT, socket_connect_timeout=PING_TIMEOUT, retry=Retry(NoBackoff(), 0)
    )
