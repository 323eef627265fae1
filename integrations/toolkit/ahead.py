"""Answers that one call gave for several jobs, kept in this process for the seconds until those jobs run.

Each is good once. Another process, or a job that comes late, asks for itself.
"""

import threading
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

_LIFE = 20.0  # seconds
_MOST = 1_000
Answer = TypeVar("Answer")


class Ahead(Generic[Answer]):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[Hashable, tuple[float, Answer]] = {}

    def put(self, key: Hashable, answer: Answer) -> None:
        with self._lock:
            self._answers.pop(key, None)
            self._answers[key] = (time.monotonic(), answer)
            while len(self._answers) > _MOST:
                del self._answers[next(iter(self._answers))]

    def take(self, key: Hashable) -> Answer | None:
        """Return the answer and forget it; None where there is none, or it is too old."""
        with self._lock:
            put_at, answer = self._answers.pop(key, (0.0, None))
            return answer if answer is not None and time.monotonic() - put_at < _LIFE else None

    def clear(self) -> None:
        with self._lock:
            self._answers.clear()
