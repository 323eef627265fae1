"""Sync of one member between real processes: in time, too late, and with a killed worker."""

import http.client
import json
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.fakes import kajabi_records as records
from tests.fakes.http_server import Hang
from tests.fakes.kajabi import CLIENT_ID, CLIENT_SECRET, FakeKajabi
from tests.harness import Embedded, embedded, production, wait_until
from tests.harness.environment import OFFER_ID
from tests.harness.failpoints import LEASE_SECONDS, with_failpoints
from tests.harness.process import ROOT, run_to_end
from tests.harness.production import Production
from tests.harness.tokens import API_TOKEN, store_token
from tests.harness.webhooks import Sender, purchase, relay

EMAIL = "member@example.com"
SEED = {
    "success": True,
    "message": "Subscription status synced successfully",
    "old_status": "canceled",
    "new_status": "active",
}


@contextmanager
def kajabi() -> Iterator[FakeKajabi]:
    """Run a fake Kajabi with one member, whose purchase is active."""
    with FakeKajabi() as fake:
        sold = (datetime.now(UTC) - timedelta(days=30)).isoformat(timespec="seconds").replace("+00:00", "Z")
        fake.add(
            records.site("1", title="Enlace Academy"),
            records.customer("1", email=EMAIL),
            records.purchase("41", customer_id="1", offer_id=OFFER_ID, created_at=sold),
        )
        yield fake


def connected(fake: FakeKajabi) -> dict[str, str]:
    return {
        "KAJABI_API_BASE_URL": fake.url,
        "KAJABI_CLIENT_ID": CLIENT_ID,
        "KAJABI_CLIENT_SECRET": CLIENT_SECRET,
        "KAJABI_SITE_ID": "1",
        "KAJABI_RECONCILE_MINUTES": "0",
    }


def ask(app: Embedded | Production, method: str, path: str) -> tuple[int, dict[str, str], Any]:
    """Call the API as a script of staff would; return status, headers and JSON."""
    connection = http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=30)
    connection.request(method, path, headers={"Authorization": f"Token {API_TOKEN}"})
    response = connection.getresponse()
    answer = response.status, dict(response.getheaders()), json.loads(response.read())
    connection.close()
    return answer


def canceled_member(app: Embedded | Production) -> str:
    """Create a member with a cancellation; return the URL of their sync."""
    sender = Sender(app.url)
    for event in (
        purchase("evt_1", EMAIL, occurred_at=(datetime.now(UTC) - timedelta(days=30)).isoformat()),
        relay("member.subscription.canceled", "evt_2", EMAIL),
    ):
        assert sender.post(event).is_accepted
    sender.close()
    wait_until(lambda: status_of(app) == "canceled", seconds=30, what="the member is canceled")
    key = app.rows.value("SELECT id FROM accounts_user WHERE email = %s", EMAIL)
    return f"/api/admin/users/{key}/sync-kajabi-subscription/"


def status_of(app: Embedded | Production) -> Any:
    return app.rows.value("SELECT status FROM accounts_subscription")


def test_sync_in_one_process_answers_in_time_or_with_a_status_url(tmp_path: Path) -> None:
    with kajabi() as fake, embedded(tmp_path, **connected(fake)) as app:
        store_token(app)
        path = canceled_member(app)
        status, _headers, answer = ask(app, "POST", path)
        assert (status, answer) == (200, SEED)

        fake.misbehave(Hang(), on="/v1/purchases")
        status, headers, answer = ask(app, "POST", path)
        assert (status, answer["status"], headers["Location"]) == (202, "pending", answer["status_url"])
        wait_until(lambda: ask(app, "GET", answer["status_url"])[0] == 200, seconds=40, what="the sync has ended")


def test_sync_of_a_killed_worker_is_done_by_another_one(tmp_path: Path, database_url: str) -> None:
    with (
        kajabi() as fake,
        production(tmp_path, database_url, web_workers=1, worker_env=with_failpoints(""), **connected(fake)) as app,
    ):
        run_to_end([sys.executable, str(ROOT / "manage.py"), "createsuperuser", "--noinput"], env=app.env)
        store_token(app)
        path = canceled_member(app)
        fake.misbehave(Hang(), on="/v1/purchases")
        with ThreadPoolExecutor() as pool:
            press = pool.submit(ask, app, "POST", path)
            wait_until(lambda: fake.asked_for("/v1/purchases"), seconds=30, what="a worker has begun")
            for child in app.workers[0].children():
                os.kill(child.pid, signal.SIGKILL)
            status, _headers, answer = press.result()
        key = app.rows.value("SELECT id FROM integrations_subscriptionsync")
        assert status == 200 or (status, answer["status_url"]) == (202, f"{path}{key}")
        ended = wait_until(
            lambda: (found := ask(app, "GET", f"{path}{key}"))[0] == 200 and found[2],
            seconds=LEASE_SECONDS + 40,
            what="the sync has ended",
        )
        assert ended == SEED
        assert status_of(app) == "active"
        assert app.rows.value("SELECT attempts FROM integrations_subscriptionsync") == 2
