"""Names of providers as people say them: `integrations` gives them at its start."""

from collections.abc import Callable, Mapping

_titles: Callable[[], Mapping[str, str]] = dict


def connect(titles: Callable[[], Mapping[str, str]]) -> None:
    """Take the names of all providers, by their keys, from `titles` from now on."""
    global _titles
    _titles = titles


def is_provider(key: str) -> bool:
    """Return whether there is a provider of this key."""
    return key in _titles()


def provider_title(key: str) -> str:
    """Return a provider's name; the key where there is no such provider any more."""
    return _titles().get(key, key)
