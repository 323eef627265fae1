"""Set-up state of each provider, for `manage.py check` and the console."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from integrations import registry
from integrations.contracts.provider import Provider
from integrations.toolkit.signatures import secrets_in


@dataclass(frozen=True, kw_only=True)
class SetupState:
    """Set-up state of one provider.

    `hooks_need`: the settings of which one lets webhooks in, empty where one of them is set. `api_lacks`: the settings
    that its API still needs, empty where it can be asked. `is_half`: credentials of the API are set, but not all that
    it needs. `retired`: a setting that is set and does nothing, with what is to be done; only where the API is off.
    """

    provider: Provider
    hooks_need: Sequence[str]
    takes_unsigned: bool
    api_lacks: Sequence[str]
    is_half: bool
    retired: tuple[str, str] | None

    @property
    def is_used(self) -> bool:
        """Return whether the provider is set up in some way, so that something can come from it."""
        return not self.hooks_need or self.takes_unsigned or not self.api_lacks


def of(provider: Provider) -> SetupState:
    """Return how far a provider is set up."""
    proofs = sorted({verifier.setting for endpoint in provider.endpoints for verifier in endpoint.verifiers})
    lacking = provider.missing_settings()
    is_half = bool(lacking) and any(map(_is_set, provider.credentials))
    retired = next((pair for pair in provider.retired_settings.items() if _is_set(pair[0])), None)
    return SetupState(
        provider=provider,
        hooks_need=[] if any(map(secrets_in, proofs)) else proofs,
        takes_unsigned=provider.key in settings.WEBHOOKS_ALLOW_UNSIGNED,
        api_lacks=lacking,
        is_half=is_half,
        retired=retired if lacking else None,
    )


def of_all() -> list[SetupState]:
    """Return how far each provider is set up."""
    return [of(provider) for provider in registry.all_providers().values()]


def used() -> list[Provider]:
    """Return the providers that are set up in some way."""
    return [state.provider for state in of_all() if state.is_used]


def _is_set(name: str) -> bool:
    return bool(str(getattr(settings, name, "")).strip())
