"""Hanging work is interrupted by a real worker before its lease ends, and its row says so."""

from pathlib import Path

from tests.harness import Sender, production, purchase, wait_until
from tests.harness.failpoints import LEASE_SECONDS, with_failpoints


def test_hanging_work_is_recorded_and_its_worker_goes_on(tmp_path: Path, database_url: str) -> None:
    hangs = with_failpoints("handler:sleep:60:evt_hangs", FAILPOINT_TIME_LIMITS="1,3")
    with production(tmp_path, database_url, web_workers=1, worker_env=hangs) as app:
        children = {child.pid for child in app.workers[0].children()}
        sender = Sender(app.url)
        assert sender.post(purchase("evt_hangs", "jane@example.com")).status == 200
        assert sender.post(purchase("evt_other", "john@example.com")).status == 200
        sender.close()

        def recorded() -> bool:
            return bool(app.rows.event("evt_hangs")["failures"])

        wait_until(recorded, seconds=30, what="the attempt is on its row")
        event = app.rows.event("evt_hangs")
        assert (event["status"], event["crashes"]) == ("pending", 0)
        assert event["last_error"].startswith("SoftTimeLimitExceeded")
        took = app.rows.value("SELECT MAX(duration_ms) FROM integrations_inboxattempt WHERE outcome = %s", "retry")
        assert took < LEASE_SECONDS * 1000
        wait_until(lambda: app.rows.event("evt_other")["status"] == "processed", seconds=30, what="the other is done")
        assert children <= {child.pid for child in app.workers[0].children()}, "no child was killed"
