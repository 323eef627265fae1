"""Fixtures for every test: Kajabi's secrets, and a sender of its webhooks. The root conftest.py loads this plugin."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

WEBHOOK_SECRET = "a-secret-that-only-tests-know"
WEBHOOK_TOKEN = "a-token-that-only-tests-know"
OFFER_ID = "off_456"
RELAY = "/api/webhook/kajabi/"
FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(autouse=True)
def _kajabi_configured(settings: Any) -> None:
    settings.KAJABI_WEBHOOK_SECRET = [WEBHOOK_SECRET]
    settings.KAJABI_WEBHOOK_TOKEN = [WEBHOOK_TOKEN]
    settings.NSSA_KAJABI_PRODUCT_ID = [OFFER_ID, "2150456456"]


def signature(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    """Return the hex HMAC-SHA256 of the raw body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def sign() -> Callable[..., str]:
    return signature


@pytest.fixture
def relay() -> Callable[..., dict[str, Any]]:
    """Makes the body of a relay event about one member: relay("offer.purchased", "evt_1", "jane@example.com", …)."""

    def make(
        event_type: str = "offer.purchased", event_id: str = "evt_1", email: str = "jane@example.com", **fields: Any
    ) -> dict[str, Any]:
        member = {"id": "mem_1001", "email": email, "first_name": "Jane", "last_name": "Rivera"}
        offer = {"id": OFFER_ID, "name": "NSSA Annual Membership"}
        return {"type": event_type, "id": event_id, "member": member, "offer": offer} | fields

    return make


@pytest.fixture
def fixture() -> Callable[[str], dict[str, Any]]:
    """Reads a fixture of the Kajabi provider, as a fresh dict: fixture("purchase__native")."""
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def post() -> Callable[..., Any]:
    """Posts a payload, or raw bytes, to a webhook endpoint, signed with `secret` unless told otherwise."""

    def send(
        payload: Mapping[str, Any] | bytes,
        endpoint: str = RELAY,
        *,
        secret: str = WEBHOOK_SECRET,
        sign: bool = True,
        headers: Mapping[str, str] | None = None,
        **environ: Any,
    ) -> Any:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        proof = {"X-Kajabi-Signature": signature(body, secret)} if sign else {}
        environ.setdefault("CONTENT_LENGTH", str(len(body)))
        return Client().generic(
            "POST", endpoint, body, "application/json", headers={**proof, **(headers or {})}, **environ
        )

    return send


@pytest.fixture
def receive(post: Callable[..., Any]) -> Callable[..., Any]:
    """Posts a payload that must be accepted, and gives the event that it became, not processed yet."""
    from integrations.inbox.models import InboxEvent

    def send(payload: Mapping[str, Any], *arguments: Any, **options: Any) -> InboxEvent:
        response = post(payload, *arguments, **options)
        assert response.status_code == 200, response.content
        return InboxEvent.objects.latest("pk")

    return send


@pytest.fixture
def process(receive: Callable[..., Any], drain: Callable[[], None]) -> Callable[..., Any]:
    """Posts a payload, does all that is due, and gives the event as it is then."""

    def send(payload: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        event = receive(payload, *arguments, **options)
        drain()
        event.refresh_from_db()
        return event

    return send
