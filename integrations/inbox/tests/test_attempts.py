"""Attempts at an event: their repetitions, their rows, and late ones, which store nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.utils import OperationalError
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.people.models import User
from core.queue import runner
from core.queue.delivery import BACK_OFF, LEASE, MAX_CRASHES, MAX_FAILURES, retry_delay
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.inbox import process
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Replace the real handler by another one."""
    return lambda function: monkeypatch.setattr(process, "handle", function)


def raising(error: BaseException) -> Callable[..., Any]:
    def broken(*arguments: Any) -> None:
        User.objects.create_user("half.done@example.com")
        raise error

    return broken


def nesting(*arguments: Any) -> None:
    nesting(*arguments)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 5), (2, 30), (3, 120), (4, 600), (5, 3600), (6, 3600), (20, 3600)]
)
def test_retry_waits_longer_each_time_and_then_an_hour_within_a_fifth(failures: int, seconds: int) -> None:
    delays = [retry_delay(failures).total_seconds() for _try in range(300)]
    assert seconds * 0.8 <= min(delays) < seconds * 0.9, "they part: some come early"
    assert seconds * 1.1 < max(delays) <= seconds * 1.2, "and some late"


def test_retries_end_after_about_a_day() -> None:
    total = sum(BACK_OFF[min(number, len(BACK_OFF)) - 1] for number in range(1, MAX_FAILURES))
    assert 23 * 3600 <= total <= 25 * 3600


def test_retryable_error_is_stored_and_its_event_waits(receive: Any, relay: Any, handler: Any) -> None:
    handler(raising(Retryable("their server is busy")))
    event = receive(relay())
    before = timezone.now()
    runner.run(InboxEvent, event.pk)

    event.refresh_from_db()
    assert (event.status, event.attempts, event.failures, event.crashes) == ("pending", 1, 1, 0)
    assert event.last_error == "Retryable: their server is busy"
    assert timedelta(seconds=4) <= event.next_attempt_at - before <= timedelta(seconds=7)
    assert event.wake_at == event.next_attempt_at, "the sweep wakes a worker when it is due"
    attempt = event.attempt_rows.get()
    assert (attempt.number, attempt.outcome, attempt.error) == (1, "retry", "Retryable: their server is busy")
    assert "raise error" in attempt.traceback
    assert attempt.duration_ms >= 0
    assert User.objects.count() == 0, "what the attempt began is undone"
    assert EmailMessage.objects.count() == 0


def test_event_that_is_not_due_is_not_touched(receive: Any, relay: Any, handler: Any) -> None:
    handler(raising(Retryable("busy")))
    event = receive(relay())
    runner.run(InboxEvent, event.pk)
    runner.run(InboxEvent, event.pk)
    event.refresh_from_db()
    assert (event.attempts, event.attempt_rows.count()) == (1, 1)


def test_event_fails_after_its_last_retry_and_staff_are_notified_once(
    receive: Any, relay: Any, handler: Any, drain: Any, mailoutbox: Any
) -> None:
    handler(raising(Retryable("their server is busy")))
    event = receive(relay())
    for number in range(1, MAX_FAILURES + 1):
        event.refresh_from_db()
        assert event.status == "pending", f"after {number - 1} attempts"
        InboxEvent.objects.filter(pk=event.pk).update(next_attempt_at=timezone.now())
        runner.run(InboxEvent, event.pk)
    drain()

    event.refresh_from_db()
    assert (event.status, event.attempts, event.next_attempt_at, event.wake_at) == ("failed", MAX_FAILURES, None, None)
    outcomes = list(event.attempt_rows.order_by("number").values_list("outcome", flat=True))
    assert outcomes == ["retry"] * (MAX_FAILURES - 1) + ["failed"]
    assert event.finished_at is not None
    assert [message.to for message in mailoutbox] == [["staff@example.com"]]
    assert EmailMessage.objects.get().kind == "staff_event_failed"
    assert f"/admin/integrations/inboxevent/{event.pk}/change/" in mailoutbox[0].body


def test_permanent_error_is_not_repeated(receive: Any, relay: Any, handler: Any, drain: Any) -> None:
    handler(raising(Permanent("this will never work")))
    event = receive(relay())
    drain()
    event.refresh_from_db()
    assert (event.status, event.attempts, event.last_error) == ("failed", 1, "this will never work")
    assert event.attempt_rows.get().outcome == "failed"
    assert User.objects.count() == 0
    assert EmailMessage.objects.get().kind == "staff_event_failed"


@pytest.mark.parametrize(
    ("broken", "noted"),
    [
        (nesting, "RecursionError: maximum recursion depth exceeded"),
        (raising(MemoryError("no room")), "MemoryError: no room"),
        (raising(SystemExit(3)), "SystemExit: 3"),
        (
            raising(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")),
            "UnicodeDecodeError: 'utf-8' codec",
        ),
        (raising(UnicodeEncodeError("ascii", "\ud800", 0, 1, "surrogate")), "UnicodeEncodeError: 'ascii' codec"),
        (raising(ValueError("a lone \ud800 and a \x00")), "ValueError: a lone"),
        (raising(OperationalError("deadlock detected")), "OperationalError: deadlock detected"),
        (raising(KeyError("offer")), "KeyError: 'offer'"),
    ],
    ids=["recursion", "memory", "exit", "decoding", "encoding", "unstorable text", "deadlock", "programming"],
)
def test_any_exception_of_a_handler_is_counted_and_stored_and_does_not_end_the_worker(
    receive: Any, relay: Any, handler: Any, drain: Any, monkeypatch: Any, broken: Any, noted: str
) -> None:
    handler(broken)
    event = receive(relay())
    runner.run(InboxEvent, event.pk)

    event.refresh_from_db()
    assert (event.status, event.attempts, event.failures, event.crashes) == ("pending", 1, 1, 0)
    assert event.last_error.startswith(noted)
    attempt = event.attempt_rows.get()
    assert attempt.outcome == "retry"
    assert attempt.error == event.last_error
    assert "Traceback (most recent call last)" in attempt.traceback
    assert User.objects.count() == 0

    monkeypatch.undo()  # the handler is repaired: the same process goes on
    InboxEvent.objects.update(next_attempt_at=timezone.now())
    runner.run(InboxEvent, event.pk)
    event.refresh_from_db()
    assert (event.status, event.attempts, event.last_error) == ("processed", 2, "")


class Killed(BaseException):
    """End like a killed process: nothing after it runs."""


def test_event_that_kills_its_worker_three_times_is_given_up(
    receive: Any, relay: Any, handler: Any, drain: Any, mailoutbox: Any, travel: Any
) -> None:
    handler(raising(Killed()))
    event = receive(relay())
    for number in range(1, MAX_CRASHES + 1):
        travel(number * (LEASE + timedelta(seconds=1)))
        with pytest.raises(Killed):
            runner.run(InboxEvent, event.pk)
        event.refresh_from_db()
        assert (event.status, event.attempts, event.crashes) == ("pending", number, number)
    later = receive(relay(event_id="evt_2"))
    travel(4 * (LEASE + timedelta(seconds=1)))
    runner.run(InboxEvent, event.pk)

    event.refresh_from_db()
    assert (event.status, event.attempts) == ("failed", 4)
    assert event.last_error == "gave up: the worker died 3 times over this event"
    outcomes = list(event.attempt_rows.values_list("outcome", flat=True))
    assert outcomes == ["started", "started", "started", "failed"]
    handler(lambda *arguments: [])
    drain()
    later.refresh_from_db()
    assert later.status == "processed"
    assert [message.to for message in mailoutbox] == [["staff@example.com"]]


@pytest.fixture
def outlive(monkeypatch: pytest.MonkeyPatch, travel: Any) -> Callable[[InboxEvent], None]:
    """Make the next attempt at an event sleep past its lease, before it writes, while another worker takes over."""

    def sleep_once(event: InboxEvent) -> None:
        real = process.provider_of

        def slow(key: str) -> Any:
            monkeypatch.setattr(process, "provider_of", real)
            travel(LEASE + timedelta(seconds=1))
            assert InboxEvent.objects.claim(event.pk).attempts == 2
            return real(key)

        monkeypatch.setattr(process, "provider_of", slow)

    return sleep_once


def test_attempt_that_outlived_its_lease_stores_nothing(receive: Any, relay: Any, outlive: Any, travel: Any) -> None:
    event = receive(relay())
    outlive(event)
    runner.run(InboxEvent, event.pk)

    event.refresh_from_db()
    assert (event.status, event.attempts, event.finished_at) == ("pending", 2, None)
    assert User.objects.count() == 0
    assert EmailMessage.objects.count() == 0
    assert event.effects.count() == 0
    assert event.attempt_rows.get().outcome == "lease_lost"

    travel(3 * LEASE)
    runner.run(InboxEvent, event.pk)
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("processed", 3)
    assert User.objects.count() == 1
    assert EmailMessage.objects.filter(kind="welcome").count() == 1


@pytest.mark.parametrize("error", [Permanent("too late"), Retryable("too late"), ValueError("too late")])
def test_late_error_does_not_touch_the_newer_attempt(
    receive: Any, relay: Any, handler: Any, outlive: Any, error: Exception
) -> None:
    event = receive(relay())
    handler(raising(error))
    outlive(event)
    runner.run(InboxEvent, event.pk)

    event.refresh_from_db()
    assert (event.status, event.attempts, event.last_error, event.failures) == ("pending", 2, "", 0)
    assert event.attempt_rows.get().outcome == "lease_lost"
    assert EmailMessage.objects.count() == 0


def test_row_is_claimed_by_one_of_two_workers(receive: Any, relay: Any) -> None:
    event = receive(relay())
    assert InboxEvent.objects.claim(event.pk).attempts == 1
    assert InboxEvent.objects.claim(event.pk) is None
    event.refresh_from_db()
    assert event.attempts == 1
    assert event.next_attempt_at > timezone.now()


def test_only_process_may_release_the_leases_of_dead_workers(receive: Any, relay: Any) -> None:
    event = receive(relay())
    InboxEvent.objects.claim(event.pk)
    assert InboxEvent.objects.release_leases() == 1
    assert InboxEvent.objects.claim(event.pk).attempts == 2
    waiting = receive(relay(event_id="evt_2"))
    later = timezone.now() + timedelta(hours=1)
    InboxEvent.objects.filter(pk=waiting.pk).update(next_attempt_at=later)
    assert InboxEvent.objects.release_leases() == 1, "a row that backs off was not held by anybody"
    waiting.refresh_from_db()
    assert waiting.next_attempt_at == later
