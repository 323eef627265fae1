"""Fakes of every provider that run for one test, and settings that connect to them."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes import gohighlevel, kajabi, kajabi_records, nowcerts
from tests.fakes.chatwoot import PLATFORM_TOKEN, FakeChatwoot
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.fakes.kajabi import FakeKajabi
from tests.fakes.nowcerts import FakeNowCerts

TOKEN = "{}-token-that-only-tests-know-wxyz"


@pytest.fixture(autouse=True)
def _nothing_is_set(settings: Any, _configured: None) -> None:
    """Leave every provider without a setting, whatever this machine has."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "API_KEY", "SITE_ID", "SITE_NAME"):
        setattr(settings, f"KAJABI_{name}", "")
    settings.NOWCERTS_USERNAME = settings.NOWCERTS_PASSWORD = ""
    settings.GHL_API_KEY = settings.GHL_LOCATION_ID = ""
    settings.CHATWOOT_BASE_URL = settings.CHATWOOT_PLATFORM_TOKEN = ""
    for prefix in ("KAJABI", "NOWCERTS", "GHL", "CHATWOOT"):
        setattr(settings, f"{prefix}_WEBHOOK_SECRET", [])
        setattr(settings, f"{prefix}_WEBHOOK_TOKEN", [])
    settings.CHATWOOT_RELAY_SECRET = []
    settings.MAX_RETRIES, settings.RETRY_INITIAL_DELAY, settings.RETRY_BACKOFF_FACTOR = 0, 0.01, 1.0


@pytest.fixture
def tokens(settings: Any) -> None:
    """Set a token for the webhooks of each provider."""
    for prefix in ("KAJABI", "NOWCERTS", "GHL", "CHATWOOT"):
        setattr(settings, f"{prefix}_WEBHOOK_TOKEN", [TOKEN.format(prefix.lower())])


@pytest.fixture
def fakes(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run a fake of each provider; the settings name all four."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeKajabi() as one, FakeNowCerts() as two, FakeGoHighLevel() as three, FakeChatwoot() as four:
        one.add(kajabi_records.site("1", title="Academy"))
        settings.KAJABI_API_BASE_URL = one.url
        settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = kajabi.CLIENT_ID, kajabi.CLIENT_SECRET
        settings.NOWCERTS_BASE_URL, settings.NOWCERTS_TOKEN_PATH = two.url, "/api/token"
        settings.NOWCERTS_USERNAME, settings.NOWCERTS_PASSWORD = nowcerts.USERNAME, nowcerts.PASSWORD
        settings.GHL_BASE_URL, settings.GHL_API_KEY = three.url, gohighlevel.API_KEY
        settings.GHL_LOCATION_ID = gohighlevel.LOCATION_ID
        settings.CHATWOOT_BASE_URL, settings.CHATWOOT_PLATFORM_TOKEN = four.url, PLATFORM_TOKEN
        yield SimpleNamespace(kajabi=one, nowcerts=two, gohighlevel=three, chatwoot=four)
