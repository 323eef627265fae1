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

# What monitors of the service before this one look for.
SERVICE = "NowCerts GHL Integration API"
PING_TIMEOUT = 0.25  # seconds
REMEMBERED = 1.0  # seconds; anybody may ask, and as often as they like

_last: tuple[float, dict[str, Any]] | None = None
_asking = threading.Lock()


def report() -> dict[str, Any]:
    """Return what was found out within the last second, or now.

    `status` is "healthy"; "degraded" where events are accepted and rows are found later than they could be, since the
    broker is away; "unavailable" where nothing can be accepted. `oldest_waiting_seconds` is how long the oldest due
    event has been due, 0 where none is, None where nobody knows.
    """
    global _last
    with _asking:
        if _last is None or time.monotonic() > _last[0] + REMEMBERED:
            found = _look()
            _last = (time.monotonic(), found)
        return _last[1]


def forget() -> None:
    """Let the next report be found out anew."""
    global _last
    _last = None


def _look() -> dict[str, Any]:
    broker = _broker()
    waiting: float | None
    try:
        waiting, states, database = measures.oldest_due_seconds(InboxEvent) or 0.0, measures.circuits(), "ok"
    except (DatabaseError, InterfaceError):
        waiting, states, database = None, {}, "away"
    status = "unavailable" if database == "away" else "degraded" if broker == "away" else "healthy"
    return {
        "status": status,
        "service": SERVICE,
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
        "database": database,
        "broker": broker,
        "oldest_waiting_seconds": waiting if waiting is None else round(waiting, 1),
        "circuits": states,
    }


def _broker() -> str:
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
