"""Wake a worker for a row, after the commit and off the request's path.

Keys go into a queue in memory; one thread in each process publishes all that are there in few messages. So a request
never waits for a broker that refuses or hangs, and under load many rows share a message. Losing a wake-up (a full
queue, a dead broker, a killed process) is harmless: the sweep finds the row.
"""

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from core.queue.delivery import Delivery

logger = logging.getLogger(__name__)

RUN_TASK = "core.run_jobs"
ROWS_A_MESSAGE = 20
_QUEUE_SIZE = 10_000
_REST_AFTER_FAILURE = 1.0  # seconds
_GATHER = 0.05  # seconds between two rounds of messages


def wake_on_commit(row: Delivery) -> None:
    """Wake a worker for the row once the transaction around it is committed; outside of one, now."""
    transaction.on_commit(partial(publisher.put, str(row._meta.model_name), row.pk))


def wake(model: type[Delivery], keys: Iterable[int]) -> None:
    """Wake workers for these rows, which are committed."""
    for key in keys:
        publisher.put(str(model._meta.model_name), key)


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


publisher = Publisher()
