"""Verifiers of senders: signature schemes and tokens, closed by default and constant in time.

Every configured secret is tried, so that two can be live while one replaces the other; an empty secret never verifies.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from integrations.contracts.webhook import WebhookRequest

TOLERANCE = 300  # seconds, both ways, between the sender's clock and ours


def secrets_in(setting: str) -> list[str]:
    """Return the live secrets of a setting, without blank ones."""
    return [secret for secret in getattr(settings, setting, []) if secret.strip()]


def equals_any(given: str, accepted: list[str]) -> bool:
    """Return whether `given` is one of `accepted`; the time does not depend on which, or on how much of it is right."""
    given_bytes = given.encode("utf-8", "surrogateescape")
    found = False
    for candidate in accepted:
        found |= hmac.compare_digest(given_bytes, candidate.encode("utf-8"))
    return found


@dataclass(frozen=True)
class HmacSha256Hex:
    """`header: <hex HMAC-SHA256 of the raw body>`, with or without a leading `sha256=`."""

    header: str
    setting: str
    signs = True

    @property
    def headers(self) -> dict[str, str]:
        return {self.header: "The hex HMAC-SHA256 of the raw body."}

    def is_offered(self, request: WebhookRequest) -> bool:
        return self.header.lower() in request.headers

    def accepts(self, request: WebhookRequest) -> bool:
        given = request.headers.get(self.header.lower(), "").strip().lower().removeprefix("sha256=")
        return equals_any(given, _hex_digests(secrets_in(self.setting), request.signed_bodies))

    def proof(self, body: bytes) -> dict[str, str]:
        secrets = secrets_in(self.setting)
        return {self.header: _hex_digest(secrets[0], body)} if secrets else {}


@dataclass(frozen=True)
class TimestampedHmac:
    """`header: sha256=<hex HMAC-SHA256 of "{timestamp}.{raw body}">`, the Unix seconds in a header of their own.

    A timestamp more than five minutes ago or ahead is refused: a stored copy of a request opens nothing. A signature
    without its timestamp is another scheme's, and never accepted here.
    """

    header: str
    timestamp_header: str
    setting: str
    signs = True

    @property
    def headers(self) -> dict[str, str]:
        return {
            self.header: 'sha256= and the hex HMAC-SHA256 of "<timestamp>.<raw body>".',
            self.timestamp_header: f"The signed timestamp, in Unix seconds; at most {TOLERANCE} seconds from now.",
        }

    def is_offered(self, request: WebhookRequest) -> bool:
        return self.header.lower() in request.headers and self.timestamp_header.lower() in request.headers

    def accepts(self, request: WebhookRequest) -> bool:
        timestamp = request.headers.get(self.timestamp_header.lower(), "").strip()
        if not _is_recent(timestamp):
            return False
        given = request.headers.get(self.header.lower(), "").strip().lower().removeprefix("sha256=")
        signed = [timestamp.encode() + b"." + body for body in request.signed_bodies]
        return equals_any(given, _hex_digests(secrets_in(self.setting), signed))

    def proof(self, body: bytes) -> dict[str, str]:
        secrets = secrets_in(self.setting)
        if not secrets:
            return {}
        timestamp = str(int(timezone.now().timestamp()))
        signature = _hex_digest(secrets[0], timestamp.encode() + b"." + body)
        return {self.header: f"sha256={signature}", self.timestamp_header: timestamp}


@dataclass(frozen=True)
class Token:
    """A secret that is sent as it is, by senders that cannot sign.

    It stands as the last part of the path, in the header `X-Webhook-Token`, in `Authorization: Bearer`, or in the
    query as `token`; the first of these that holds anything decides.
    """

    setting: str
    signs = False
    header = "X-Webhook-Token"
    query = "token"

    @property
    def headers(self) -> dict[str, str]:
        return {self.header: "The token as it is."}

    def is_offered(self, request: WebhookRequest) -> bool:
        return bool(self._given(request))

    def accepts(self, request: WebhookRequest) -> bool:
        given = self._given(request)
        return bool(given) and equals_any(given, secrets_in(self.setting))

    def proof(self, body: bytes) -> dict[str, str]:
        tokens = secrets_in(self.setting)
        return {self.header: tokens[0]} if tokens else {}

    def _given(self, request: WebhookRequest) -> str:
        scheme, _space, bearer = request.headers.get("authorization", "").strip().partition(" ")
        return (
            request.token
            or request.headers.get(self.header.lower(), "").strip()
            or (bearer.strip() if scheme.lower() == "bearer" else "")
            or request.query_token.strip()
        )


def _hex_digests(secrets: Iterable[str], bodies: Sequence[bytes]) -> list[str]:
    return [_hex_digest(secret, body) for secret in secrets for body in bodies]


def _hex_digest(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _is_recent(timestamp: str) -> bool:
    """Return whether `timestamp` is Unix seconds that differ from now by no more than TOLERANCE."""
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    return is_number and abs(timezone.now().timestamp() - int(timestamp)) <= TOLERANCE
