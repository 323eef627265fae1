"""What a monitor and whoever sets Chatwoot up ask for."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.tests.admin_clients import signed_in
from core.moments import iso
from integrations.models import InboxAttempt, InboxEvent

pytestmark = pytest.mark.django_db
METRICS = "/api/chatwoot/webhooks/metrics"
MONITOR = {"Authorization": "Bearer a-monitor-that-only-tests-know"}


@pytest.fixture(autouse=True)
def _monitor(settings: Any) -> None:
    settings.METRICS_TOKEN = ["another-monitor", "a-monitor-that-only-tests-know"]


def test_the_metrics_are_computed_from_the_tables(
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
        "success_rate": None,
        "avg_latency_ms": None,
        "recent_errors": [],
        "last_sync": None,
    }


def test_staff_see_them_in_their_browser(staff: Any) -> None:
    assert signed_in(staff).get(METRICS).status_code == 200


def test_nobody_else_does(user: Any, settings: Any) -> None:
    assert Client().get(METRICS).status_code == 401
    assert Client().get(METRICS, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert Client().get(f"{METRICS}?token=a-monitor-that-only-tests-know").status_code == 401
    assert signed_in(user).get(METRICS).status_code == 403
    settings.METRICS_TOKEN = [""]
    assert Client().get(METRICS, headers=MONITOR).status_code == 401
    assert Client().get(METRICS, headers={"Authorization": "Bearer "}).status_code == 401


def test_the_system_says_what_it_is_and_where_its_endpoints_are(settings: Any) -> None:
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
