"""The last refusal of each provider's webhooks: shown on the home page, stored in the cache alone.

Strangers cause refusals, so noting one costs no statement, and a second of a flood writes once. A restart of a single
process forgets them, as it does its counts.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.utils import timezone

KEPT = 60 * 60 * 24 * 14  # seconds
_noted: dict[str, float] = {}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    at: datetime
    reason: str


def note(provider: str, reason: str) -> None:
    """Note a refusal; never raises."""
    now = time.monotonic()
    if now < _noted.get(provider, 0.0) + 1:
        return
    _noted[provider] = now
    try:
        cache.set(_key(provider), {"at": timezone.now().isoformat(), "reason": reason[:200]}, KEPT)
    except Exception:  # noqa: BLE001 (a cache that is away must not change the answer to a webhook)
        return


def last(providers: Iterable[str]) -> Mapping[str, Refusal] | None:
    """Return the last refusal of each provider that had one; None where the cache is away."""
    keys = {_key(provider): provider for provider in providers}
    try:
        found: dict[str, Any] = cache.get_many(keys)
    except Exception:  # noqa: BLE001 (each backend raises its own)
        return None
    return {
        keys[key]: Refusal(at=datetime.fromisoformat(value["at"]), reason=value["reason"])
        for key, value in found.items()
    }


def forget() -> None:
    """Let the next refusal of each provider be noted at once. For tests."""
    _noted.clear()


def _key(provider: str) -> str:
    return f"last-refusal:{provider}"
