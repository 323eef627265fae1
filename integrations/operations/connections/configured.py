"""Settings and addresses of a provider as staff may see them: secrets masked, each with what it is for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from config.logs import MASK
from config.secret_settings import SHORTEST, configured_secrets
from integrations.contracts.provider import Endpoint, Provider, Verifier
from integrations.setup_state import SetupState
from integrations.toolkit.signatures import Token, secrets_in

_SHOWN = 4  # letters of a secret, of one that is long enough to hide the rest
_LONGEST = 80  # letters of any other value


class Presence(StrEnum):
    SET = "set"
    MISSING = "missing"
    OPTIONAL = "optional"


PRESENCES = {Presence.SET: _("set"), Presence.MISSING: _("missing"), Presence.OPTIONAL: _("not set")}


@dataclass(frozen=True, kw_only=True)
class SettingState:
    """A setting as it is now. `value` is masked where it is a secret, "" where it is not set. `may_be_shown`: it is a
    secret that we chose, to be pasted at the sender; operators may see it whole.
    """

    name: str
    purpose: Any
    presence: Presence
    value: str
    may_be_shown: bool

    @property
    def label(self) -> Any:
        return PRESENCES[self.presence]


@dataclass(frozen=True, kw_only=True)
class ProofState:
    """A way in which a sender proves itself: the header that it sends, and the setting with its secret."""

    header: str
    setting: str
    is_set: bool


@dataclass(frozen=True, kw_only=True)
class EndpointState:
    """An endpoint as it is pasted at the sender. `url` is masked where it `has_secret`: a token at its end."""

    name: str
    url: str
    has_secret: bool
    paste_at: Any
    proofs: Sequence[ProofState]


def settings_of(state: SetupState) -> list[SettingState]:
    """Return the settings of a provider, in the order of its manifest.

    Those of its API are needed, unless it is one that is not read by the clock and none of its credentials is set. Of
    those that let webhooks in one is enough: the first.
    """
    provider = state.provider
    needed = set(state.api_lacks if state.is_half or needs_api(provider) else ())
    if not state.takes_unsigned:
        needed.update([name for name in provider.purposes if name in state.hooks_need][:1])
    chosen = _chosen(provider)
    names = [*provider.purposes, *(name for name in sorted(needed) if name not in provider.purposes)]
    return [_setting(name, provider.purposes.get(name, ""), needed, chosen) for name in names]


def needs_api(provider: Provider) -> bool:
    """Return whether a provider is of little use without its API, since it is read or written to by the clock."""
    return any((provider.pulls, provider.mirror, provider.deals))


def endpoint_state(endpoint: Endpoint) -> EndpointState:
    """Return an endpoint as it is pasted at the sender."""
    token = _token_in_path(endpoint)
    return EndpointState(
        name=endpoint.name,
        url=_url(endpoint, token=masked(token) if token else ""),
        has_secret=bool(token),
        paste_at=endpoint.paste_at,
        proofs=[_proof(verifier) for verifier in endpoint.verifiers],
    )


def whole_url(endpoint: Endpoint, *, with_token: bool = True) -> str:
    """Return the public address of an endpoint, with the token at its end where senders may put it there."""
    return _url(endpoint, token=quote(_token_in_path(endpoint), safe="") if with_token else "")


def whole_secret(provider: Provider, name: str) -> str:
    """Return the secret of a setting to be pasted at the sender: the first of several, with which we sign too.

    Raises KeyError for a setting that is no proof of the provider's senders, or that is not set.
    """
    secrets = secrets_in(name) if name in _chosen(provider) else []
    if not secrets:
        raise KeyError(name)
    return secrets[0]


def masked(secret: str) -> str:
    """Return the last letters of a secret, of one that is long enough for that."""
    return MASK + (secret[-_SHOWN:] if len(secret) >= SHORTEST else "")


def _chosen(provider: Provider) -> set[str]:
    """Return the settings with the secrets of a provider's senders; a public key or an id is none."""
    proofs = {verifier.setting for endpoint in provider.endpoints for verifier in endpoint.verifiers}
    return {name for name in proofs if _is_secret(name, ["x"])}


def _setting(name: str, purpose: Any, needed: set[str], chosen: set[str]) -> SettingState:
    value = _shown(name, getattr(settings, name, ""))
    presence = Presence.SET if value else Presence.MISSING if name in needed else Presence.OPTIONAL
    return SettingState(
        name=name, purpose=purpose, presence=presence, value=value, may_be_shown=bool(value) and name in chosen
    )


def _shown(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(str(key) for key in value)[:_LONGEST]
    texts = [str(item) for item in (value if isinstance(value, list | tuple) else [value]) if str(item).strip()]
    if _is_secret(name, texts):
        return ", ".join(masked(text) for text in texts)
    text = str(settings.LOG_REDACTOR.value("", ", ".join(texts)))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _is_secret(name: str, values: Sequence[str]) -> bool:
    return name.endswith("_CLIENT_ID") or bool(configured_secrets({name: list(values)}))


def _token_in_path(endpoint: Endpoint) -> str:
    tokens = [verifier for verifier in endpoint.verifiers if isinstance(verifier, Token)]
    secrets = secrets_in(tokens[0].setting) if tokens and endpoint.takes_token_in_path else []
    return secrets[0] if secrets else ""


def _url(endpoint: Endpoint, *, token: str) -> str:
    url = f"{settings.FRONTEND_URL}/{endpoint.path}"
    return f"{url}/{token}" if token else url


def _proof(verifier: Verifier) -> ProofState:
    return ProofState(
        header=", ".join(verifier.headers), setting=verifier.setting, is_set=bool(secrets_in(verifier.setting))
    )
