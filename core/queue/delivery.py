"""The queue: rows that workers claim, with a lease, back-off and an end. Every kind of job is one.

A row is due at `next_attempt_at`. Claiming it pushes that date past a lease and counts the attempt, in a transaction of
its own: a worker that dies keeps nothing, the row falls due again, and there is no "processing" status to get stuck in.
What the work changes is committed together with the row's closing, and the closing holds only for the attempt that is
still the newest (the fence), so a worker that slept past its lease writes nothing.

`wake_at` is when the sweep rings a worker for the row. It is apart from `next_attempt_at` so that ringing does not keep
away a worker that is already coming, and a row in a long queue is not rung again at each sweep.
"""

import random
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.queue.limits import LEASE_SECONDS

LEASE = timedelta(seconds=LEASE_SECONDS)
GRACE = timedelta(seconds=5)  # a new row's worker was woken on commit; the sweep gives it this long
RING_AGAIN = timedelta(seconds=20)
BACK_OFF = (5, 30, 120, 600, 3600)  # seconds before attempts 2 to 6; then hourly
MAX_FAILURES = len(BACK_OFF) + 23  # about a day
MAX_CRASHES = 3  # attempts in a row that ended without a word: the row kills its worker
JITTER = 0.2
PENDING = "pending"
FAILED = "failed"


class LeaseLost(Exception):
    """Another attempt began after this one: nothing of this one may be kept."""


def retry_delay(failures: int) -> timedelta:
    """Return how long to wait after the `failures`-th failure in a row (from 1), ± 20 %: what failed together parts."""
    seconds = BACK_OFF[min(failures, len(BACK_OFF)) - 1]
    return timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 (spread, not secrecy)


class DeliveryQuerySet(models.QuerySet[Any]):
    """Claiming and waking of due rows; every job model uses these."""

    def ring(self, *, now: datetime | None = None, limit: int = 500) -> list[int]:
        """Keys of due rows for which no worker came, oldest first, at most `limit`; not rung again for 20 seconds."""
        now = now or timezone.now()
        keys = list(self.filter(wake_at__lte=now).order_by("wake_at").values_list("pk", flat=True)[:limit])
        if keys:
            self.filter(pk__in=keys, wake_at__lte=now).update(wake_at=now + RING_AGAIN)
        return keys

    def claim(self, key: int, *, now: datetime | None = None) -> Any | None:
        """The row, leased to the caller as its newest attempt, or None where it is not due, done or taken by somebody
        else.

        Two workers that ask at once: the condition on `attempts` lets one of them win.
        """
        now = now or timezone.now()
        row = self.filter(pk=key, status=PENDING, next_attempt_at__lte=now).first()
        if row is None:
            return None
        lease_ends = now + LEASE
        taken = self.filter(pk=key, status=PENDING, next_attempt_at__lte=now, attempts=row.attempts).update(
            attempts=row.attempts + 1, crashes=row.crashes + 1, next_attempt_at=lease_ends, wake_at=lease_ends
        )
        if not taken:
            return None
        row.attempts, row.crashes, row.next_attempt_at, row.wake_at = (
            row.attempts + 1,
            row.crashes + 1,
            lease_ends,
            lease_ends,
        )
        return row

    def release_leases(self) -> int:
        """Make every row due that a dead worker held or was rung for, back-offs left alone; how many.

        Only for a process that knows that it is the only one (the embedded default).
        """
        now = timezone.now()
        held = self.filter(status=PENDING, wake_at__gt=now).exclude(crashes=0, next_attempt_at__gt=now)
        return held.update(next_attempt_at=now, wake_at=now)


class Delivery(models.Model):
    """A row that is owed until its status is no longer `pending`. Subclasses declare `status` and its other values."""

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

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.wake_after_grace()
        super().save(*args, **kwargs)

    def wake_after_grace(self) -> None:
        """Let the sweep look after a new row once the worker that is woken on commit has had its time."""
        if self.status == PENDING and self.wake_at is None:
            self.wake_at = (self.next_attempt_at or timezone.now()) + GRACE

    def close(self, status: str, *, error: str = "", **columns: Any) -> None:
        """End the row with `status`, if this attempt is still its newest.

        Raises LeaseLost otherwise: the surrounding transaction must be given up.
        """
        self._write(
            status=status,
            last_error=error,
            finished_at=timezone.now(),
            next_attempt_at=None,
            wake_at=None,
            crashes=0,
            **columns,
        )

    def back_off(self, error: str, *, give_up: bool = False) -> bool:
        """Note a retryable failure; True where that was the last one and the row is `failed` now. Raises LeaseLost."""
        failures = self.failures + 1
        if give_up or failures >= MAX_FAILURES:
            self.close(FAILED, error=error, failures=failures)
            return True
        due = timezone.now() + retry_delay(failures)
        self._write(last_error=error, failures=failures, crashes=0, next_attempt_at=due, wake_at=due)
        return False

    def put_off(self, until: datetime, **columns: Any) -> None:
        """Make the row due at `until` without counting a failure: it waits for something else. Raises LeaseLost."""
        self._write(crashes=0, next_attempt_at=until, wake_at=until, **columns)

    def note(self, **columns: Any) -> None:
        """Write columns in the middle of an attempt, so that they stand whatever becomes of it. Raises LeaseLost."""
        self._write(**columns)

    def go_on(self, **columns: Any) -> None:
        """Keep what this attempt did of a longer work and make the row due at once for the next part of it.

        To be called in the transaction that holds what was done. Raises LeaseLost: that must be given up then.
        """
        now = timezone.now()
        self._write(failures=0, crashes=0, last_error="", next_attempt_at=now, wake_at=now + GRACE, **columns)

    def requeue(self, **columns: Any) -> None:
        """Make a row due at once, with its whole budget of attempts: what staff's *retry* does."""
        now = timezone.now()
        self._set(
            status=PENDING,
            failures=0,
            crashes=0,
            next_attempt_at=now,
            wake_at=now + GRACE,
            finished_at=None,
            **columns,
        )

    def _write(self, **columns: Any) -> None:
        # The fence: only the newest attempt of an open row may write.
        still_ours = {"pk": self.pk, "status": PENDING, "attempts": self.attempts}
        newest = type(self)._default_manager.filter(**still_ours)
        if not newest.update(**columns):
            raise LeaseLost(f"{self} attempt {self.attempts}")
        for name, value in columns.items():
            setattr(self, name, value)

    def _set(self, **columns: Any) -> None:
        type(self)._default_manager.filter(pk=self.pk).update(**columns)
        for name, value in columns.items():
            setattr(self, name, value)


def sweep_index(name: str) -> models.Index:
    """The index that the sweep's query uses: rows still to be woken, by when. Finished rows are not in it."""
    return models.Index(fields=["wake_at"], name=name, condition=Q(wake_at__isnull=False))


__all__ = [
    "FAILED",
    "LEASE",
    "MAX_CRASHES",
    "PENDING",
    "Delivery",
    "DeliveryQuerySet",
    "LeaseLost",
    "retry_delay",
    "sweep_index",
]
