"""Ends of an attempt other than closing the row. Anything else that the work raises is retried with back-off."""

from datetime import datetime

from django.utils import timezone


class LeaseLost(Exception):
    """Another attempt began after this one, or somebody closed the row: nothing of this attempt may be stored."""


class Permanent(Exception):
    """No retry can help: the row becomes `failed`, and staff see why."""


class TryAgain(Exception):
    """The attempt failed and may succeed later; the message is for staff. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Wait(Exception):
    """Nothing failed: the row is due again at `due`. The message says what it waits for."""

    def __init__(self, message: str, *, due: datetime) -> None:
        super().__init__(message)
        self.due = due


def wait_until(due: datetime, message: str) -> None:
    """Raise Wait where `due` has not come yet."""
    if due > timezone.now():
        raise Wait(message, due=due)
