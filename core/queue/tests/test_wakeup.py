"""Waking a worker never costs the caller anything, whatever the broker does."""

import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.signin.models import LinkRequest
from config.celery import app
from core.queue import wakeup
from tests.harness import wait_until


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int]]]:
    """Return the messages that reach the broker."""
    messages: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(app, "send_task", lambda task, args, **options: messages.append(tuple(args)))
    return messages


def test_many_keys_go_out_in_few_messages_and_none_is_lost(sent: Any) -> None:
    publisher = wakeup.Publisher()
    for key in range(100):
        publisher.put("one" if key % 2 else "other", key)
    publisher.stop()
    assert sorted(key for _kind, keys in sent for key in keys) == list(range(100))
    assert all(len(keys) <= wakeup.ROWS_A_MESSAGE for _kind, keys in sent)
    assert {kind for kind, _keys in sent} == {"one", "other"}


@pytest.mark.parametrize("error", [OperationalError("refused"), ConnectionRefusedError(111, "refused")])
def test_a_broker_that_refuses_is_no_error_of_the_caller(sent: Any, monkeypatch: Any, error: Exception) -> None:
    refused = threading.Event()

    def refuse(*arguments: Any, **options: Any) -> None:
        refused.set()
        raise error

    monkeypatch.setattr(wakeup, "_REST_AFTER_FAILURE", 0.01)
    publisher = wakeup.Publisher()
    with monkeypatch.context() as refusing:
        refusing.setattr(app, "send_task", refuse)
        publisher.put("kind", 1)
        assert refused.wait(20)
    publisher.put("kind", 2)
    publisher.stop(20)
    assert sent == [("kind", [2])], "the thread lives; the sweep will find the first"


def test_a_broker_that_hangs_does_not_hold_the_caller(monkeypatch: Any) -> None:
    """The broker holds the first message until the caller has put more than the queue takes, without waiting for it."""
    hangs, returned, gave_up = threading.Event(), threading.Event(), threading.Event()
    published: list[int] = []

    def hang(_task: str, args: tuple[str, list[int]], **options: Any) -> None:
        hangs.set()
        if not returned.wait(30):
            gave_up.set()
        published.extend(args[1])

    monkeypatch.setattr(app, "send_task", hang)
    monkeypatch.setattr(wakeup, "_QUEUE_SIZE", 100)
    publisher = wakeup.Publisher()
    publisher.put("kind", 0)
    assert hangs.wait(20)
    for key in range(1, 1000):
        publisher.put("kind", key)
    assert published == []
    returned.set()
    wait_until(lambda: len(published) == 101, seconds=20, what="what the queue took is published")
    publisher.stop(20)
    assert published == list(range(101))
    assert not gave_up.is_set()


def test_row_that_is_due_soon_is_put_when_it_falls_due_and_once() -> None:
    """The last time set for a key holds, so a burst that moves a row's date on wakes one worker."""
    put: list[tuple[str, int]] = []
    alarm = wakeup.Alarm()
    for _request in range(50):
        alarm.set("refresh", 1, seconds=0.05, put=lambda kind, key: put.append((kind, key)))
    alarm.set("refresh", 2, seconds=0.01, put=lambda kind, key: put.append((kind, key)))
    wait_until(lambda: len(put) == 2, seconds=20, what="both are put")
    assert put == [("refresh", 2), ("refresh", 1)]


@pytest.mark.parametrize(
    ("due_in", "woken", "set_for"),
    [(-1, ["now"], []), (5, [], ["soon"]), (300, [], [])],
    ids=["due: at once", "soon: by the alarm", "later: by the sweep"],
)
@pytest.mark.django_db
def test_worker_is_woken_at_the_time_of_its_row(
    due_in: int, woken: list[str], set_for: list[str], monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    now: list[str] = []
    soon: list[str] = []
    monkeypatch.setattr(wakeup, "publisher", SimpleNamespace(put=lambda kind, key: now.append("now")))
    monkeypatch.setattr(wakeup, "alarm", SimpleNamespace(set=lambda kind, key, **_: soon.append("soon")))
    row = LinkRequest(pk=1, next_attempt_at=timezone.now() + timedelta(seconds=due_in))
    with django_capture_on_commit_callbacks(execute=True):
        wakeup.wake_on_commit(row)
    assert (now, soon) == (woken, set_for)
