"""Choices read from the providers' APIs; a page never fails because one cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from integrations import registry
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.mirror import Stage
from integrations.contracts.provider import Provider

TIMEOUT = 3.0  # seconds that a page waits for a provider


@dataclass(frozen=True, kw_only=True)
class Offered:
    """Choices of a provider; `choices` is None where they could not be read, and `problem` then says why."""

    provider: Provider
    choices: Sequence[Any] | None = None
    problem: str = ""


def mirrored_providers() -> list[Provider]:
    """Return the providers that contacts can be kept equal with, connected or not."""
    return [provider for provider in registry.all_providers().values() if provider.mirror is not None]


def opportunity_providers() -> list[Provider]:
    """Return the providers where policies become opportunities, connected or not."""
    return [provider for provider in registry.all_providers().values() if provider.deals is not None]


def offered_fields() -> list[Offered]:
    """Return the custom fields (remote name or id, label) of each mirrored provider whose API lists them."""
    offered = []
    for provider in mirrored_providers():
        assert provider.mirror is not None
        if provider.mirror.own_fields is None or not provider.is_connected():
            continue
        try:
            offered.append(Offered(provider=provider, choices=provider.mirror.own_fields(TIMEOUT)))
        except (Retryable, Permanent) as error:
            offered.append(Offered(provider=provider, problem=str(error)))
    return offered


def offered_stages() -> list[Offered]:
    """Return the stages of each provider where policies become opportunities."""
    offered = []
    for provider in opportunity_providers():
        assert provider.deals is not None
        if not provider.is_connected():
            offered.append(Offered(provider=provider))
            continue
        try:
            stages: Sequence[Stage] = provider.deals.open(TIMEOUT).stages()
            offered.append(Offered(provider=provider, choices=stages))
        except (Retryable, Permanent) as error:
            offered.append(Offered(provider=provider, problem=str(error)))
    return offered
