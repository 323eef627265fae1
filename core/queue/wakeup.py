"""Wake a worker for a row, after the commit and off the request's path.

Keys go into a queue in memory; one thread in each process publishes all that are there in few messages. So a request
never waits for a broker that refuses or hangs, and under load many rows share a message. A row that is due within
seconds waits in a second thread until then. Losing a wake-up (a full queue, a dead broker, a killed process) is
harmless: the sweep finds the row.
"""

import atexit
import heapq
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from core.queue.delivery import Delivery

logger = logging.getLogger(__name__)

RUN_TASK = "core.run_jobs"
ROWS_A_MESSAGE = 20
_QUEUE_SIZE = 10_000
_REST_AFTER_FAILURE = 1.0  # seconds
_GATHER = 0.05  # seconds between two rounds of messages
WOKEN_AT_ONCE = 100  # of rows that become due together
SOON = 30.0  # seconds; what is due later is left to the sweep
Put = Callable[[str, int], None]


def wake_on_commit(row: Delivery) -> None:
    """Wake a worker for the row once the transaction around it is committed; outside of one, now.

    For a row that is due within SOON the worker is woken when it falls due.
    """
    kind, put = str(row._meta.model_name), publisher.put
    wait = (row.next_attempt_at - timezone.now()).total_seconds() if row.next_attempt_at else 0.0
    if wait <= 0:
        transaction.on_commit(partial(put, kind, row.pk))
    elif wait <= SOON:
        transaction.on_commit(partial(alarm.set, kind, row.pk, seconds=wait, put=put))


def wake(model: type[Delivery], keys: Iterable[int]) -> None:
    """Wake workers for these rows, which are committed."""
    for key in keys:
        publisher.put(str(model._meta.model_name), key)


def make_due(rows: "QuerySet[Any]") -> None:
    """Make rows due now, and wake workers for the first of them after the commit; the sweep does for the others."""
    now = timezone.now()
    first = list(rows.order_by("pk").values_list("pk", flat=True)[:WOKEN_AT_ONCE])
    rows.update(next_attempt_at=now, wake_at=now)
    transaction.on_commit(partial(wake, rows.model, first))


class Publisher:
    """The thread that publishes; started with the first key, so that a server's forked children each have their own."""

    def __init__(self) -> None:
        self._pid = 0  # of the process in which the thread runs
        self._lock = threading.Lock()

    def put(self, kind: str, key: int) -> None:
        """Enqueue a key of a kind of job; never blocks, never fails."""
        if self._pid != os.getpid():
            self._start()
        try:
            self._keys.put_nowait((kind, key))
        except queue.Full:
            logger.warning("wake-up dropped: the broker does not keep up; the sweep will find the row")

    def stop(self, timeout: float = 2.0) -> None:
        """Publish what is in the queue, as far as that is possible in `timeout` seconds, and end."""
        if self._pid == os.getpid() and self._thread.is_alive():
            try:
                self._keys.put_nowait(None)
            except queue.Full:
                return
            self._thread.join(timeout)

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._keys: queue.Queue[tuple[str, int] | None] = queue.Queue(_QUEUE_SIZE)
            self._thread = threading.Thread(target=self._run, name="wake-up", daemon=True)
            self._thread.start()
            atexit.register(self.stop)
            self._pid = os.getpid()

    def _run(self) -> None:
        published_at = 0.0
        while True:
            batch = [self._keys.get()]
            # Under load a short pause gathers many rows for a message; after a quiet moment the first goes at once.
            threading.Event().wait(max(0.0, published_at + _GATHER - time.monotonic()))
            with suppress(queue.Empty):
                while len(batch) < 500:
                    batch.append(self._keys.get_nowait())
            by_kind: dict[str, list[int]] = {}
            for kind, key in filter(None, batch):
                by_kind.setdefault(kind, []).append(key)
            try:
                for kind, keys in by_kind.items():
                    for start in range(0, len(keys), ROWS_A_MESSAGE):
                        rows = keys[start : start + ROWS_A_MESSAGE]
                        current_app.send_task(RUN_TASK, args=[kind, rows], ignore_result=True)
            except (OperationalError, OSError) as error:
                logger.warning("wake-up not published, the sweep will find the rows: %s", error)
                threading.Event().wait(_REST_AFTER_FAILURE)
            published_at = time.monotonic()
            if None in batch:
                return


class Alarm:
    """The thread that puts keys when they fall due; started with the first key. The last time set for a key holds."""

    def __init__(self) -> None:
        self._pid = 0  # of the process in which the thread runs
        self._lock = threading.Lock()

    def set(self, kind: str, key: int, *, seconds: float, put: Put) -> None:
        """Call `put` for a key in so many seconds; never blocks, never fails."""
        with self._lock:
            if self._pid != os.getpid():
                self._set: queue.Queue[tuple[float, str, int, Put]] = queue.Queue(_QUEUE_SIZE)
                threading.Thread(target=self._run, name="wake-up later", daemon=True).start()
                self._pid = os.getpid()
        with suppress(queue.Full):  # the sweep will find the row
            self._set.put_nowait((time.monotonic() + seconds, kind, key, put))

    def _run(self) -> None:
        ordered: list[tuple[float, str, int]] = []
        newest: dict[tuple[str, int], tuple[float, Put]] = {}
        while True:
            wait = max(0.0, ordered[0][0] - time.monotonic()) if ordered else None
            with suppress(queue.Empty):
                due, kind, key, put = self._set.get(timeout=wait)
                if len(ordered) < _QUEUE_SIZE:
                    heapq.heappush(ordered, (due, kind, key))
                    newest[kind, key] = due, put
            while ordered and ordered[0][0] <= time.monotonic():
                due, kind, key = heapq.heappop(ordered)
                if newest.get((kind, key), (0.0,))[0] == due:
                    newest.pop((kind, key))[1](kind, key)


publisher = Publisher()
alarm = Alarm()
