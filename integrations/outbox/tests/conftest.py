"""Both sides, running for one test."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from integrations.outbox.tests.two_sides import NOWCERTS_TOKEN, PRIVATE_KEY, TwoSides
from tests.fakes import gohighlevel, nowcerts
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.fakes.nowcerts import FakeNowCerts


@pytest.fixture
def sides(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    post: Callable[..., Any],
    drain: Callable[[], None],
    travel: Callable[[timedelta], None],
) -> Iterator[TwoSides]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings.CONTACT_SYNC = True
    settings.RATE_LIMIT_VERIFIED = settings.RATE_LIMIT_UNVERIFIED = 100_000
    settings.MAX_RETRIES, settings.RETRY_INITIAL_DELAY, settings.RETRY_BACKOFF_FACTOR = 1, 0.01, 1.0
    settings.NOWCERTS_WEBHOOK_SECRET, settings.NOWCERTS_WEBHOOK_TOKEN = [], [NOWCERTS_TOKEN]
    settings.NOWCERTS_USERNAME, settings.NOWCERTS_PASSWORD = nowcerts.USERNAME, nowcerts.PASSWORD
    settings.NOWCERTS_TOKEN_PATH = "/api/token"
    settings.GHL_WEBHOOK_SECRET, settings.GHL_WEBHOOK_TOKEN = [], ["a-ghl-token-that-only-tests-know"]
    settings.GHL_LOCATION_ID, settings.GHL_API_KEY = gohighlevel.LOCATION_ID, gohighlevel.API_KEY
    public = PRIVATE_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    settings.GHL_PUBLIC_KEYS = [public.decode()]
    with FakeNowCerts() as insureds, FakeGoHighLevel() as contacts:
        settings.NOWCERTS_BASE_URL, settings.GHL_BASE_URL = insureds.url, contacts.url
        contacts.limit = 100_000  # the pace is measured elsewhere
        yield TwoSides(nowcerts=insureds, ghl=contacts, post=post, drain=drain, travel=travel)
