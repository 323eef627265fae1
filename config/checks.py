"""`manage.py check`: what concerns the whole installation and no application alone."""

import inspect
from importlib import import_module
from typing import Any

from celery import current_app
from django.conf import settings
from django.core import checks
from django.utils.module_loading import autodiscover_modules

from config.secret_settings import SHORTEST, chosen_secrets
from core.queue.limits import LEASE_SECONDS
from core.web import branding


def register() -> None:
    checks.register(check_secrets, checks.Tags.security, deploy=True)
    checks.register(check_time_limits)
    checks.register(check_branding)


def check_secrets(**kwargs: Any) -> list[checks.CheckMessage]:
    """Return an error for each secret of our choice that is short enough to be guessed."""
    return [
        checks.Error(
            f"{name} holds a secret of {len(value)} characters.",
            hint=f"At least {SHORTEST} random ones: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))". '
            "Several values, comma-separated, let the other side change at its own time.",
            id="config.E001",
        )
        for name, values in chosen_secrets(settings).items()
        for value in values
        if len(value) < SHORTEST
    ]


def check_branding(**kwargs: Any) -> list[checks.CheckMessage]:
    """Return an error for each setting of how the business is presented that cannot be used."""
    return [
        checks.Error(
            f"{name} is not used: {problem}.", hint="The built-in one is shown until it is corrected.", id="config.E003"
        )
        for name, problem in branding.problems()
    ]


def check_time_limits(**kwargs: Any) -> list[checks.CheckMessage]:
    """Return an error for each kind of job whose time limits do not end it before others may begin it again.

    A job that works on rows (it takes their keys) ends before their lease, any other one before its message is handed
    out once more.
    """
    redelivered = float(settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("visibility_timeout", 600))
    autodiscover_modules("tasks")
    import_module("core.queue.tasks")  # core is no app
    found: list[checks.CheckMessage] = []
    for name, task in sorted(current_app.tasks.items()):
        if name.startswith("celery."):
            continue
        soft, hard = task.soft_time_limit or 0, task.time_limit or 0  # its own, or those of the settings
        end = LEASE_SECONDS if inspect.signature(task.run).parameters else redelivered
        if not 0 < soft < hard < end:
            found.append(
                checks.Error(
                    f"The time limits of {name} are {soft} s (soft) and {hard} s (hard).",
                    hint=f"0 < soft < hard < {end:g}: see core/queue/limits.py.",
                    id="config.E002",
                )
            )
    return found
