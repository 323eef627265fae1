"""The queue runner: every attempt at every row of every kind of job passes through `run`.

A kind of job is a model (`Delivery`), a function that does the work for one claimed row, and little else. It is
declared beside its service and registered when its app is ready. The order of registration is the order in which the
sweep wakes workers.

The work closes its row, in the transaction that holds its effects, or says by an exception how else the attempt ended
(core/queue/outcomes.py). It holds no transaction open while it talks to somebody outside.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import OperationalError, transaction
from django.utils import timezone

from core.queue import wakeup
from core.queue.delivery import MAX_CRASHES, PENDING, Delivery, DeliveryQuerySet
from core.queue.outcomes import LeaseLost, Permanent, TryAgain, Wait
from core.queue.wakeup import name_of, wake_on_commit
from core.text import storable

logger = logging.getLogger(__name__)
Row = TypeVar("Row", bound=Delivery)
_EXPECTED = (Permanent, TryAgain)  # their messages are written for staff


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed attempt: `is_permanent` where trying again cannot help, `is_last` where the row is `failed` now."""

    error: str
    trace: str = ""
    is_permanent: bool
    is_last: bool = False


@dataclass(frozen=True, kw_only=True)
class JobKind(Generic[Row]):
    """A kind of job: its model, its work, and what differs from other kinds.

    `on_claim` runs in the transaction of the claim, `on_failure` in the one that notes the failure, `on_lost` after
    an attempt that may keep nothing. `max_failures` replaces the day of retries that every row has. With
    `notes_database_errors` they count as failures where they can still be written; elsewhere they are nobody's fault,
    and the row falls due by its lease. A kind that `logs_itself` writes its own line for an attempt.
    """

    model: type[Row]
    work: Callable[[Row], None]
    noun: str = "row"
    on_claim: Callable[[Row], None] | None = None
    on_failure: Callable[[Row, Failure], None] | None = None
    on_lost: Callable[[Row], None] | None = None
    max_failures: int | None = None
    notes_database_errors: bool = False
    logs_itself: bool = False

    @property
    def name(self) -> str:
        return name_of(self.model)


_kinds: dict[str, JobKind[Any]] = {}


def register(*declared: JobKind[Any]) -> None:
    _kinds.update({kind.name: kind for kind in declared})


def kinds() -> list[JobKind[Any]]:
    """Return every kind of job, in the order in which the sweep wakes workers for them."""
    return list(_kinds.values())


def kind_named(name: str) -> JobKind[Any] | None:
    return _kinds.get(name)


def sweep() -> None:
    """Wake workers for rows for which none came: a bounded number of each kind, so that no kind starves another."""
    for kind in kinds():
        wakeup.wake(kind.model, DeliveryQuerySet(kind.model).ring())


def run(model: type[Delivery], key: int, *, wake: bool = True) -> bool:
    """Make one attempt at a row; False where it is not due, done, or with somebody else.

    Whatever goes wrong is on the row afterwards; nothing is raised but for a database that is away, and then the row
    falls due again by its lease. Where work is left that is due at once, a worker is woken for it (`wake`).
    """
    kind = _kinds[name_of(model)]
    row = _claimed(kind, key)
    if row is None:
        return False
    try:
        _attempt(kind, row)
        if wake and row.status == PENDING and row.next_attempt_at <= timezone.now():
            wake_on_commit(row)
    except LeaseLost:
        if kind.on_lost is not None:
            kind.on_lost(row)
        if not kind.logs_itself:
            logger.info("closed by somebody else meanwhile", extra={"row": row.pk, "kind": kind.name})
    return True


def _claimed(kind: JobKind[Row], key: int) -> Row | None:
    rows = DeliveryQuerySet(kind.model)
    if kind.on_claim is None:
        return rows.claim(key)
    with transaction.atomic():
        row: Row | None = rows.claim(key)
        if row is not None:
            kind.on_claim(row)
    return row


def _attempt(kind: JobKind[Row], row: Row) -> None:
    """Do the work and note on the row how it failed. Raises LeaseLost."""
    try:
        if row.crashes > MAX_CRASHES:
            raise Permanent(f"gave up: the worker died {MAX_CRASHES} times over this {kind.noun}")
        kind.work(row)
    except LeaseLost:
        raise
    except Wait as wait:
        row.put_off(wait.due, last_error=str(wait))
    except (Exception, SystemExit) as error:  # the one broad one: whatever happened is recorded on the row
        if isinstance(error, OperationalError) and not kind.notes_database_errors:
            raise
        _note_failure(kind, row, error)


def _note_failure(kind: JobKind[Row], row: Row, error: BaseException) -> None:
    is_permanent = isinstance(error, Permanent)
    is_last = is_permanent or (kind.max_failures is not None and row.failures + 1 >= kind.max_failures)
    text = _described(error)
    trace = "" if isinstance(error, _EXPECTED) else "".join(traceback.format_exception(error, limit=-30))
    with transaction.atomic():
        is_last = row.back_off(text, give_up=is_last, retry_after=getattr(error, "retry_after", None))
        if kind.on_failure is not None:
            kind.on_failure(
                row, Failure(error=text, trace=str(storable(trace)), is_permanent=is_permanent, is_last=is_last)
            )
    if not kind.logs_itself:
        logger.warning("attempt failed", extra={"row": row.pk, "kind": kind.name, "error": text, "failed": is_last})


def _described(error: BaseException) -> str:
    text = str(error) if isinstance(error, _EXPECTED) else f"{type(error).__name__}: {error}"
    return str(storable(text.encode("utf-8", "backslashreplace").decode()))[:2000]
