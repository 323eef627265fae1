"""The sweep finds rows without a wake-up; two schedulers sweep as one (R4, R15)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.chaos.effects import assert_every_effect_once, wait_until_done
from tests.harness import Production, Sender, embedded, production, purchase, wait_until
from tests.harness.environment import STAFF_EMAIL
from tests.harness.failpoints import with_failpoints
from tests.harness.flood import email_of

# New rows are left to their own wake-up for 5 s, then a sweep comes each 5 s; the rest is room for a busy machine.
SWEEP_WINDOW = 30


def post_without_answer(url: str, event_id: str) -> None:
    """Post a purchase to a server that ends before it answers, or just after."""
    sender = Sender(url)
    assert sender.post(purchase(event_id, email_of(event_id))).status in {0, 200}
    sender.close()


def test_production_sweeps_rows_without_a_wake_up(tmp_path: Path, database_url: str) -> None:
    with production(tmp_path, database_url, web_env=with_failpoints("wake:exit")) as app:
        post_without_answer(app.url, "evt_unpublished")
        assert app.rows.event("evt_unpublished")["status"] == "pending"
        wait_until_done(app.rows, seconds=SWEEP_WINDOW)
        assert_every_effect_once(app.rows, {"evt_unpublished"})


def test_embedded_sweeps_rows_without_a_wake_up(tmp_path: Path) -> None:
    with embedded(tmp_path, **with_failpoints("wake:exit")) as app:
        post_without_answer(app.url, "evt_unpublished")
        app.running.wait(within=10)
        assert app.rows.event("evt_unpublished")["status"] == "pending"
        app.start(FAILPOINT="")
        wait_until_done(app.rows, seconds=SWEEP_WINDOW)
        assert_every_effect_once(app.rows, {"evt_unpublished"})


def test_embedded_processes_rows_woken_before_it_was_killed(tmp_path: Path) -> None:
    """The sweep wakes a worker for a row once a while; when that dies with its process, the next must not wait."""
    with embedded(tmp_path, **with_failpoints("wake:lose")) as app:
        post_without_answer(app.url, "evt_woken")
        first = app.rows.event("evt_woken")["wake_at"]
        wait_until(lambda: app.rows.event("evt_woken")["wake_at"] != first, seconds=30, what="the sweep ran")
        app.kill()
        app.start(FAILPOINT="")
        wait_until_done(app.rows, seconds=SWEEP_WINDOW)
        assert_every_effect_once(app.rows, {"evt_woken"})


def a_year_ago() -> datetime:
    """Return this moment a year ago: a yearly plan bought then ends now."""
    now = datetime.now(UTC)
    return now.replace(year=now.year - 1, day=min(now.day, 28)) + timedelta(days=max(now.day - 28, 0))


def expiries(app: Production) -> dict[int, int]:
    """Return how often each subscription became expired."""
    found = app.rows.all(
        "SELECT subscription_id, COUNT(*) AS many FROM accounts_subscriptiontransition"
        " WHERE to_status = 'expired' GROUP BY subscription_id"
    )
    return {row["subscription_id"]: row["many"] for row in found}


def test_two_schedulers_run_each_periodic_task_once(tmp_path: Path, database_url: str) -> None:
    every_second = with_failpoints("", FAILPOINT_BEAT="1")
    # Nobody publishes a wake-up here but the two schedulers' sweeps.
    silent = with_failpoints("wake:lose")
    with production(tmp_path, database_url, workers=2, beats=2, web_env=silent, beat_env=every_second) as app:
        count = 8
        # In the last seconds of the grace days: the clock ends access, and its member is told.
        ending = a_year_ago() - timedelta(days=3) + timedelta(seconds=40)
        sender = Sender(app.url)
        for number in range(count):
            event_id = f"evt_ending_{number}"
            body = purchase(event_id, email_of(event_id), occurred_at=ending.isoformat())
            assert sender.post(body).status == 200
        sender.close()

        wait_until(lambda: len(expiries(app)) == count, seconds=120, what="every subscription is expired")
        wait_until_done(app.rows, seconds=120)
        assert set(expiries(app).values()) == {1}
        assert app.rows.statuses() == {"processed": count}
        assert set(app.rows.column("SELECT attempts FROM integrations_inboxevent")) == {1}
        per_mail = 'SELECT COUNT(*) FROM accounts_emailmessage WHERE "to" <> %s GROUP BY "to", kind'
        assert set(app.rows.column(per_mail, STAFF_EMAIL)) == {1}
        assert set(app.rows.column("SELECT attempts FROM accounts_emailmessage")) == {1}, "each mail was sent once"
        sent = app.rows.column(
            """SELECT id FROM accounts_emailmessage WHERE status = 'sent' AND "to" <> %s""", STAFF_EMAIL
        )
        assert len(list((app.var_dir / "mail").glob("*-evt-ending-*.eml"))) == len(sent) >= count
        assert all(beat.is_alive for beat in app.beats)
