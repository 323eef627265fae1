"""Handlers that die, hang or raise the unexpected affect only their own row (R3, R9, R10, R14)."""

import os
import signal
from pathlib import Path

import pytest

from tests.chaos.effects import wait_until_done
from tests.harness import Production, Sender, production, purchase, wait_until
from tests.harness.environment import STAFF_EMAIL
from tests.harness.failpoints import LEASE_SECONDS, reached, resumed, with_failpoints

# A lease, the time until the sweep looks again, and room for a busy machine.
NEXT_ATTEMPT = LEASE_SECONDS + 25


def post(app: Production, event_id: str, email: str) -> None:
    sender = Sender(app.url)
    assert sender.post(purchase(event_id, email)).status == 200
    sender.close()


def is_processed(app: Production, event_id: str) -> bool:
    return bool(app.rows.event(event_id)["status"] == "processed")


def test_worker_killed_in_a_handler_holds_up_only_its_own_row(tmp_path: Path, database_url: str) -> None:
    slow_once = with_failpoints("handler:sleep:60:evt_slow:first")
    with production(tmp_path, database_url, web_workers=1, worker_env=slow_once) as app:
        post(app, "evt_slow", "slow@example.com")
        (pid,) = wait_until(lambda: reached(app.var_dir, "evt_slow"), seconds=30, what="a handler holds the slow event")
        assert pid in {child.pid for child in app.workers[0].children()}
        os.kill(pid, signal.SIGKILL)

        post(app, "evt_other", "other@example.com")
        wait_until(lambda: is_processed(app, "evt_other"), seconds=20, what="the other event goes on")
        wait_until(lambda: is_processed(app, "evt_slow"), seconds=NEXT_ATTEMPT, what="the killed one is done again")
        assert app.rows.event("evt_slow")["attempts"] == 2
        assert app.workers[0].is_alive
        wait_until_done(app.rows, seconds=30)
        assert app.rows.mails("slow@example.com") == ["welcome"]
        assert app.rows.mails("other@example.com") == ["welcome"]


def test_handler_that_ends_its_process_fails_after_three_attempts(tmp_path: Path, database_url: str) -> None:
    with production(
        tmp_path, database_url, web_workers=1, worker_env=with_failpoints("handler:exit:evt_poison")
    ) as app:
        post(app, "evt_poison", "poison@example.com")
        post(app, "evt_later", "later@example.com")
        wait_until(lambda: is_processed(app, "evt_later"), seconds=30, what="the later event is processed")

        def is_failed() -> bool:
            return bool(app.rows.event("evt_poison")["status"] == "failed")

        wait_until(is_failed, seconds=4 * NEXT_ATTEMPT, what="the poisonous event is failed")
        assert len(reached(app.var_dir, "evt_poison")) == 3, "its handler was called three times"
        assert app.rows.event("evt_poison")["last_error"] != ""
        assert app.rows.mails("poison@example.com") == []
        notices = 'SELECT COUNT(*) FROM accounts_emailmessage WHERE "to" = %s AND kind = %s'
        assert app.rows.value(notices, STAFF_EMAIL, "staff_event_failed") == 1
        assert app.workers[0].is_alive


RAISED = ["RecursionError", "MemoryError", "SystemExit", "UnicodeDecodeError"]


def test_unexpected_exception_counts_an_attempt_and_leaves_the_worker_alive(tmp_path: Path, database_url: str) -> None:
    failpoints = ";".join(f"handler:raise:{name}:evt_{name}" for name in RAISED)
    with production(tmp_path, database_url, web_workers=1, worker_env=with_failpoints(failpoints)) as app:
        for name in RAISED:
            post(app, f"evt_{name}", f"{name.lower()}@example.com")
        post(app, "evt_later", "later@example.com")
        wait_until(lambda: is_processed(app, "evt_later"), seconds=30, what="the later event is processed")
        for name in RAISED:
            wait_until(
                lambda name=name: any(attempt["outcome"] != "started" for attempt in app.rows.attempts(f"evt_{name}")),
                seconds=20,
                what=f"an attempt is recorded for {name}",
            )
            event, attempt = app.rows.event(f"evt_{name}"), app.rows.attempts(f"evt_{name}")[0]
            assert event["status"] in {"pending", "failed"}
            assert event["attempts"] >= 1
            assert name in attempt["error"] + attempt["traceback"]
            assert app.rows.mails(f"{name.lower()}@example.com") == []
        assert app.workers[0].is_alive
        children = app.workers[0].children()
        assert len(children) >= 2, "the worker has its children"


@pytest.mark.parametrize("place", ["handler", "handler-after"])
def test_worker_paused_past_its_lease_writes_nothing(
    tmp_path: Path, database_url: str, place: str, long_form: bool
) -> None:
    if place == "handler-after" and not long_form:
        pytest.skip("in the long form only (CHAOS=long)")
    with production(tmp_path, database_url, web_workers=1, workers=0) as app:
        paused = app.start_worker(concurrency=1, env=with_failpoints(f"{place}:sleep:3:evt_paused"))
        post(app, "evt_paused", "paused@example.com")
        wait_until(lambda: reached(app.var_dir, "evt_paused"), seconds=30, what="the first worker holds the event")
        paused.pause()
        # In the second place the paused transaction has written its effects: they delay the second worker.
        second = app.start_worker(concurrency=1, env=with_failpoints(""))
        wait_until(
            lambda: app.rows.event("evt_paused")["attempts"] >= 2, seconds=NEXT_ATTEMPT, what="another worker claims it"
        )
        if place == "handler":
            wait_until(lambda: is_processed(app, "evt_paused"), seconds=20, what="the second worker finishes it")
        paused.resume()
        wait_until(lambda: is_processed(app, "evt_paused"), seconds=30, what="it is processed")
        wait_until_done(app.rows, seconds=30)
        wait_until(lambda: resumed(app.var_dir, "evt_paused"), seconds=20, what="the paused handler went on")

        def outcomes_of_ended() -> list[str]:
            outcomes = [attempt["outcome"] for attempt in app.rows.attempts("evt_paused")]
            return [] if "started" in outcomes else outcomes

        outcomes = wait_until(outcomes_of_ended, seconds=20, what="every attempt has ended")
        assert outcomes.count("done") == 1
        assert outcomes[0] == "lease_lost", "the paused attempt was rejected"
        assert app.rows.mails("paused@example.com") == ["welcome"]
        assert app.rows.value("SELECT COUNT(*) FROM accounts_subscriptiontransition") == 1
        assert paused.is_alive
        assert second.is_alive
