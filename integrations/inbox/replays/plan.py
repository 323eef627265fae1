"""Plan of a replay: what processing events again would change, found by the code that does it and rolled back.

The events of a part are processed in the order in which they were received and in one transaction, so that later ones
find what earlier ones would have left. Providers are asked first, outside of it: what they confirm an event to be is
part of the answer. The transaction holds locks, on SQLite the one of the database, so it is bounded.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from accounts.mail.models import EmailMessage
from core.preview import rolled_back
from core.queue import runner
from core.queue.delivery import Delivery
from core.written import WrittenRow, noting_writes
from integrations.inbox import process
from integrations.inbox.models import Effect, InboxAttempt, InboxEvent
from integrations.inbox.reading import Reading, read
from integrations.outbox.models import OutgoingWrite

MOST = 200  # events of one part
SECONDS = 4.0  # for reading the events of a part, and as many for processing them; then no further one is begun
# When a row is due and was tried is no news.
_QUEUE = frozenset(column.name for column in Delivery._meta.get_fields())
RECORDS = (InboxEvent, InboxAttempt, Effect)  # of the processing itself


@dataclass(frozen=True, kw_only=True)
class PlannedRow:
    """A row that would be written; `name` is the row's own, `fields` are the names of those that would change."""

    model: type[Any]
    pk: Any
    verb: str
    name: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlannedEvent:
    """Outcome that processing an event again would have.

    `status` and `reason` are those that it would get; pending means that it would wait or be tried again. `mails` are
    e-mails that would go out or be held back (kind, recipient, status), `writes` those at providers (provider, kind,
    whose), `rows` everything else that would be written.
    """

    event: InboxEvent
    status: str
    reason: str
    rows: tuple[PlannedRow, ...] = ()
    mails: tuple[tuple[str, str, str], ...] = ()
    writes: tuple[tuple[str, str, str], ...] = ()

    @property
    def changes_something(self) -> bool:
        return bool(self.rows or self.mails or self.writes)


@dataclass(kw_only=True)
class Plan:
    """The planned events, and how many of each outcome, row, mail and write there are among them."""

    events: list[PlannedEvent] = field(default_factory=list)

    @property
    def changing(self) -> int:
        return sum(one.changes_something for one in self.events)

    @property
    def statuses(self) -> Counter[str]:
        return Counter(one.status for one in self.events)

    @property
    def rows(self) -> Counter[tuple[type[Any], str]]:
        """Return how many rows of a model would be created, changed or deleted; each counts once."""
        once = {(row.model, row.verb, row.pk) for one in self.events for row in one.rows}
        return Counter((model, verb) for model, verb, _pk in once)

    @property
    def mails(self) -> Counter[str]:
        return Counter(kind for one in self.events for kind, _to, _status in one.mails)

    @property
    def writes(self) -> Counter[str]:
        return Counter(provider for one in self.events for provider, _kind, _whose in one.writes)


def parts(keys: Sequence[int]) -> Iterator[Plan]:
    """Yield the plans of all these events, part by part; what one part would leave the next does not find."""
    while keys:
        part = plan(keys)
        yield part
        last = part.events[-1].event.pk if part.events else keys[:MOST][-1]
        keys = [key for key in keys if key > last]


def plan(keys: Sequence[int]) -> Plan:
    """Return the plan of the first of these events (keys, ascending): MOST, or as many as there is time for, but one.

    Nothing is written. Calls providers, so not inside a transaction.
    """
    if not keys:
        return Plan()
    found = InboxEvent.objects.defer("body", "headers").in_bulk(keys[:MOST])
    in_time = _time_left()
    readings: dict[int, Reading | Exception] = {}
    for key in keys[:MOST]:
        if readings and not in_time():
            break
        if key in found:  # it may be gone since
            readings[key] = _try_to_read(found[key])
    result, in_time = Plan(), _time_left()
    with rolled_back():
        for key, reading in readings.items():
            if result.events and not in_time():
                break
            result.events.append(_planned(found[key], reading))
    return result


def _try_to_read(event: InboxEvent) -> Reading | Exception:
    """Return what an event says, or what was raised: the attempt meets it where it would have met it."""
    try:
        return read(event)
    except Exception as error:  # noqa: BLE001 (whatever it is would be stored on the event)
        return error


def _planned(event: InboxEvent, reading: Reading | Exception) -> PlannedEvent:
    """Process an event as a worker would, inside the transaction that is rolled back."""

    def as_read(_event: InboxEvent) -> Reading:
        if isinstance(reading, Exception):
            raise reading
        return reading

    job = replace(process.JOBS, work=partial(process.process, read=as_read))
    InboxEvent(pk=event.pk).requeue(reason="")
    with noting_writes(leaving_out=RECORDS) as written:
        runner.attempt(job, event.pk, wake=False)
        rows = [row for row in written.changes() if is_news(row)]
    now = InboxEvent.objects.only("status", "reason", "last_error").get(pk=event.pk)
    return PlannedEvent(
        event=event,
        status=now.status,
        reason=now.reason or now.last_error,
        rows=tuple(_row(row) for row in rows if row.model not in (EmailMessage, OutgoingWrite)),
        mails=tuple(
            (mail.kind, mail.to, mail.status) for mail in map(_instance, rows) if isinstance(mail, EmailMessage)
        ),
        writes=tuple(
            (write.provider, write.kind, str(write.policy or write.contact or write.external_id))
            for write in map(_instance, rows)
            if isinstance(write, OutgoingWrite)
        ),
    )


def is_news(row: WrittenRow) -> bool:
    """Return whether more of a written row has changed than when it is due."""
    return row.verb != "changed" or bool(_fields(row))


def _fields(row: WrittenRow) -> tuple[str, ...]:
    timed = {column.attname for column in row.model._meta.concrete_fields if getattr(column, "auto_now", False)}
    return tuple(name for name in row.names if name not in _QUEUE | timed) if row.verb == "changed" else ()


def _instance(row: WrittenRow) -> Any:
    values = row.after or row.before or {}
    return row.model(**values)


def _row(row: WrittenRow) -> PlannedRow:
    return PlannedRow(model=row.model, pk=row.pk, verb=row.verb, name=str(_instance(row)), fields=_fields(row))


def _time_left() -> Callable[[], bool]:
    end = time.monotonic() + SECONDS
    return lambda: time.monotonic() < end
