"""The queue: rows that workers claim, with a lease and back-off. Every kind of job is a row of this kind.

A row is due at `next_attempt_at`. Claiming it pushes that date past a lease and counts the attempt, in a transaction of
its own: after a worker died the row falls due again, and there is no "processing" status to get stuck in. What the
work changes is committed together with the row's end, and only the newest attempt can end it (the fence), so a worker
that slept past its lease writes nothing.

`wake_at` is when the sweep wakes a worker for the row. It is apart from `next_attempt_at` so that waking one does not
keep away a worker that is already coming, and no sweep wakes another worker for each row of a long queue.
"""

import random
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.queue.limits import LEASE_SECONDS
from core.queue.outcomes import LeaseLost

LEASE = timedelta(seconds=LEASE_SECONDS)
GRACE = timedelta(seconds=5)  # a new row's worker was woken on commit; the sweep gives it this long
WAKE_AGAIN_AFTER = timedelta(seconds=20)
BACK_OFF = (5, 30, 120, 600, 3600)  # seconds before attempts 2 to 6; then hourly
MAX_FAILURES = len(BACK_OFF) + 23  # about a day
MAX_CRASHES = 3  # attempts in a row that never reported an end: the row kills its worker
JITTER = 0.2
PENDING = "pending"
FAILED = "failed"


def retry_delay(failures: int) -> timedelta:
    """Return the wait after the `failures`-th failure in a row (from 1), ± 20 % to spread what failed together."""
    seconds = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
    return timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 (spread, not secrecy)


def _spread(seconds: float) -> timedelta:
    """Return a wait of at least `seconds`: what was refused together must not come back together."""
    return timedelta(seconds=seconds * random.uniform(1, 1 + JITTER))  # noqa: S311 (spread, not secrecy)


class DeliveryQuerySet(models.QuerySet[Any]):
    """Claiming and waking of due rows; every job model uses these."""

    def claim_wake_ups(self, *, now: datetime | None = None, limit: int = 500) -> list[int]:
        """Return the keys of due rows without a worker, oldest first, and leave them out for the next 20 seconds."""
        now = now or timezone.now()
        keys = list(self.filter(wake_at__lte=now).order_by("wake_at").values_list("pk", flat=True)[:limit])
        if keys:
            self.filter(pk__in=keys, wake_at__lte=now).update(wake_at=now + WAKE_AGAIN_AFTER)
        return keys

    def claim(self, key: int, *, now: datetime | None = None) -> Any | None:
        """Lease the row to the caller as its newest attempt; return None where it is not due, done or already claimed.

        Of two workers that ask at once, the condition on `attempts` lets one win.
        """
        now = now or timezone.now()
        row = self.filter(pk=key, status=PENDING, next_attempt_at__lte=now).first()
        if row is None:
            return None
        unclaimed = self.filter(pk=key, status=PENDING, next_attempt_at__lte=now, attempts=row.attempts)
        row.attempts, row.crashes = row.attempts + 1, row.crashes + 1
        row.next_attempt_at = row.wake_at = now + LEASE
        if not unclaimed.update(
            attempts=row.attempts, crashes=row.crashes, next_attempt_at=row.next_attempt_at, wake_at=row.wake_at
        ):
            return None
        row.claimed_at = time.monotonic()
        return row

    def release_leases(self) -> int:
        """Make every row due that a dead worker held or was woken for, back-offs left alone; return how many.

        Only for a process that knows that it is the only one (the embedded default).
        """
        now = timezone.now()
        held = self.filter(status=PENDING, wake_at__gt=now).exclude(crashes=0, next_attempt_at__gt=now)
        return held.update(next_attempt_at=now, wake_at=now)


class Delivery(models.Model):
    """A job: due until its status is no longer `pending`. Subclasses declare `status` and its other values."""

    attempts = models.PositiveIntegerField(_("attempts"), default=0, editable=False)
    failures = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("failed attempts since it was last queued")
    )
    crashes = models.PositiveIntegerField(default=0, editable=False, help_text=_("attempts in a row that never ended"))
    next_attempt_at = models.DateTimeField(_("due"), null=True, blank=True, default=timezone.now, editable=False)
    wake_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True, editable=False)
    last_error = models.TextField(_("error"), blank=True, editable=False)

    status: Any
    claimed_at = 0.0  # by the monotonic clock: when this attempt began

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.schedule_wake_up()
        super().save(*args, **kwargs)

    def schedule_wake_up(self) -> None:
        """Set when the sweep takes care of a new row: after the worker that is woken on commit has had its time."""
        if self.status == PENDING and self.wake_at is None:
            self.wake_at = (self.next_attempt_at or timezone.now()) + GRACE

    def close(self, status: str, *, error: str = "", **columns: Any) -> None:
        """End the row with `status`, if this attempt is still its newest.

        Raises LeaseLost otherwise: the surrounding transaction must be rolled back.
        """
        self.update_fenced(
            status=status,
            last_error=error,
            finished_at=timezone.now(),
            next_attempt_at=None,
            wake_at=None,
            crashes=0,
            **columns,
        )

    def back_off(self, error: str, *, give_up: bool = False, retry_after: float | None = None) -> bool:
        """Store a retryable failure; return True where it was the last one and the row is `failed`. Raises LeaseLost.

        The next attempt comes no sooner than `retry_after` seconds from now.
        """
        failures = self.failures + 1
        if give_up or failures >= MAX_FAILURES:
            self.close(FAILED, error=error, failures=failures)
            return True
        due = timezone.now() + max(retry_delay(failures), _spread(retry_after or 0))
        self.update_fenced(last_error=error, failures=failures, crashes=0, next_attempt_at=due, wake_at=due)
        return False

    def postpone(self, until: datetime, **columns: Any) -> None:
        """Make the row due at `until` without counting a failure: it waits for something else. Raises LeaseLost."""
        self.update_fenced(crashes=0, next_attempt_at=until, wake_at=until, **columns)

    def save_progress(self, **columns: Any) -> None:
        """Store how far this attempt came with a longer job and make the row due at once for the rest of it.

        Call it in the transaction that holds the work. Raises LeaseLost: roll that transaction back.
        """
        now = timezone.now()
        self.update_fenced(failures=0, crashes=0, last_error="", next_attempt_at=now, wake_at=now + GRACE, **columns)

    def requeue(self, *, due: datetime | None = None, **columns: Any) -> None:
        """Make a row due now, or at `due`, with its whole budget of attempts, as the *retry* of staff does."""
        due = due or timezone.now()
        columns |= {"status": PENDING, "failures": 0, "crashes": 0, "finished_at": None}
        columns |= {"next_attempt_at": due, "wake_at": due + GRACE}
        type(self)._default_manager.filter(pk=self.pk).update(**columns)
        for name, value in columns.items():
            setattr(self, name, value)

    def update_fenced(self, **columns: Any) -> None:
        """Write columns as the newest attempt of a pending row: the fence. Raises LeaseLost in any other attempt."""
        newest_attempt = {"pk": self.pk, "status": PENDING, "attempts": self.attempts}
        if not type(self)._default_manager.filter(**newest_attempt).update(**columns):
            raise LeaseLost(f"{self} attempt {self.attempts}")
        for name, value in columns.items():
            setattr(self, name, value)


def sweep_index(name: str) -> models.Index:
    """Return the index for the sweep's query: rows by when to wake a worker. Finished rows are not in it."""
    return models.Index(fields=["wake_at"], name=name, condition=Q(wake_at__isnull=False))


__all__ = [
    "FAILED",
    "LEASE",
    "MAX_CRASHES",
    "PENDING",
    "Delivery",
    "DeliveryQuerySet",
    "retry_delay",
    "sweep_index",
]
