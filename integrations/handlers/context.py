"""What a handler is told beside the event, and the value in which it says what it changed."""

from dataclasses import dataclass

from django.db.models import Model

from accounts.services.cause import Cause


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that an event changed: for people, with the row it is about."""

    description: str
    target: Model


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a handler knows beside the event: whose it is, its key, unique for the provider, and the cause.

    `reads_contacts`: the provider can be asked for a whole contact.
    """

    provider: str
    key: str
    cause: Cause
    reads_contacts: bool = False
