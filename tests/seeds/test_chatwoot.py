"""Chatwoot's document, example by example, against a running server: addresses, answers, queries, checks.

Each webhook carries the token, which the document leaves out; the metrics are for whoever has theirs.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.harness.embedded import Embedded, embedded
from tests.harness.process import ROOT

pytestmark = pytest.mark.embedded

TOKEN = "a-token-of-chatwoot-for-tests-only"
MONITOR = {"Authorization": "Bearer a-monitor"}
CREATED = "/api/chatwoot/webhooks/account-created"
METRICS = "/api/chatwoot/webhooks/metrics"
COMPANY = "Test Company S.A."


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    variables = {"CHATWOOT_WEBHOOK_TOKEN": TOKEN, "METRICS_TOKEN": "a-monitor"}
    with embedded(tmp_path_factory.mktemp("chatwoot"), **variables) as installation:
        yield installation


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def install(app: Embedded) -> Callable[..., requests.Response]:
    """Post like Chatwoot to INSTALLATION_EVENTS_WEBHOOK_URL, with the token at its end."""

    def send(account_id: int, *, path: str = f"{CREATED}/{TOKEN}", body: bytes = b"") -> requests.Response:
        event = {"id": account_id, "name": COMPANY, "event": "account_created", "users": []}
        headers = {"Content-Type": "application/json"}
        return requests.post(app.url + path, data=body or json.dumps(event), headers=headers, timeout=30)

    return send


def figures(app: Embedded) -> dict[str, Any]:
    answer = requests.get(app.url + METRICS, headers=MONITOR, timeout=30)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    found: dict[str, Any] = answer.json()["data"]
    return found


# Paso 3: el script de test --------------------------------------------------------------------------------------------


def test_3_3_account_created_is_answered_as_printed(install: Any) -> None:
    answer = install(999)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "data": {
                "company_id": "chatwoot_999",
                "company_name": "Test Company S.A.",
                "redis_prefix": "chatwoot_999:",
                "vectorstore_index": "chatwoot_999_documents",
                "message": "Company created and services initialized",
                "created": True,
            },
        },
    )
    assert install(999).json()["data"]["created"] is False


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), ("CHATWOOT WEBHOOK TEST SUITE", "TEST: Account Created Webhook", "✓ Webhook recibido correctamente")),
        (("--get", "998"), ("TEST: Get Company", "✓ Empresa encontrada: chatwoot_998")),
        (("--metrics",), ("TEST: Metrics", "✓ Total syncs:")),
    ],
    ids=["all", "get", "metrics"],
)
def test_3_2_test_script_runs_against_the_server(
    app: Embedded, install: Any, arguments: tuple[str, ...], says: tuple[str, ...]
) -> None:
    install(998)
    command = [sys.executable, str(ROOT / "manage.py"), "check_chatwoot", "--url", app.url, *arguments]
    done = subprocess.run(command, env=app.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(text in done.stdout for text in says)


# Paso 4: producción ---------------------------------------------------------------------------------------------------


def test_4_1_system_info_names_the_webhooks_and_the_feature(app: Embedded) -> None:
    info = requests.get(f"{app.url}/api/system/info", timeout=30).json()
    assert info["endpoints"]["chatwoot_webhooks"] == "/api/chatwoot/webhooks"
    assert "chatwoot-auto-sync" in info["features"]


def test_4_4_the_query_finds_the_company(app: Embedded, install: Any) -> None:
    install(123)
    (row,) = app.rows.all(
        """SELECT company_id, company_name, chatwoot_account_id, created_at
FROM companies
WHERE chatwoot_account_id = '123';"""
    )
    assert (row["company_id"], row["company_name"], row["chatwoot_account_id"]) == ("chatwoot_123", COMPANY, "123")
    assert row["created_at"]


def test_4_5_the_front_end_finds_the_company(app: Embedded, install: Any) -> None:
    install(123)
    answer = requests.get(f"{app.url}/api/chatwoot/webhooks/company/123", timeout=30)
    data = answer.json()["data"]
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert (data["exists"], data["company_id"], data["company_name"]) == (True, "chatwoot_123", COMPANY)
    unknown = requests.get(f"{app.url}/api/chatwoot/webhooks/company/404", timeout=30).json()
    assert unknown == {"success": True, "data": {"exists": False}}


# Troubleshooting ------------------------------------------------------------------------------------------------------


def test_problem_2_wrong_proof_is_403_invalid_webhook_signature(install: Any) -> None:
    for path in (CREATED, f"{CREATED}/wrong"):
        answer = install(7, path=path)
        assert (answer.status_code, answer.json()) == (403, {"detail": "Invalid webhook signature"})


def test_problem_3_an_account_is_one_company(app: Embedded, install: Any) -> None:
    for _time in range(3):
        install(55)
    rows = app.rows.all(
        """SELECT company_id, chatwoot_account_id, created_at
FROM companies
WHERE chatwoot_account_id = '55'
ORDER BY created_at;"""
    )
    assert [row["company_id"] for row in rows] == ["chatwoot_55"]


# Monitoreo ------------------------------------------------------------------------------------------------------------


def test_metrics_have_the_names_of_the_document_and_count_unreadable_bodies(app: Embedded, install: Any) -> None:
    install(123)
    before = figures(app)
    assert install(0, body=b"{not json").status_code == 400
    after = figures(app)
    names = (
        *("total_syncs", "success_count", "failed_count", "success_rate", "avg_latency_ms", "recent_errors"),
        "last_sync",
    )
    assert set(names) <= set(after)
    assert (after["failed_count"], after["success_count"]) == (before["failed_count"] + 1, before["success_count"])
    assert after["total_syncs"] == after["success_count"] + after["failed_count"]
    assert after["success_rate"] == round(100 * after["success_count"] / after["total_syncs"], 2)
    assert (after["avg_latency_ms"] >= 0, after["last_sync"].endswith("Z")) == (True, True)
    assert "not JSON" in after["recent_errors"][0]["error"]


def test_metrics_are_for_staff_and_monitors(app: Embedded) -> None:
    assert requests.get(app.url + METRICS, timeout=30).status_code == 401
