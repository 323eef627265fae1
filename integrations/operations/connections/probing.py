"""Test of a connection: a few real calls of a provider's API, each with what its answer means.

Nothing is written there, no transaction is open meanwhile, and all calls together end within about ten seconds.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import phrases
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.provider import Provider
from integrations.toolkit.failures import NotConfigured, NotPermitted, TemporaryFailure, TooManyCalls

PATIENCE = 10.0  # seconds for all calls together
_LEAST = 0.5  # seconds, below which no call is begun


class Verdict(StrEnum):
    OK = "ok"
    NOT_CONFIGURED = "not configured"
    CREDENTIALS = "credentials refused"
    PERMISSION = "permission missing"
    BUSY = "too many calls"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    NOT_TRIED = "not tried"


_EXPLAINED = {
    Verdict.NOT_CONFIGURED: gettext_lazy("A setting is missing or cannot be right."),
    Verdict.CREDENTIALS: gettext_lazy("The credentials are refused: they are wrong, or were withdrawn."),
    Verdict.PERMISSION: gettext_lazy("The credentials are accepted, but a permission is missing."),
    Verdict.BUSY: gettext_lazy("The provider allows no more calls for the moment. Try again in a minute."),
    Verdict.UNREACHABLE: gettext_lazy("No usable answer came: the provider or the way to it is down."),
    Verdict.REFUSED: gettext_lazy("The provider refused the call."),
    Verdict.NOT_TRIED: gettext_lazy("Not tried after what failed before it."),
}
# After these no other call would be answered otherwise.
_ENDS = frozenset({Verdict.NOT_CONFIGURED, Verdict.CREDENTIALS, Verdict.BUSY, Verdict.UNREACHABLE})


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One call and what came of it. `seen` is what it saw, `permission` the one that is missing, `error` the
    provider's answer in English, without secrets.
    """

    label: Any
    verdict: Verdict
    seen: str = ""
    permission: str = ""
    error: str = ""

    @property
    def error_shown(self) -> str:
        return phrases.shown(self.error)

    @property
    def is_ok(self) -> bool:
        return self.verdict is Verdict.OK

    @property
    def explanation(self) -> str:
        """Return in the reader's language what the answer means and what is to be done."""
        if self.is_ok:
            return f"{_('It works')} ({self.seen})" if self.seen else _("It works")
        if self.permission:
            return _("The credentials are accepted, but the permission %(name)s is missing.") % {
                "name": self.permission
            }
        return str(_EXPLAINED[self.verdict])


def probe(provider: Provider, *, clock: Callable[[], float] = time.monotonic) -> list[Tried]:
    """Call what the manifest lists, in order, until one fails in a way that all others would; never raises for one."""
    tried: list[Tried] = []
    ends_at, is_over = clock() + PATIENCE, False
    for one in provider.probes:
        seconds = ends_at - clock()
        if is_over or seconds < _LEAST:
            tried.append(Tried(label=one.label, verdict=Verdict.NOT_TRIED))
            continue
        try:
            tried.append(Tried(label=one.label, verdict=Verdict.OK, seen=one.call(seconds)))
        except (Retryable, Permanent) as error:
            tried.append(_failed(one.label, error))
        is_over = tried[-1].verdict in _ENDS
    return tried


def _failed(label: Any, error: Exception) -> Tried:
    verdict, permission = Verdict.REFUSED, ""
    if isinstance(error, NotConfigured):
        verdict = Verdict.NOT_CONFIGURED
    elif isinstance(error, NotPermitted):
        is_one = error.permission is not None or error.status == 403
        verdict = Verdict.PERMISSION if is_one else Verdict.CREDENTIALS
        permission = error.permission.name if error.permission else ""
    elif isinstance(error, TooManyCalls):
        verdict = Verdict.BUSY
    elif isinstance(error, TemporaryFailure):
        verdict = Verdict.UNREACHABLE
    return Tried(label=label, verdict=verdict, permission=permission, error=str(error)[:500])
