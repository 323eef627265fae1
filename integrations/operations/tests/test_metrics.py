"""`GET /metrics`: its text, its contents, and who may read it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts.mail.models import EmailMessage
from accounts.staff.models.audit_entry import AuditEntry
from accounts.tests.admin_clients import signed_in
from core.queue.delivery import Delivery
from core.web import limits
from integrations import registry
from integrations.inbox.api import webhooks
from integrations.inbox.models import InboxEvent
from integrations.operations import measures
from integrations.operations.models import Notice
from integrations.providers.gohighlevel.client import GoHighLevelClient
from integrations.toolkit import counting, quota
from integrations.toolkit.client import JsonClient
from integrations.toolkit.failures import Refused, TemporaryFailure
from tests.fakes.gohighlevel import API_KEY, LOCATION_ID, FakeGoHighLevel
from tests.fakes.http_server import Answer, FakeServer, Reset

pytestmark = pytest.mark.django_db
TOKENS = ["a-new-monitor-that-only-tests-know", "an-old-monitor-that-only-tests-know"]
MONITOR = {"Authorization": f"Bearer {TOKENS[0]}"}


@pytest.fixture(autouse=True)
def _monitor(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKENS
    settings.GHL_API_KEY = settings.GHL_LOCATION_ID = ""


def scraped() -> Any:
    answer = Client().get("/metrics", headers=MONITOR)
    assert answer.status_code == 200, answer.content
    return answer


def samples() -> dict[tuple[str, ...], float]:
    """Return every sample of a scrape: its name, then the values of its labels in the order of their names."""
    families = text_string_to_metric_families(scraped().content.decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def named(name: str, found: dict[tuple[str, ...], float] | None = None) -> dict[tuple[str, ...], float]:
    """Return the samples of one name, by the values of their labels."""
    return {key[1:]: value for key, value in (samples() if found is None else found).items() if key[0] == name}


# Access ---------------------------------------------------------------------------------------------------------------


def test_metrics_refuse_strangers(user: Any, settings: Any) -> None:
    assert Client().get("/metrics").status_code == 401
    assert Client().get("/metrics/").status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert Client().get("/metrics", headers={"Authorization": f"Basic {TOKENS[0]}"}).status_code == 401
    assert Client().get(f"/metrics?token={TOKENS[0]}").status_code == 401
    assert signed_in(user).get("/metrics").status_code == 403
    assert Client().post("/metrics", headers=MONITOR).status_code == 405


@pytest.mark.parametrize("configured", [[], [""], [" "]])
def test_metrics_without_a_configured_token_are_for_staff_alone(
    settings: Any, staff: Any, configured: list[str]
) -> None:
    settings.METRICS_TOKEN = configured
    assert Client().get("/metrics", headers=MONITOR).status_code == 401
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
    assert signed_in(staff).get("/metrics").status_code == 200


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_metrics_accept_either_of_two_tokens(token: str, path: str) -> None:
    assert Client().get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_eleventh_wrong_token_of_a_minute_is_locked_out(monkeypatch: pytest.MonkeyPatch, staff: Any) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_015.0)

    def ask(token: str, path: str = "/metrics", client: str = "192.0.2.1") -> Any:
        return Client(REMOTE_ADDR=client).get(path, headers={"Authorization": f"Bearer {token}"})

    company_metrics = "/api/chatwoot/webhooks/metrics"
    answers = [ask(f"guess{number}", path) for number in range(5) for path in ("/metrics", company_metrics)]
    assert [answer.status_code for answer in answers] == [401] * 10
    for path in ("/metrics", company_metrics):
        locked = ask(TOKENS[0], path)
        assert (locked.status_code, locked["Retry-After"]) == (429, "46")
    assert ask(TOKENS[0], client="192.0.2.2").status_code == 200
    assert signed_in(staff).get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 200
    assert AuditEntry.objects.filter(action="metrics.locked").count() == 1


def test_right_token_is_never_locked_out() -> None:
    assert {Client().get("/metrics", headers=MONITOR).status_code for _number in range(12)} == {200}


@pytest.mark.parametrize("wanted", ["text/plain", "application/openmetrics-text;version=1.0.0", "*/*"])
def test_metrics_are_plain_text_whatever_is_accepted(wanted: str) -> None:
    answer = Client().get("/metrics", headers={**MONITOR, "Accept": wanted})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"


# Requests -------------------------------------------------------------------------------------------------------------


def test_webhooks_are_counted_by_source_and_status(post: Any, relay: Any, monkeypatch: Any, settings: Any) -> None:
    for number in range(3):
        assert post(relay(event_id=f"evt_{number}")).status_code == 200
    assert post(relay(), secret="wrong").status_code == 403
    assert post(b"{}", CONTENT_LENGTH=str(2 * 1024 * 1024)).status_code == 413
    settings.RATE_LIMIT_VERIFIED = 1
    webhooks.VERIFIED.forget()
    cache.clear()
    assert [post(relay(event_id=f"evt_late_{number}")).status_code for number in range(2)] == [200, 429]
    settings.RATE_LIMIT_VERIFIED = 6000

    def away(*arguments: Any, **options: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr("integrations.inbox.receive.receive", away)
    webhooks.VERIFIED.forget()
    cache.clear()
    assert post(relay(event_id="evt_away")).status_code == 503

    found = samples()
    assert named("webhook_requests_total", found) == {
        ("kajabi", "200"): 4,
        ("kajabi", "403"): 1,
        ("kajabi", "413"): 1,
        ("kajabi", "429"): 1,
        ("kajabi", "503"): 1,
    }
    assert named("webhook_duration_seconds_count", found) == {("kajabi",): 8}
    assert named("webhook_duration_seconds_bucket", found)["+Inf", "kajabi"] == 8
    assert 0 < named("webhook_duration_seconds_sum", found)["kajabi",] < 60


def test_webhook_error_is_counted_with_status_500(post: Any, relay: Any, monkeypatch: Any) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("integrations.inbox.receive.verify", broken)
    with pytest.raises(RuntimeError):
        post(relay())
    assert named("webhook_requests_total") == {("kajabi", "500"): 1}


def test_get_of_a_webhook_endpoint_is_not_counted() -> None:
    assert Client().get("/kajabi-webhook").status_code == 200
    assert Client().put("/kajabi-webhook").status_code == 405
    assert named("webhook_requests_total") == {("kajabi", "405"): 1}


def test_duration_counts_in_its_bucket_and_all_above() -> None:
    for seconds in (0.005, 0.2, 0.3, 61.0):
        counting.REQUEST_SECONDS.observe(seconds, "kajabi")
    found = samples()
    buckets = {bound: number for (bound, _), number in named("webhook_duration_seconds_bucket", found).items()}
    assert buckets == {
        "0.005": 1, "0.01": 1, "0.025": 1, "0.05": 1, "0.1": 1, "0.25": 2, "0.5": 3, "1.0": 3, "2.5": 3, "5.0": 3,
        "10.0": 3, "30.0": 3, "60.0": 3, "+Inf": 4,
    }  # fmt: skip
    assert named("webhook_duration_seconds_sum", found) == {("kajabi",): pytest.approx(61.505)}


# Events ---------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_attempts_at_events_are_counted_by_outcome(plan: Any, process: Any, relay: Any, monkeypatch: Any) -> None:
    process(relay())
    process(relay(event_id="evt_2", offer={"id": "off_unknown", "name": "Unknown"}))

    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("integrations.inbox.process.handle", broken)
    process(relay(event_id="evt_3"))
    found = samples()
    assert named("events_processed_total", found) == {
        ("done", "kajabi"): 1,
        ("unmatched", "kajabi"): 1,
        ("retry", "kajabi"): 1,
    }
    assert named("event_duration_seconds_count", found) == {("kajabi",): 3}


# Our calls ------------------------------------------------------------------------------------------------------------


def test_calls_are_counted_by_provider_and_result(monkeypatch: Any, settings: Any) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings.MAX_RETRIES = 0
    good = Answer(status=200, body=b"{}")
    with FakeServer(lambda asked: good) as server:
        client = JsonClient(server.url, title="NowCerts")
        client.call("GET", "/thing")
        for trouble, error in (
            (Answer(status=422, body=b"{}"), Refused),
            (Answer(status=302), Refused),
            (Answer(status=429), TemporaryFailure),
            (Answer(status=500), TemporaryFailure),
            (Answer(status=200, body=b"<html>"), TemporaryFailure),
            (Reset(), TemporaryFailure),
        ):
            server.misbehave(trouble)
            with pytest.raises(error):
                client.call("GET", "/thing?name=jane@example.com")
        settings.MAX_RETRIES = 1
        patient = JsonClient(server.url, title="GoHighLevel", sleep=lambda seconds: None)
        server.misbehave(Answer(status=503))
        patient.call("GET", "/thing")
    found = samples()
    assert named("outgoing_calls_total", found) == {
        ("nowcerts", "ok"): 1,
        ("nowcerts", "refused"): 2,
        ("nowcerts", "rate_limited"): 1,
        ("nowcerts", "server_error"): 2,
        ("nowcerts", "no_answer"): 1,
        ("gohighlevel", "server_error"): 1,
        ("gohighlevel", "ok"): 1,
    }
    assert named("outgoing_call_duration_seconds_count", found) == {("nowcerts",): 7, ("gohighlevel",): 2}
    assert named("rate_limited_calls_last_hour", found)["nowcerts",] == 1
    assert "jane" not in scraped().content.decode()


def test_rate_limit_remaining_is_the_last_one_reported_by_gohighlevel(monkeypatch: Any, settings: Any) -> None:
    assert named("rate_limit_remaining") == {}
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeGoHighLevel() as fake:
        settings.GHL_BASE_URL, settings.GHL_API_KEY, settings.GHL_LOCATION_ID = fake.url, API_KEY, LOCATION_ID
        client = GoHighLevelClient()
        client.pipelines()
        left = client.headroom()
        assert left.remaining is not None
        assert left.daily_remaining is not None
        assert named("rate_limit_remaining") == {
            ("gohighlevel", "10s"): left.remaining,
            ("gohighlevel", "day"): left.daily_remaining,
        }


def test_429s_of_the_last_hour_are_reported_for_every_provider() -> None:
    quota.note_refusal("GoHighLevel")
    quota.note_refusal("GoHighLevel")
    numbers = named("rate_limited_calls_last_hour")
    assert set(numbers) == {(key,) for key in registry.all_providers()}
    assert numbers["gohighlevel",] == 2
    assert numbers["kajabi",] == 0


# Queues ---------------------------------------------------------------------------------------------------------------


def event(number: int, *, due_in: float, status: str = "pending") -> InboxEvent:
    """Make an event that is due in `due_in` seconds; a finished one is not due."""
    due = timezone.now() + timedelta(seconds=due_in) if status == "pending" else None
    return InboxEvent.objects.create(
        provider="kajabi", endpoint="relay", key=f"k{number}", body=b"{}", body_digest="", status=status,
        next_attempt_at=due,
    )  # fmt: skip


def test_queue_rows_are_due_waiting_or_failed() -> None:
    event(1, due_in=-120)
    event(2, due_in=-5)
    event(3, due_in=600)
    event(4, due_in=0, status="failed")
    event(5, due_in=0, status="processed")
    EmailMessage.objects.create(key="k", kind="welcome", to="jane@example.com")
    Notice.objects.create(key="k", text="an alert", next_attempt_at=timezone.now() + timedelta(hours=1))
    found = samples()
    rows = named("queue_rows", found)
    assert {status: rows["inboxevent", status] for status in ("due", "waiting", "failed")} == {
        "due": 2, "waiting": 1, "failed": 1,
    }  # fmt: skip
    assert rows["emailmessage", "due"] == 1
    assert rows["notice", "waiting"] == 1
    oldest = named("queue_oldest_due_seconds", found)
    assert 120 <= oldest["inboxevent",] < 130
    assert oldest["notice",] == 0


def test_every_queue_is_measured() -> None:
    queues = {model._meta.model_name for model in apps.get_models() if issubclass(model, Delivery)}
    assert {"inboxevent", "contactrefresh", "emailmessage", "linkrequest", "provisioningstep", "syncrun"} < queues
    assert {queue for queue, _status in named("queue_rows")} == queues


def test_scrape_needs_a_constant_number_of_queries() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            scraped()
        return len(captured)

    few = queries()
    for number in range(60):
        event(number, due_in=-number, status="failed" if number % 3 else "pending")
        counting.REQUESTS.add(f"source-{number}", "200")
    assert queries() == few
    assert few <= 2 * len(measures.queues()) + 2


def test_each_circuit_is_in_one_state(monkeypatch: Any) -> None:
    monkeypatch.setattr(measures, "circuits", lambda: {"nowcerts": "half-open", "gohighlevel": "closed"})
    assert named("circuit_state") == {
        ("nowcerts", "closed"): 0, ("nowcerts", "open"): 0, ("nowcerts", "half-open"): 1,
        ("gohighlevel", "closed"): 1, ("gohighlevel", "open"): 0, ("gohighlevel", "half-open"): 0,
    }  # fmt: skip


# Outages --------------------------------------------------------------------------------------------------------------


def test_metrics_without_database_still_have_counters(monkeypatch: Any) -> None:
    counting.REQUESTS.add("kajabi", "503")

    def away() -> None:
        raise OperationalError("refused by 10.0.0.1")

    monkeypatch.setattr(connection, "cursor", away)
    found = samples()
    assert named("webhook_requests_total", found) == {("kajabi", "503"): 1}
    assert named("queue_rows", found) == {}
    assert named("dependency_up", found) == {("counts",): 1, ("database",): 0}


def test_metrics_without_redis_still_have_gauges_and_keep_counts(settings: Any, monkeypatch: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(counting, "EVERY", 3600.0)
    counting.REQUESTS.add("kajabi", "200")
    found = samples()
    assert named("webhook_requests_total", found) == {}
    assert named("queue_rows", found)["inboxevent", "due"] == 0
    assert named("dependency_up", found) == {("counts",): 0, ("database",): 1}
    settings.REDIS_URL = ""
    assert counting.totals() == {("webhook_requests_total", "kajabi", "200"): 1}


def test_counting_does_not_wait_for_a_hanging_redis(settings: Any, monkeypatch: Any) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def hanging() -> None:
        has_begun.set()
        may_end.wait(60)

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(counting, "EVERY", 0.0)
    monkeypatch.setattr(counting, "flush", hanging)
    counting.REQUESTS.add("kajabi", "200")
    assert has_begun.wait(10)
    counting.REQUESTS.add("kajabi", "200")
    settings.REDIS_URL = ""
    assert counting.totals() == {("webhook_requests_total", "kajabi", "200"): 2}
    may_end.set()
