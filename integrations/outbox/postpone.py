"""Postpone a write until a moment, without counting a failure."""

from datetime import datetime

from django.utils import timezone


class Wait(Exception):
    """Nothing failed: the row is to be looked at again at `due`. The message says what it waits for."""

    def __init__(self, message: str, *, due: datetime) -> None:
        super().__init__(message)
        self.due = due


def wait_until(due: datetime, message: str) -> None:
    """Raise Wait where `due` has not come yet."""
    if due > timezone.now():
        raise Wait(message, due=due)
