"""Waking a worker for a row, after the commit and off the request's path.

Keys go into a queue in memory; one thread a process takes whatever lies there and publishes it as few messages. So a
request never waits for the broker, refused or hung, and under load many rows share a message. Losing a wake-up (a full
queue, a dead broker, a killed process) is harmless: the sweep rings for the row.
"""

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from core.queue.limits import BEGIN_ROWS_FOR

logger = logging.getLogger(__name__)

ROWS_A_MESSAGE = 20
_QUEUE_SIZE = 10_000
_REST_AFTER_FAILURE = 1.0  # seconds
_GATHER = 0.05  # seconds between two rounds of messages


def wake_on_commit(task: str, key: int) -> None:
    """Ring a worker of `task` for the row `key` once the transaction around it is committed; outside of one, now."""
    transaction.on_commit(partial(_publisher().put, task, key))


def wake(task: str, keys: list[int]) -> None:
    """Ring a worker of `task` for these rows, which are committed."""
    for key in keys:
        _publisher().put(task, key)


def for_each(task: str, keys: Sequence[int], work: Callable[[int], object]) -> None:
    """Do `work` for the rows of one message of `task`; rows that the message's time limits would cut short go into
    another one.
    """
    started = time.monotonic()
    for place, key in enumerate(keys):
        if place and time.monotonic() - started >= BEGIN_ROWS_FOR:
            wake(task, list(keys[place:]))
            return
        work(key)


class Publisher:
    """The thread that publishes; started with the first key, so that a server's forked children each have their own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._keys: queue.Queue[tuple[str, int] | None] = queue.Queue(_QUEUE_SIZE)
        self._published_at = 0.0
        self._thread = threading.Thread(target=self._run, name="wake-up", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def put(self, task: str, key: int) -> None:
        """Take a key; never blocks, never fails."""
        try:
            self._keys.put_nowait((task, key))
        except queue.Full:
            logger.warning("wake-up dropped: the broker does not keep up; the sweep will find the row")

    def stop(self, timeout: float = 2.0) -> None:
        """Publish what lies in the queue, as far as that is possible in `timeout` seconds, and end."""
        if self.pid == os.getpid() and self._thread.is_alive():
            try:
                self._keys.put_nowait(None)
            except queue.Full:
                return
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            batch = [self._keys.get()]
            # Under load a short pause gathers many rows for a message; after a quiet moment the first goes at once.
            threading.Event().wait(max(0.0, self._published_at + _GATHER - time.monotonic()))
            while len(batch) < 500:
                try:
                    batch.append(self._keys.get_nowait())
                except queue.Empty:
                    break
            self._publish([item for item in batch if item is not None])
            self._published_at = time.monotonic()
            if None in batch:
                return

    def _publish(self, batch: list[tuple[str, int]]) -> None:
        by_task: dict[str, list[int]] = {}
        for task, key in batch:
            by_task.setdefault(task, []).append(key)
        for task, keys in by_task.items():
            for start in range(0, len(keys), ROWS_A_MESSAGE):
                if not self._send(task, keys[start : start + ROWS_A_MESSAGE]):
                    threading.Event().wait(_REST_AFTER_FAILURE)
                    return

    def _send(self, task: str, keys: list[int]) -> bool:
        try:
            current_app.send_task(task, args=[keys], ignore_result=True)
        except (OperationalError, OSError) as error:
            logger.warning("wake-up not published, the sweep will find the rows: %s", error)
            return False
        return True


_current: Publisher | None = None
_lock = threading.Lock()


def _publisher() -> Publisher:
    global _current
    if _current is None or _current.pid != os.getpid():
        with _lock:
            if _current is None or _current.pid != os.getpid():
                _current = Publisher()
    return _current
