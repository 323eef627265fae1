"""Waking a worker never costs the caller anything, whatever the broker does."""

import threading
from typing import Any

import pytest
from kombu.exceptions import OperationalError

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
