"""Chatwoot as an operator would have configured it, and senders that prove themselves in each of its ways."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

SECRET = "s3cr3t-of-chatwoot-that-only-tests-know"
RELAY_SECRET = "s3cr3t-of-a-relay-that-only-tests-know"
TOKEN = "a-token-of-chatwoot-that-only-tests-know"
INSTALLATION = "/api/chatwoot/webhooks/account-created"
EVENTS = "/api/chatwoot/webhooks/events"
FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(autouse=True)
def _chatwoot(settings: Any) -> None:
    settings.CHATWOOT_WEBHOOK_SECRET = [SECRET]
    settings.CHATWOOT_RELAY_SECRET = []
    settings.CHATWOOT_WEBHOOK_TOKEN = [TOKEN]
    settings.CHATWOOT_BASE_URL = settings.CHATWOOT_PLATFORM_TOKEN = ""
    settings.CHATWOOT_EMBED_ORIGINS = []
    settings.CHATWOOT_FRAME_ORIGINS = []
    settings.METRICS_TOKEN = []
    settings.COMPANY_PROVISIONING_STEPS = []


@pytest.fixture
def fixture() -> Callable[[str], dict[str, Any]]:
    """Reads a fixture of Chatwoot, as a fresh dict."""
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def account() -> Callable[..., dict[str, Any]]:
    """Makes an installation event: account(123, "Test Company S.A.", event="account_created", users=[…])."""

    def make(account_id: Any = 123, name: str = "Test Company S.A.", **fields: Any) -> dict[str, Any]:
        return {"id": account_id, "name": name, "users": [], "event": "account_created"} | fields

    return make


def body_of(payload: Mapping[str, Any] | bytes) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def signed(body: bytes, *, secret: str = SECRET, timestamp: str = "", delivery: str = "") -> dict[str, str]:
    """The headers of an account webhook."""
    timestamp = timestamp or str(int(timezone.now().timestamp()))
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {
        "X-Chatwoot-Signature": f"sha256={digest}",
        "X-Chatwoot-Timestamp": timestamp,
        "X-Chatwoot-Delivery": delivery or str(uuid4()),
    }


@pytest.fixture
def install() -> Callable[..., Any]:
    """Posts an installation event with the token in its path, as Chatwoot does."""

    def send(payload: Mapping[str, Any] | bytes, *, token: str = TOKEN, headers: Any = None) -> Any:
        path = f"{INSTALLATION}/{token}" if token else INSTALLATION
        return Client().post(path, body_of(payload), "application/json", headers=headers or {})

    return send


@pytest.fixture
def tell() -> Callable[..., Any]:
    """Posts an account webhook, signed with its time."""

    def send(payload: Mapping[str, Any], *, delivery: str = "", path: str = EVENTS) -> Any:
        body = body_of(payload)
        return Client().post(path, body, "application/json", headers=signed(body, delivery=delivery))

    return send
