"""`GET /health`: what it says, to whom, and when it says no."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from integrations.inbox.models import InboxEvent
from integrations.operations import health, measures
from tests.harness.redis import RedisServer, private_redis, redis_binary

pytestmark = pytest.mark.django_db
HEALTHY = {
    "status": "healthy",
    "service": "NowCerts GHL Integration API",
    "version": "1.0.0",
    "database": "ok",
    "broker": "in process",
    "oldest_waiting_seconds": 0.0,
    "circuits": {},
}


@pytest.fixture
def broker(settings: Any) -> Callable[[str], None]:
    """Sets the broker's address."""

    def at(url: str) -> None:
        settings.CELERY_BROKER_URL, settings.BROKER_IN_PROCESS = url, url.startswith("memory://")

    at("memory://localhost/")
    return at


@pytest.fixture(autouse=True)
def _in_process(broker: Any) -> None:
    """Unless a test says otherwise, the broker is that of the embedded default."""


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if redis_binary() is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    with private_redis(tmp_path) as server:
        yield server


def asked() -> Any:
    health.forget()
    return Client().get("/health")


def test_the_healthy_answer_is_that_of_the_service_before_and_more() -> None:
    answer = asked()
    assert (answer.status_code, answer.json()) == (200, HEALTHY)
    assert "no-cache" in answer["Cache-Control"]
    assert Client().get("/health/").json() == HEALTHY


def test_the_oldest_event_that_is_due_tells_how_long_nobody_took_it(receive: Any, relay: Any, travel: Any) -> None:
    travel(timedelta(seconds=0))
    receive(relay(event_id="evt_old"))
    receive(relay(event_id="evt_new"))
    moment = timezone.now()
    InboxEvent.objects.filter(external_id="evt_old").update(next_attempt_at=moment - timedelta(seconds=90))
    waited = asked().json()["oldest_waiting_seconds"]
    assert 90 <= waited < 100

    InboxEvent.objects.filter(external_id="evt_old").update(status="failed", next_attempt_at=None, wake_at=None)
    InboxEvent.objects.filter(external_id="evt_new").update(next_attempt_at=moment + timedelta(hours=1))
    assert asked().json()["oldest_waiting_seconds"] == 0.0, "what waits for its time is not late"


def test_with_the_database_away_it_is_unavailable_and_says_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("refused by 10.0.0.1")

    monkeypatch.setattr(connection, "cursor", away)
    answer = asked()
    assert answer.status_code == 503
    assert answer.json() == HEALTHY | {"status": "unavailable", "database": "away", "oldest_waiting_seconds": None}


def test_with_the_broker_away_events_are_accepted_all_the_same(broker: Any, redis_server: RedisServer) -> None:
    broker(redis_server.url)
    assert asked().json() == HEALTHY | {"broker": "ok"}

    redis_server.kill()
    answer = asked()
    assert (answer.status_code, answer.json()) == (200, HEALTHY | {"status": "degraded", "broker": "away"})

    redis_server.start()
    redis_server.pause()
    try:
        assert asked().json()["broker"] == "away", "one that hangs is away, too"
    finally:
        redis_server.resume()


def test_the_circuits_are_those_of_the_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "circuits", lambda: {"gohighlevel": "open", "nowcerts": "closed"})
    answer = asked()
    assert answer.status_code == 200
    assert answer.json()["circuits"] == {"gohighlevel": "open", "nowcerts": "closed"}


def test_whoever_asks_again_at_once_costs_no_query(django_assert_num_queries: Any, monkeypatch: Any) -> None:
    now = [1000.0]
    monkeypatch.setattr(health.time, "monotonic", lambda: now[0])
    with django_assert_num_queries(2):
        asked()
    now[0] += 0.9
    with django_assert_num_queries(0):
        assert Client().get("/health").json() == HEALTHY
    now[0] += 0.2
    with django_assert_num_queries(2):
        Client().get("/health")


def test_it_takes_no_other_method() -> None:
    assert Client().head("/health").status_code == 200
    assert Client().post("/health").status_code == 405
