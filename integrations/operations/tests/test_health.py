"""`GET /health`: its answer, and when it is 503."""

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
    """A function that sets the broker's address."""

    def use(url: str) -> None:
        settings.CELERY_BROKER_URL, settings.BROKER_IN_PROCESS = url, url.startswith("memory://")

    use("memory://localhost/")
    return use


@pytest.fixture(autouse=True)
def _in_process(broker: Any) -> None:
    """Unless a test says otherwise, the broker is that of the embedded default."""


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if redis_binary() is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    with private_redis(tmp_path) as server:
        yield server


def get_health() -> Any:
    health.forget()
    return Client().get("/health")


def test_health_of_a_healthy_service_keeps_the_former_keys() -> None:
    answer = get_health()
    assert (answer.status_code, answer.json()) == (200, HEALTHY)
    assert "no-cache" in answer["Cache-Control"]
    assert Client().get("/health/").json() == HEALTHY


def test_health_reports_the_age_of_the_oldest_due_event(receive: Any, relay: Any, travel: Any) -> None:
    travel(timedelta(seconds=0))
    receive(relay(event_id="evt_old"))
    receive(relay(event_id="evt_new"))
    moment = timezone.now()
    InboxEvent.objects.filter(external_id="evt_old").update(next_attempt_at=moment - timedelta(seconds=90))
    seconds = get_health().json()["oldest_waiting_seconds"]
    assert 90 <= seconds < 100

    InboxEvent.objects.filter(external_id="evt_old").update(status="failed", next_attempt_at=None, wake_at=None)
    InboxEvent.objects.filter(external_id="evt_new").update(next_attempt_at=moment + timedelta(hours=1))
    assert get_health().json()["oldest_waiting_seconds"] == 0.0, "an event that is not due is not late"


def test_health_without_database_is_unavailable_and_says_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("refused by 10.0.0.1")

    monkeypatch.setattr(connection, "cursor", away)
    answer = get_health()
    assert answer.status_code == 503
    assert answer.json() == HEALTHY | {"status": "unavailable", "database": "away", "oldest_waiting_seconds": None}


def test_health_without_broker_is_degraded(broker: Any, redis_server: RedisServer) -> None:
    broker(redis_server.url)
    assert get_health().json() == HEALTHY | {"broker": "ok"}

    redis_server.kill()
    answer = get_health()
    assert (answer.status_code, answer.json()) == (200, HEALTHY | {"status": "degraded", "broker": "away"})

    redis_server.start()
    redis_server.pause()
    try:
        assert get_health().json()["broker"] == "away", "a broker that hangs is away, too"
    finally:
        redis_server.resume()


def test_health_shows_the_states_of_circuits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "circuits", lambda: {"gohighlevel": "open", "nowcerts": "closed"})
    answer = get_health()
    assert answer.status_code == 200
    assert answer.json()["circuits"] == {"gohighlevel": "open", "nowcerts": "closed"}


def test_health_is_cached_for_a_second(django_assert_num_queries: Any, monkeypatch: Any) -> None:
    now = [1000.0]
    monkeypatch.setattr(health.time, "monotonic", lambda: now[0])
    with django_assert_num_queries(2):
        get_health()
    now[0] += 0.9
    with django_assert_num_queries(0):
        assert Client().get("/health").json() == HEALTHY
    now[0] += 0.2
    with django_assert_num_queries(2):
        Client().get("/health")


def test_health_refuses_other_methods() -> None:
    assert Client().head("/health").status_code == 200
    assert Client().post("/health").status_code == 405
