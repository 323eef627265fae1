"""Which handler takes which event, and the value in which it says what it changed."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Model

from accounts.services.cause import Cause
from integrations.contracts.events import Event, MembershipEvent


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that an event changed: for people, with the row it is about."""

    description: str
    target: Model


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a handler knows beside the event: whose it is, its key, unique for the provider, and the cause."""

    provider: str
    key: str
    cause: Cause


def handle(event: Event, context: Context) -> list[Change]:
    """Apply `event`, inside the caller's transaction; what it changed.

    Raises Unmatched where a person must decide, Retryable where it may work later.
    """
    return _handler_of(event)(event, context)


def _handler_of(event: Event) -> Callable[..., list[Change]]:
    from integrations.handlers import memberships

    handlers: dict[type[Event], Callable[..., list[Change]]] = {MembershipEvent: memberships.apply}
    for kind, handler in handlers.items():
        if isinstance(event, kind):
            return handler
    raise TypeError(f"no handler for {type(event).__name__}")
