"""Test events over real HTTP to our own endpoints: proved as their sender does, stored, and without any effect."""

from typing import Any

import pytest

from accounts.people.models import Contact, User
from integrations import registry
from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.webhook import TEST_EVENT
from integrations.inbox.models import InboxEvent
from integrations.operations.connections import trial_event
from integrations.operations.connections.trial_event import Outcome, send
from tests.fakes.http_server import Answer, FakeServer

PROVIDERS = registry.all_providers().values()
ENDPOINTS = [
    pytest.param(provider, endpoint, id=f"{provider.key} {endpoint.name}")
    for provider in PROVIDERS
    for endpoint in provider.endpoints
]


@pytest.fixture
def served(settings: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Serve this installation at the address of FRONTEND_URL."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    settings.FRONTEND_URL = live_server.url
    return live_server


def assert_stored_without_effect(provider: Provider, endpoint: Endpoint, drain: Any) -> InboxEvent:
    sent = send(provider, endpoint)
    assert (sent.outcome, sent.status) == (Outcome.STORED, 200)
    drain()
    event = InboxEvent.objects.get()
    assert sent.event == event
    assert (event.status, event.event_type, event.endpoint) == ("ignored", TEST_EVENT, endpoint.name)
    assert "test event from the console" in event.reason
    assert not Contact.objects.exists()
    assert not User.objects.exists()
    return event


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("provider", "endpoint"), ENDPOINTS)
def test_token_address_and_storing_are_proved_and_nothing_follows(
    served: Any, tokens: None, drain: Any, provider: Provider, endpoint: Endpoint
) -> None:
    event = assert_stored_without_effect(provider, endpoint, drain)
    assert not event.is_signed


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("provider", "endpoint"), ENDPOINTS)
def test_address_without_a_token_is_signed_for(
    served: Any, settings: Any, drain: Any, provider: Provider, endpoint: Endpoint
) -> None:
    for prefix in ("KAJABI", "NOWCERTS", "GHL", "CHATWOOT"):
        setattr(settings, f"{prefix}_WEBHOOK_SECRET", ["a-signing-secret-of-tests"])
    event = assert_stored_without_effect(provider, endpoint, drain)
    assert event.is_signed


@pytest.mark.django_db(transaction=True)
def test_address_that_ends_with_a_token_is_tried_by_it_although_a_relay_could_sign(
    served: Any, tokens: None, settings: Any
) -> None:
    settings.KAJABI_WEBHOOK_SECRET = ["a-signing-secret-of-tests"]
    provider = registry.provider("kajabi")
    proofs = {endpoint.name: send(provider, endpoint).proof for endpoint in provider.endpoints}
    assert proofs == {
        "relay": "KAJABI_WEBHOOK_SECRET",
        "course relay": "KAJABI_WEBHOOK_SECRET",
        "native": "KAJABI_WEBHOOK_TOKEN",
    }


@pytest.mark.django_db(transaction=True)
def test_two_test_events_are_two_rows(served: Any, tokens: None) -> None:
    provider = registry.provider("kajabi")
    for endpoint in (provider.endpoints[0], provider.endpoints[0]):
        assert send(provider, endpoint).event
    assert InboxEvent.objects.count() == 2


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda one: one.key)
def test_no_provider_handles_the_type_of_test_events(provider: Provider) -> None:
    assert TEST_EVENT not in provider.handled


@pytest.mark.django_db
def test_without_a_secret_nothing_is_sent() -> None:
    assert send(registry.provider("kajabi"), registry.endpoint_of("kajabi", "relay")).outcome is Outcome.UNPROVED


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(status=403, body=b"{}"), Outcome.REFUSED),
        (Answer(status=404, body=b"{}"), Outcome.ANOTHER_ANSWER),
        (Answer(status=301, body=b"", headers={"Location": "https://elsewhere.example/"}), Outcome.REDIRECTED),
        (Answer(status=200, body=b"{}"), Outcome.NOT_STORED),
    ],
)
def test_answer_that_is_not_ours_is_explained(
    settings: Any, tokens: None, monkeypatch: pytest.MonkeyPatch, answer: Answer, outcome: Outcome
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeServer(lambda asked: answer) as other:
        settings.FRONTEND_URL = other.url
        sent = send(registry.provider("kajabi"), registry.endpoint_of("kajabi", "native"))
    assert (sent.outcome, sent.status, sent.event) == (outcome, answer.status, None)
    assert [exchange.asked.path for exchange in other.exchanges] == [
        "/kajabi-webhook/kajabi-token-that-only-tests-know-wxyz"
    ]


@pytest.mark.django_db
def test_address_at_which_nothing_answers_is_named(settings: Any, tokens: None) -> None:
    settings.FRONTEND_URL = "http://127.0.0.1:9"
    sent = send(registry.provider("kajabi"), registry.endpoint_of("kajabi", "relay"))
    assert sent.outcome is Outcome.NO_ANSWER


def test_every_outcome_is_explained() -> None:
    assert set(trial_event.EXPLAINED) == set(Outcome)
