"""Metrics for a monitor, and information for the set-up of Chatwoot."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.tests.admin_clients import signed_in
from core.moments import iso
from integrations.inbox import process
from integrations.inbox.models import InboxAttempt, InboxEvent

pytestmark = pytest.mark.django_db
METRICS = "/api/chatwoot/webhooks/metrics"
MONITOR = {"Authorization": "Bearer a-monitor-that-only-tests-know"}


@pytest.fixture(autouse=True)
def _monitor(settings: Any) -> None:
    settings.METRICS_TOKEN = ["another-monitor", "a-monitor-that-only-tests-know"]


def test_metrics_are_computed_from_the_tables(
    install: Any, account: Any, tell: Any, fixture: Any, drain: Any, travel: Any
) -> None:
    travel(timedelta(seconds=0))
    for number in (1, 2, 3):
        install(account(number))
    tell(fixture("contact_created__account_webhook"))  # no account's event: not counted
    drain()
    failed = InboxEvent.objects.get(external_id="3")
    InboxEvent.objects.filter(pk=failed.pk).update(status="failed", reason="gave up: an example")
    InboxAttempt.objects.filter(event__external_id="1").update(duration_ms=100)
    InboxAttempt.objects.filter(event__external_id="2").update(duration_ms=201)
    InboxAttempt.objects.filter(event=failed).update(outcome="failed", duration_ms=5000)
    answer = Client().get(METRICS, headers=MONITOR)
    finished = InboxEvent.objects.filter(external_id="2").get().finished_at
    assert finished is not None
    assert failed.finished_at is not None
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "data": {
                "total_syncs": 3,
                "success_count": 2,
                "failed_count": 1,
                "pending_count": 0,
                "ignored_count": 0,
                "success_rate": 66.67,
                "avg_latency_ms": 150.5,
                "recent_errors": [
                    {
                        "event_id": failed.pk,
                        "event": "account_created",
                        "chatwoot_account_id": "3",
                        "error": "gave up: an example",
                        "timestamp": iso(failed.finished_at),
                    }
                ],
                "last_sync": iso(finished),
            },
        },
    )


def test_before_the_first_account_nothing_is_made_up() -> None:
    assert Client().get(METRICS, headers=MONITOR).json()["data"] == {
        "total_syncs": 0,
        "success_count": 0,
        "failed_count": 0,
        "pending_count": 0,
        "ignored_count": 0,
        "success_rate": None,
        "avg_latency_ms": None,
        "recent_errors": [],
        "last_sync": None,
    }


def figures() -> dict[str, Any]:
    found: dict[str, Any] = Client().get(METRICS, headers=MONITOR).json()["data"]
    return found


def counted(**numbers: int) -> dict[str, int]:
    names = ("total_syncs", "success_count", "failed_count", "pending_count", "ignored_count")
    return dict.fromkeys(names, 0) | numbers


def counts() -> dict[str, Any]:
    return {name: number for name, number in figures().items() if name in counted()}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{not json", "JSON"),
        (b"[]", "batch of 1"),
        (b"\xff\xfe", ""),
        (b"{}", "no event"),
        (b'{"event": "account_created"}', "should be a number"),
        (b'{"event": "account_created", "id": "ana@example.com"}', "should be a number"),
        (b'{"event": "account_created", "id": 0}', "should be a number"),
    ],
)
def test_unreadable_body_of_an_account_is_a_failure_with_its_reason(install: Any, body: bytes, says: str) -> None:
    assert install(body).status_code == 400
    found = figures()
    assert {name: found[name] for name in counted()} == counted(total_syncs=1, failed_count=1)
    assert (found["success_rate"], found["avg_latency_ms"], found["last_sync"]) == (0.0, None, None)
    (error,) = found["recent_errors"]
    event = InboxEvent.objects.get()
    assert (error["event_id"], error["event"], error["chatwoot_account_id"]) == (event.pk, "unreadable", None)
    assert says in error["error"]
    assert "ana@example.com" not in error["error"]
    assert error["timestamp"]


def test_unreadable_body_that_is_sent_again_is_one_failure(install: Any) -> None:
    for _time in range(3):
        install(b"{not json")
    install(b"{not json either")
    assert counts() == counted(total_syncs=2, failed_count=2)


def test_unreadable_account_webhook_is_not_about_an_account(tell: Any) -> None:
    assert tell(b"{not json").status_code == 400
    assert counts() == counted()


def test_refusal_leaves_no_event_and_no_figure(install: Any, account: Any) -> None:
    assert install(account(1), token="wrong").status_code == 403
    assert counts() == counted()


def test_every_event_about_an_account_is_in_one_figure(install: Any, account: Any, tell: Any, drain: Any) -> None:
    for number in range(1, 8):
        install(account(number))
    install(b"{not json")
    install(account(9, event="conversation_created"))
    drain()
    for number, status in ((1, "failed"), (2, "unmatched"), (3, "pending"), (4, "ignored")):
        InboxEvent.objects.filter(external_id=str(number)).update(status=status, reason=f"ben@example.com {status}")
    found = figures()
    assert {name: found[name] for name in counted()} == {
        "total_syncs": 6,
        "success_count": 3,
        "failed_count": 3,
        "pending_count": 1,
        "ignored_count": 1,
    }
    assert found["success_rate"] == 50.0
    assert [error["chatwoot_account_id"] for error in found["recent_errors"]] == [None, "2", "1"]
    assert not any("ben@example.com" in error["error"] for error in found["recent_errors"])


def test_failure_that_is_repaired_becomes_a_success(install: Any, account: Any, drain: Any) -> None:
    install(account(1))
    InboxEvent.objects.update(status="failed", reason="gave up: an example")
    assert counts() == counted(total_syncs=1, failed_count=1)
    process.retry(InboxEvent.objects.all())
    assert counts() == counted(pending_count=1)
    drain()
    assert counts() == counted(total_syncs=1, success_count=1)


def test_newest_ten_errors_are_named_and_all_are_counted(install: Any) -> None:
    for number in range(12):
        install(f"{{not json {number}".encode())
    found = figures()
    assert (found["failed_count"], len(found["recent_errors"])) == (12, 10)
    ids = [error["event_id"] for error in found["recent_errors"]]
    assert ids == sorted(InboxEvent.objects.values_list("pk", flat=True), reverse=True)[:10]


def test_staff_see_the_metrics_in_their_browser(staff: Any) -> None:
    assert signed_in(staff).get(METRICS).status_code == 200


def test_others_do_not_see_the_metrics(user: Any, settings: Any) -> None:
    assert Client().get(METRICS).status_code == 401
    assert Client().get(METRICS, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert Client().get(f"{METRICS}?token=a-monitor-that-only-tests-know").status_code == 401
    assert signed_in(user).get(METRICS).status_code == 403
    settings.METRICS_TOKEN = [""]
    assert Client().get(METRICS, headers=MONITOR).status_code == 401
    assert Client().get(METRICS, headers={"Authorization": "Bearer "}).status_code == 401


def test_system_says_what_it_is_and_where_its_endpoints_are(settings: Any) -> None:
    answer = Client().get("/api/system/info")
    told = answer.json()
    assert answer.status_code == 200
    assert set(told) == {"name", "version", "features", "endpoints"}
    assert told["name"] == "Enlace"
    assert "chatwoot-auto-sync" in told["features"]
    assert told["endpoints"]["chatwoot_webhooks"] == "/api/chatwoot/webhooks"
    for secret in (settings.SECRET_KEY, *settings.CHATWOOT_WEBHOOK_TOKEN, *settings.METRICS_TOKEN):
        assert secret not in answer.content.decode()
    assert Client().post("/api/system/info").status_code == 405
