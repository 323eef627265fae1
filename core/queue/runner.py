"""The queue runner: `run` makes every attempt at every row of every kind of job.

A kind of job is a model (`Delivery`), a function that does the work for one claimed row, and little else. It is
declared beside its service and registered when its app is ready. The order of registration is the order in which the
sweep wakes workers.

The work closes its row in the transaction that holds its effects, or raises how else the attempt ended
(core/queue/outcomes.py). It holds no transaction open during a call to another system.
"""

import logging
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import OperationalError, transaction
from django.utils.translation import gettext_lazy as _

from core.phrases import CODE, NUMBER, Phrase
from core.queue.delivery import MAX_CRASHES, PENDING, Delivery, DeliveryQuerySet
from core.queue.outcomes import LeaseLost, Permanent, TryAgain, Wait
from core.queue.wakeup import wake_on_commit
from core.text import storable

GAVE_UP = Phrase.worded(
    "gave up: the worker died {count} times over this {noun}",
    _("Given up: the program ended {count} times while it worked on this."),
    count=NUMBER,
    noun=CODE,
)

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

    `on_claim` runs in the transaction of the claim, `on_failure` in the one that stores the failure, `on_lost` after
    an attempt that lost its lease. `max_failures` replaces the day of retries that every row has. With
    `stores_database_errors` they count as failures where they can still be written; otherwise the row falls due again
    by its lease. A kind that `logs_itself` writes its own line for an attempt.
    """

    model: type[Row]
    work: Callable[[Row], None]
    noun: str = "row"
    on_claim: Callable[[Row], None] | None = None
    on_failure: Callable[[Row, Failure], None] | None = None
    on_lost: Callable[[Row], None] | None = None
    max_failures: int | None = None
    stores_database_errors: bool = False
    logs_itself: bool = False

    @property
    def name(self) -> str:
        return str(self.model._meta.model_name)


KINDS: dict[str, JobKind[Any]] = {}  # by name, in the order in which the sweep wakes workers for them


def register(*declared: JobKind[Any]) -> None:
    KINDS.update({kind.name: kind for kind in declared})


def run(model: type[Delivery], key: int, *, wake: bool = True) -> bool:
    """Make one attempt at a row; return False where it is not due, done or already claimed.

    Every failure is stored on the row. Only a database that is away is raised, and then the row falls due again by its
    lease. Where the row is due again at once or soon, a worker is woken for it then (`wake`).
    """
    return attempt(KINDS[str(model._meta.model_name)], key, wake=wake)


def attempt(kind: JobKind[Any], key: int, *, wake: bool = True) -> bool:
    """Make one attempt as `run` does, by a kind of job that a caller varied."""
    with transaction.atomic() if kind.on_claim else nullcontext():
        row = DeliveryQuerySet(kind.model).claim(key)
        if row is not None and kind.on_claim is not None:
            kind.on_claim(row)
    if row is None:
        return False
    try:
        try:
            if row.crashes > MAX_CRASHES:
                raise Permanent(GAVE_UP(count=MAX_CRASHES, noun=kind.noun))
            kind.work(row)
        except LeaseLost:
            raise
        except Wait as wait:
            row.postpone(wait.due, last_error=str(wait))
        except (Exception, SystemExit) as error:  # the only broad one: every failure is stored on the row
            if isinstance(error, OperationalError) and not kind.stores_database_errors:
                raise
            _store_failure(kind, row, error)
        if wake and row.status == PENDING:
            wake_on_commit(row)
    except LeaseLost:
        if kind.on_lost is not None:
            kind.on_lost(row)
        if not kind.logs_itself:
            logger.info("closed by somebody else meanwhile", extra={"row": row.pk, "kind": kind.name})
    return True


def _store_failure(kind: JobKind[Row], row: Row, error: BaseException) -> None:
    is_permanent = isinstance(error, Permanent)
    is_last = is_permanent or (kind.max_failures is not None and row.failures + 1 >= kind.max_failures)
    is_expected = isinstance(error, _EXPECTED)
    message = str(error) if is_expected else f"{type(error).__name__}: {error}"
    text = str(storable(message.encode("utf-8", "backslashreplace").decode()))[:2000]
    trace = "" if is_expected else "".join(traceback.format_exception(error, limit=-30))
    with transaction.atomic():
        is_last = row.back_off(text, give_up=is_last, retry_after=getattr(error, "retry_after", None))
        if kind.on_failure is not None:
            kind.on_failure(
                row, Failure(error=text, trace=str(storable(trace)), is_permanent=is_permanent, is_last=is_last)
            )
    if not kind.logs_itself:
        logger.warning("attempt failed", extra={"row": row.pk, "kind": kind.name, "error": text, "failed": is_last})
