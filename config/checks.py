"""`manage.py check`: what concerns the whole installation and no application alone."""

from typing import Any

from django.conf import settings
from django.core import checks

from config.secret_settings import SHORTEST, chosen_secrets


def register() -> None:
    checks.register(check_secrets, checks.Tags.security, deploy=True)


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
