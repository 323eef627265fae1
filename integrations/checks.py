"""`manage.py check`: which providers are off, wholly or in part, and what is missing for them."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from core.web.cross_origin import problem_of
from integrations import registry, setup_state
from integrations.outbox.models import FirstSync
from integrations.outbox.models.first_sync import GUIDED
from integrations.setup_state import SetupState
from integrations.toolkit.signatures import secrets_in


def register() -> None:
    """Register our checks, and those in the modules `checks` of providers' folders."""
    checks.register(check_providers)
    checks.register(check_origins)
    checks.register(check_metrics_token)
    checks.register(check_contact_sync)
    registry.modules("checks")


def check_origins(**kwargs: Any) -> list[checks.CheckMessage]:
    """An origin is a scheme and a host: with a path or a wildcard it would match nothing, or everybody."""
    return [
        checks.Error(
            f"{name} holds {origin!r}, which no browser sends as an origin.", hint=hint, id="integrations.E001"
        )
        for name in sorted(set(dir(settings)))
        if name.endswith("_ORIGINS") and name != "CSRF_TRUSTED_ORIGINS"  # Django checks its own
        for origin in getattr(settings, name)
        if (hint := problem_of(origin))
    ]


def check_providers(**kwargs: Any) -> list[checks.CheckMessage]:
    """Say of each provider whether its webhooks and its API are off, and by which settings they would be on."""
    return [message for state in setup_state.of_all() for message in (*_of_hooks(state), *_of_api(state))]


def _of_hooks(state: SetupState) -> list[checks.CheckMessage]:
    """An endpoint without secrets is off, unless it takes unsigned requests, which is warned of."""
    title = state.provider.title
    if state.takes_unsigned:
        return [
            checks.Warning(
                f"{title} accepts unsigned webhooks: anybody can post them.",
                hint="WEBHOOKS_ALLOW_UNSIGNED is for local trials only.",
                id="integrations.W001",
            )
        ]
    if not state.hooks_need:
        return []
    return [
        checks.Info(
            f"The webhooks of {title} are off: they are refused.",
            hint=f"Set {' or '.join(state.hooks_need)}.",
            id="integrations.I001",
        )
    ]


def _of_api(state: SetupState) -> list[checks.CheckMessage]:
    """An API that is not set up is not asked; what is set for it and does not help is warned of."""
    title, lacks = state.provider.title, " and ".join(state.api_lacks)
    if not lacks:
        return []
    if state.is_half:
        return [
            checks.Warning(
                f"The API of {title} is set up in part, and so it is off: {lacks} is missing.",
                hint=f"Set {lacks}.",
                id="integrations.W002",
            )
        ]
    if state.retired:
        name, instead = state.retired
        return [
            checks.Warning(
                f"The API of {title} is off: {name} does nothing here.", hint=instead, id="integrations.W003"
            )
        ]
    return [checks.Info(f"The API of {title} is off: it is not asked.", hint=f"Set {lacks}.", id="integrations.I003")]


def check_metrics_token(**kwargs: Any) -> list[checks.CheckMessage]:
    """Say that no monitor can read the metrics, as with a .env of an older version."""
    return [] if secrets_in("METRICS_TOKEN") else [opens_by_nothing("/metrics", setting="METRICS_TOKEN")]


def check_contact_sync(**kwargs: Any) -> list[checks.CheckMessage]:
    """Say that contacts are read and nothing is written, since nobody started that yet, or that it is switched off."""
    mirrored = [side for side in registry.all_providers().values() if side.mirror is not None]
    sides = [side.title for side in mirrored if side.is_connected()]
    if not sides:
        return []
    if not settings.CONTACT_SYNC:
        text = f"CONTACT_SYNC is false: nothing is written at {' or '.join(sides)}."
        return [checks.Info(text, hint="Leave it empty, and start writing in the console.", id="integrations.I004")]
    try:
        waits = settings.CONTACT_SYNC == GUIDED and FirstSync.objects.holds_writes()
    except DatabaseError:  # away, or without its tables yet: nothing can be said
        return []
    if not waits:
        return []
    return [
        checks.Info(
            f"Contact sync waits for its start: nothing is written at {' or '.join(sides)}.",
            hint="Open First sync in the console, or set CONTACT_SYNC=true.",
            id="integrations.I005",
        )
    ]


def opens_by_nothing(path: str, *, setting: str) -> checks.Info:
    """Return the message about an address whose password or token is not set."""
    return checks.Info(
        f"{path} opens by no password or token: none is set.", hint=f"Set {setting}.", id="integrations.I002"
    )
