"""Waking a worker never costs the caller anything, whatever the broker does."""

import threading
import time
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from config.celery import app
from core.queue import wakeup


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int]]]:
    """What reaches the broker."""
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
    def refuse(*arguments: Any, **options: Any) -> None:
        raise error

    with monkeypatch.context() as refusing:
        refusing.setattr(app, "send_task", refuse)
        refusing.setattr(wakeup, "_REST_AFTER_FAILURE", 0.01)
        publisher = wakeup.Publisher()
        started = time.monotonic()
        publisher.put("kind", 1)
        assert time.monotonic() - started < 0.1
        time.sleep(0.1)
    publisher.put("kind", 2)
    publisher.stop()
    assert sent == [("kind", [2])], "the thread lives; the sweep will ring for the first"


def test_a_broker_that_hangs_does_not_hold_the_caller(monkeypatch: Any) -> None:
    released = threading.Event()
    monkeypatch.setattr(app, "send_task", lambda *arguments, **options: released.wait(5))
    publisher = wakeup.Publisher()
    started = time.monotonic()
    for key in range(wakeup._QUEUE_SIZE + 1000):
        publisher.put("kind", key)
    assert time.monotonic() - started < 2
    released.set()
    publisher.stop()
