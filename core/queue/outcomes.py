"""Ends of an attempt other than closing the row. Whatever else the work raises is retried with back-off."""

from datetime import datetime

from django.utils import timezone


class LeaseLost(Exception):
    """Another attempt began after this one, or somebody closed the row: nothing of this attempt may be kept."""


class Permanent(Exception):
    """It will not work, however often it is tried: the row is `failed`, and staff see why."""


class TryAgain(Exception):
    """It did not work and may later; the message is all that staff need. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Wait(Exception):
    """Nothing failed: the row is to be looked at again at `due`. The message says what it waits for."""

    def __init__(self, message: str, *, due: datetime) -> None:
        super().__init__(message)
        self.due = due


def wait_until(due: datetime, message: str) -> None:
    """Raise Wait where `due` has not come yet."""
    if due > timezone.now():
        raise Wait(message, due=due)
