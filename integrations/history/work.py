"""Job of a historical import, attempt by attempt: reading, preview, and after staff confirmed it, applying.

The preview runs the same code and is rolled back (`core.preview`). People come in the order of their addresses, so that
all rows of one person are applied together: the result of a renewal depends on the purchase before it.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.mail import emails
from core.cause import Cause
from core.phrases import CODE, NUMBER, Phrase
from core.preview import rolled_back
from core.queue.runner import JobKind
from core.text import InvalidAddress, normalise_email
from integrations import registry
from integrations.contracts.exceptions import Permanent
from integrations.contracts.history import FileKind
from integrations.history.apply import RowApplier
from integrations.history.columns import cells_of
from integrations.history.models import HistoryImport, HistoryRow, HistoryStage, HistoryStatus

_IMPORT = Phrase("history import {number}: {file}", number=NUMBER)
_NO_FILES = Phrase("no files of this kind can be imported: {kind}", kind=CODE)

logger = logging.getLogger(__name__)
BATCH_SIZE = 500  # rows that are read together
SECONDS = 8.0  # after which an attempt begins no further person
SECONDS_FOR_ROWS = 16.0  # seconds after which it begins no further row; the lease is 30
BETWEEN_MAILS = timedelta(seconds=1)  # set-up mails become due one after the other
# No date in the file: its values count as older than all others, so they only fill in missing ones.
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
_COLUMNS = ["outcome", "detail", "offer_key", "offer_title", "person"]
SET_UP_MAIL = "set-up mail"
_NO_DATE = Phrase("The file has no date: it only fills in missing values. Say when it was exported to have it count.")()


def advance(history: HistoryImport) -> None:
    """Run one attempt of the import's stage. Raises LeaseLost where the import was stopped meanwhile."""
    files = registry.provider(history.provider).history
    if files is None or history.kind not in files.kinds:
        raise Permanent(_NO_FILES(kind=f"{history.provider} {history.kind}"))
    if history.stage == HistoryStage.READING:
        _read(history, files.kinds[history.kind])
    elif history.stage == HistoryStage.PREVIEW:
        _preview(history)
    else:
        _apply(history)


def _read(history: HistoryImport, kind: FileKind) -> None:
    """Store the person of each row, and the newest date of the file, which is a lower bound of its export."""
    files = registry.provider(history.provider).history
    assert files is not None
    rows = list(history.rows.filter(line__gt=history.line).order_by("line")[: 2 * BATCH_SIZE])
    newest = history.exported_at
    for row in rows:
        cells = cells_of(row.cells, kind, history.columns)
        row.person = _address(cells.get("email", ""))
        dates = (files.read_date(cells[name]) for name in kind.dates if cells[name])
        past = [date for date in dates if date is not None and date <= timezone.now()]
        newest = max([*past, newest] if newest else past, default=None)
    with transaction.atomic():
        HistoryRow.objects.bulk_update(rows, ["person"])
        if rows:
            history.save_progress(line=rows[-1].line, done=history.done + len(rows), exported_at=newest)
            return
        notes = [note for note in history.notes if note != _NO_DATE] + ([] if newest else [_NO_DATE])
        history.save_progress(
            stage=HistoryStage.PREVIEW, person="", line=0, done=0, exported_at=newest or LONG_AGO, notes=notes
        )


def _address(text: str) -> str:
    """Return the normalised address, "" for an invalid one: such a row gets its own error."""
    try:
        return normalise_email(text)
    except InvalidAddress:
        return ""


def _preview(history: HistoryImport) -> None:
    applier, in_time, in_time_for_rows = _applier(history), _time_left(SECONDS), _time_left(SECONDS_FOR_ROWS)
    applied: list[HistoryRow] = []
    is_end = True
    for rows in _people(history, Q(outcome="")):
        if applied and not in_time():
            is_end = False
            break
        with rolled_back():
            applied += _apply_rows(history, applier, rows, in_time_for_rows)
    with transaction.atomic():
        HistoryRow.objects.bulk_update(applied, _COLUMNS, batch_size=BATCH_SIZE)
        done = history.done + len(applied)
        if is_end and not history.rows.filter(outcome="").exists():
            history.close(HistoryStatus.READY, done=done, person="", line=0)
        else:
            history.save_progress(done=done)


def _apply(history: HistoryImport) -> None:
    """Apply each person's rows in a transaction of its own, together with the import's place: a worker that dies loses
    those of one person, which are applied again.
    """
    applier, in_time, in_time_for_rows = _applier(history), _time_left(SECONDS), _time_left(SECONDS_FOR_ROWS)
    for rows in _people(history, Q(is_settled=False)):
        person = rows[0].person
        with transaction.atomic():
            applied = _apply_rows(history, applier, rows, in_time_for_rows)
            for row in applied:
                row.cells = {} if row.is_settled else row.cells
            HistoryRow.objects.bulk_update(applied, [*_COLUMNS, "is_settled", "cells"])
            history.update_fenced(
                person=person, line=applied[-1].line, done=history.done + len(applied), greeted=history.greeted
            )
        if not in_time():
            history.save_progress()
            return
    history.close(HistoryStatus.DONE, person="", line=0)
    logger.info("history imported", extra={"history": history.pk, "rows": history.total})


def _apply_rows(
    history: HistoryImport, applier: RowApplier, rows: Sequence[HistoryRow], in_time: Callable[[], bool]
) -> list[HistoryRow]:
    """Apply rows of one person as far as time allows, then enqueue the greetings for what they have access to now."""
    applier.touched.clear()
    applied = []
    for row in rows:
        applier.apply(row)
        applied.append(row)
        if not in_time():
            break
    for subscription in applier.touched.values():
        if not subscription.has_access:
            continue
        # Held, so that staff get no mail for each; the member's own is released where staff chose so, one by one.
        for message in emails.greet(subscription, held=True):
            history.greeted += 1
            if history.sends_mails:
                emails.release(message, due=timezone.now() + history.greeted * BETWEEN_MAILS)
            mail = f"{SET_UP_MAIL} {'due' if history.sends_mails else 'held back'}"
            applied[-1].detail = f"{mail}; {applied[-1].detail}"[:500]
    return applied


def _people(history: HistoryImport, pending: Q) -> Iterator[list[HistoryRow]]:
    """Yield the pending rows, those of one person together, from the place of the import on.

    A person with more than BATCH_SIZE of them comes in parts.
    """
    person, line = (history.person, history.line) if history.stage == HistoryStage.APPLYING else ("", 0)
    while True:
        after = Q(person__gt=person) | Q(person=person, line__gt=line)
        batch = list(history.rows.filter(after, pending).order_by("person", "line")[:BATCH_SIZE])
        groups = [list(rows) for _person, rows in groupby(batch, key=lambda row: row.person)]
        if len(batch) == BATCH_SIZE and len(groups) > 1:
            groups.pop()  # perhaps cut off in the middle
        if not groups:
            return
        person, line = groups[-1][-1].person, groups[-1][-1].line  # before they are applied, which may empty the person
        yield from groups


def _time_left(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _applier(history: HistoryImport) -> RowApplier:
    cause = Cause(text=_IMPORT(number=history.pk, file=history.file_name)[:200], staff=history.staff)
    return RowApplier(history=history, provider=registry.provider(history.provider), cause=cause)


JOBS = JobKind(model=HistoryImport, work=advance)
