"""A fake GoHighLevel that runs for one test, a client of it that does not really wait, and its own way of signing."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from integrations.providers.gohighlevel.client import GoHighLevelClient
from tests.fakes.gohighlevel import API_KEY, LOCATION_ID, FakeGoHighLevel

FIXTURES = Path(__file__).parent / "fixtures"
SECRET = "a-ghl-secret-that-only-tests-know"
TOKEN = "a-ghl-token-that-only-tests-know"
ENDPOINT = "/api/v1/webhooks/ghl"
PRIVATE_KEY = Ed25519PrivateKey.generate()


@pytest.fixture(autouse=True)
def _configured_ghl(settings: Any, _configured: None) -> None:
    settings.GHL_LOCATION_ID = LOCATION_ID
    settings.GHL_API_KEY = ""
    settings.GHL_WEBHOOK_SECRET, settings.GHL_WEBHOOK_TOKEN = [SECRET], [TOKEN]
    public = PRIVATE_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    settings.GHL_PUBLIC_KEYS = [public.decode()]


@pytest.fixture
def ghl(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGoHighLevel]:
    """A running fake, which the settings name."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeGoHighLevel() as fake:
        settings.GHL_BASE_URL, settings.GHL_API_KEY = fake.url, API_KEY
        settings.MAX_RETRIES, settings.RETRY_INITIAL_DELAY, settings.RETRY_BACKOFF_FACTOR = 3, 0.01, 1.0
        yield fake


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client would have waited."""
    return []


@pytest.fixture
def client(ghl: FakeGoHighLevel, waits: list[float]) -> GoHighLevelClient:
    return GoHighLevelClient(sleep=waits.append)


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """Reads a fixture, as a fresh dict: sample("ContactCreate__app")."""
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def deliver(post: Callable[..., Any]) -> Callable[..., Any]:
    """Posts a payload as GoHighLevel itself signs it, dated now where its date is old, or with the token, or bare."""

    def send(payload: Mapping[str, Any], *, by: str = "app", headers: Mapping[str, str] | None = None) -> Any:
        is_old = by == "app" and str(payload.get("timestamp", "9")) < (timezone.now() - timedelta(days=6)).isoformat()
        dated = {"timestamp": timezone.now().isoformat()} if is_old else {}
        body = json.dumps({**payload, **dated}).encode()
        signature = base64.b64encode(PRIVATE_KEY.sign(body)).decode()
        proofs = {"app": {"X-GHL-Signature": signature}, "token": {"X-Webhook-Token": TOKEN}, "nobody": {}}
        return post(body, ENDPOINT, sign=False, headers={**proofs[by], **(headers or {})})

    return send
