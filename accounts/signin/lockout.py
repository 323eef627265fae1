"""Count guesses of clients and accounts, and report a lock-out in the audit log.

A scope is "what.by", as in "sign_in.account": what is guessed, and whose guesses are counted. Its lock-out is the
action "sign_in.locked".
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from accounts.staff import audit
from core.web import guesses
from core.web.guesses import TooMany, forgive

__all__ = ["TooMany", "count", "forgive", "report"]


def count(
    request: HttpRequest | None,
    scope: str,
    identity: str,
    *,
    limit: int,
    seconds: int,
    target: Callable[[], Any] = lambda: None,
) -> None:
    """Count one guess before it is judged; raise TooMany once `limit` is reached in this window of `seconds`.

    Only the first refusal of a window is reported, with the row that the guesses were about if `target` knows one. The
    identity itself is not: people type passwords where their address belongs.
    """
    try:
        guesses.count(scope, identity, limit=limit, seconds=seconds)
    except TooMany as error:
        report(request, error, target=target)
        raise


def report(request: HttpRequest | None, error: TooMany, *, target: Callable[[], Any] = lambda: None) -> None:
    """Record a refusal in the audit log if it is the first of its window."""
    if not error.is_first:
        return
    what, _dot, counted_by = error.scope.partition(".")
    audit.record(
        f"{what}.locked",
        request=request,
        target=target(),
        outcome=audit.DENIED,
        counted_by=counted_by,
        retry_after=error.retry_after,
    )
