"""A fake NowCerts that runs for one test, a client of it that does not really wait, and a sender of its webhooks."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from integrations.providers.nowcerts.client import NowCertsClient
from tests.fakes.nowcerts import PASSWORD, USERNAME, FakeNowCerts

FIXTURES = Path(__file__).parent / "fixtures"
SECRET = "a-nowcerts-secret-that-only-tests-know"
TOKEN = "a-nowcerts-token-that-only-tests-know"
ENDPOINT = "/api/v1/webhooks/nowcerts"


@pytest.fixture(autouse=True)
def _configured_nowcerts(settings: Any, _configured: None) -> None:
    settings.NOWCERTS_USERNAME = settings.NOWCERTS_PASSWORD = ""
    settings.NOWCERTS_WEBHOOK_SECRET, settings.NOWCERTS_WEBHOOK_TOKEN = [SECRET], [TOKEN]


@pytest.fixture
def nowcerts(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNowCerts]:
    """A running fake, which the settings name."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeNowCerts() as fake:
        settings.NOWCERTS_BASE_URL, settings.NOWCERTS_TOKEN_PATH = fake.url, "/api/token"
        settings.NOWCERTS_USERNAME, settings.NOWCERTS_PASSWORD = USERNAME, PASSWORD
        settings.MAX_RETRIES, settings.RETRY_INITIAL_DELAY, settings.RETRY_BACKOFF_FACTOR = 3, 0.01, 1.0
        yield fake


@pytest.fixture
def build(nowcerts: FakeNowCerts) -> Callable[[], NowCertsClient]:
    """Return a builder of clients, each as another process would have it."""
    return lambda: NowCertsClient(sleep=lambda seconds: None)


@pytest.fixture
def client(build: Callable[[], NowCertsClient]) -> NowCertsClient:
    return build()


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """Reads a fixture, as a fresh dict: sample("INSURED_INSERT__sync")."""
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def deliver(post: Callable[..., Any], sign: Callable[..., str]) -> Callable[..., Any]:
    """Posts a payload with the token, or signed by a relay, or bare."""

    def send(payload: Mapping[str, Any] | bytes, *, by: str = "token") -> Any:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        proofs = {"token": {"X-Webhook-Token": TOKEN}, "relay": {"X-Webhook-Signature": sign(body, SECRET)}}
        return post(body, ENDPOINT, sign=False, headers=proofs.get(by, {}))

    return send
