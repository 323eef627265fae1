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

from integrations import registry
from integrations.inbox.models import InboxEvent
from integrations.operations import measures
from integrations.outbox import switch
from integrations.outbox.models import Circuit

# Monitors of the service that Enlace replaces look for this name.
SERVICE = "NowCerts GHL Integration API"
PING_TIMEOUT = 0.25  # seconds
CACHE_SECONDS = 1.0  # anybody may ask, and as often as they like

_cached: tuple[float, dict[str, Any]] | None = None
_lock = threading.Lock()


def report() -> dict[str, Any]:
    """Return the state of this installation, at most a second old.

    `status` is "healthy"; "degraded" where events are accepted and something waits longer than it should: the broker is
    away, or a circuit is open that staff did not pause; "unavailable" where nothing can be accepted.
    `missing_permissions`, where there are any: provider → names of permissions, "credentials" for all of them.
    `oldest_waiting_seconds` is how long the oldest due event has been due, 0 where none is, None where the database is
    away. `contact_sync`, where a provider's contacts can be written: "off", "waiting for start" or "writing".
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
    contact_sync = ""
    problems: list[Circuit] = []
    try:
        seconds, circuits, database = measures.oldest_due_seconds(InboxEvent) or 0.0, measures.circuits(), "ok"
        if any(side.mirror is not None and side.is_connected() for side in registry.all_providers().values()):
            contact_sync = str(switch.state())
        if set(circuits.values()) - {"closed"}:
            problems = measures.problems_of_circuits()
    except (DatabaseError, InterfaceError):
        seconds, circuits, database = None, {}, "away"
    is_degraded = broker == "away" or bool(problems)
    missing: dict[str, list[str]] = {}
    for circuit in problems:
        if circuit.permission:
            missing.setdefault(circuit.provider, []).append(circuit.permission)
    return {
        "status": "unavailable" if database == "away" else "degraded" if is_degraded else "healthy",
        "service": SERVICE,
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
        "database": database,
        "broker": broker,
        "oldest_waiting_seconds": seconds if seconds is None else round(seconds, 1),
        "circuits": circuits,
        **({"contact_sync": contact_sync} if contact_sync else {}),
        **({"missing_permissions": missing} if missing else {}),
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
