"""Choices read from the providers' APIs; a page never fails because one cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from integrations import registry
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.mirror import Stage
from integrations.contracts.provider import Provider

PATIENCE = 3.0  # seconds that a page waits for a provider


@dataclass(frozen=True, kw_only=True)
class Offered:
    """Choices of a provider; `choices` is None where they could not be read, and `problem` then says why."""

    provider: Provider
    choices: Sequence[Any] | None = None
    problem: str = ""


def mirrored() -> list[Provider]:
    """The providers that contacts can be kept equal with, connected or not."""
    return [one for one in registry.all_providers().values() if one.mirror is not None]


def with_deals() -> list[Provider]:
    return [one for one in registry.all_providers().values() if one.deals is not None]


def fields_there() -> list[Offered]:
    """The custom fields (name or id there, name for people) of each mirrored provider that tells them."""
    found = []
    for one in mirrored():
        assert one.mirror is not None
        if one.mirror.own_fields is None or not one.is_connected():
            continue
        try:
            found.append(Offered(provider=one, choices=one.mirror.own_fields(PATIENCE)))
        except (Retryable, Permanent) as error:
            found.append(Offered(provider=one, problem=str(error)))
    return found


def stages_there() -> list[Offered]:
    """The stages of each provider where policies become opportunities."""
    found = []
    for one in with_deals():
        assert one.deals is not None
        if not one.is_connected():
            found.append(Offered(provider=one))
            continue
        try:
            stages: Sequence[Stage] = one.deals.open(PATIENCE).stages()
            found.append(Offered(provider=one, choices=stages))
        except (Retryable, Permanent) as error:
            found.append(Offered(provider=one, problem=str(error)))
    return found
