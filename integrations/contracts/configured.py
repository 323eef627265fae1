"""The settings without which a provider's API cannot be called."""

from collections.abc import Iterable

from django.conf import settings


def missing(names: Iterable[str]) -> list[str]:
    """Return those of the settings `names` that are not set."""
    return [name for name in names if not str(getattr(settings, name)).strip()]
