"""Names of providers, and of their kinds of records, as people say them: `integrations` gives the first."""

from collections.abc import Callable, Mapping

from django.utils.translation import gettext_lazy as _

_KINDS = {"contact": _("contact"), "customer": _("customer"), "member": _("member"), "email": _("e-mail")}
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


def kind_title(kind: str) -> str:
    """Return what a provider's id is the id of, by the stored kind; the kind itself where it is a word of no list."""
    return str(_KINDS.get(kind, kind))
