"""The work on a historical import, attempt by attempt: reading, preview, and after staff's word, applying.

The preview does what applying does and is rolled back (`core.preview`). People are gone through in the order of their
addresses, so that all rows of one person are told together: what a renewal would do depends on the purchase before it.
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
from core.preview import rolled_back
from core.queue.runner import JobKind
from core.text import InvalidAddress, normalise_email
from integrations import registry
from integrations.contracts.exceptions import Permanent
from integrations.contracts.history import FileKind
from integrations.history.columns import cells_of
from integrations.history.models import HistoryImport, HistoryRow, HistoryStage, HistoryStatus
from integrations.history.telling import Teller

logger = logging.getLogger(__name__)
AT_ONCE = 500  # rows that are read together
SECONDS = 8.0  # after which an attempt begins no further person
AT_THE_LATEST = 16.0  # seconds after which it begins no further row; the lease is 30
BETWEEN_MAILS = timedelta(seconds=1)  # set-up mails become due one after the other
# No date in the file: what it says is older than anything else that is known, so it only fills in what is missing.
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
_WRITTEN = ["outcome", "detail", "offer_key", "offer_title", "person"]
SET_UP_MAIL = "set-up mail"
_NO_DATE = "No date stands in the file: it only fills in what is missing. Say when it was exported to have it count."


def advance(history: HistoryImport) -> None:
    """Do one attempt's share of the stage. Raises LeaseLost where the import was stopped meanwhile."""
    files = registry.provider(history.provider).history
    if files is None or history.kind not in files.kinds:
        raise Permanent(f"no files of this kind can be imported: {history.provider} {history.kind}")
    if history.stage == HistoryStage.READING:
        _read(history, files.kinds[history.kind])
    elif history.stage == HistoryStage.PREVIEW:
        _preview(history)
    else:
        _apply(history)


def _read(history: HistoryImport, kind: FileKind) -> None:
    """Note whom each row is about, and the newest date of the file, which it cannot be older than."""
    files = registry.provider(history.provider).history
    assert files is not None
    rows = list(history.rows.filter(line__gt=history.line).order_by("line")[: 2 * AT_ONCE])
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
    """Return the stored form of an address, "" where it is none: such a row is an error of its own."""
    try:
        return normalise_email(text)
    except InvalidAddress:
        return ""


def _preview(history: HistoryImport) -> None:
    teller, in_time, late = _teller(history), _time_left(SECONDS), _time_left(AT_THE_LATEST)
    told: list[HistoryRow] = []
    is_end = True
    for rows in _people(history, Q(outcome="")):
        if told and not in_time():
            is_end = False
            break
        with rolled_back():
            told += _told(history, teller, rows, late)
    with transaction.atomic():
        HistoryRow.objects.bulk_update(told, _WRITTEN, batch_size=AT_ONCE)
        done = history.done + len(told)
        if is_end and not history.rows.filter(outcome="").exists():
            history.close(HistoryStatus.READY, done=done, person="", line=0)
        else:
            history.save_progress(done=done)


def _apply(history: HistoryImport) -> None:
    """Tell each person's rows in a transaction of its own, with the place that is reached: a worker that dies loses
    one person's, and does them again.
    """
    teller, in_time, late = _teller(history), _time_left(SECONDS), _time_left(AT_THE_LATEST)
    for rows in _people(history, Q(is_settled=False)):
        person = rows[0].person
        with transaction.atomic():
            told = _told(history, teller, rows, late)
            for row in told:
                row.cells = {} if row.is_settled else row.cells
            HistoryRow.objects.bulk_update(told, [*_WRITTEN, "is_settled", "cells"])
            history.update_fenced(
                person=person, line=told[-1].line, done=history.done + len(told), greeted=history.greeted
            )
        if not in_time():
            history.save_progress()
            return
    history.close(HistoryStatus.DONE, person="", line=0)
    logger.info("history imported", extra={"history": history.pk, "rows": history.total})


def _told(
    history: HistoryImport, teller: Teller, rows: Sequence[HistoryRow], in_time: Callable[[], bool]
) -> list[HistoryRow]:
    """Tell rows of one person as far as time allows, then welcome them to what they have access to now."""
    teller.touched.clear()
    told = []
    for row in rows:
        teller.tell(row)
        told.append(row)
        if not in_time():
            break
    for subscription in teller.touched.values():
        if not subscription.has_access:
            continue
        # Held, so that staff get no mail for each; the member's own goes when staff chose so, one after the other.
        for message in emails.greet(subscription, held=True):
            history.greeted += 1
            if history.sends_mails:
                emails.release(message, due=timezone.now() + history.greeted * BETWEEN_MAILS)
            mail = f"{SET_UP_MAIL} {'owed' if history.sends_mails else 'held back'}"
            told[-1].detail = f"{mail}; {told[-1].detail}"[:500]
    return told


def _people(history: HistoryImport, which: Q) -> Iterator[list[HistoryRow]]:
    """Yield the rows that are still to be done, those of one person together, from the place of the import on.

    A person with more than AT_ONCE of them comes in parts.
    """
    person, line = (history.person, history.line) if history.stage == HistoryStage.APPLYING else ("", 0)
    while True:
        after = Q(person__gt=person) | Q(person=person, line__gt=line)
        found = list(history.rows.filter(after, which).order_by("person", "line")[:AT_ONCE])
        groups = [list(rows) for _person, rows in groupby(found, key=lambda row: row.person)]
        if len(found) == AT_ONCE and len(groups) > 1:
            groups.pop()  # perhaps cut off in the middle
        if not groups:
            return
        person, line = groups[-1][-1].person, groups[-1][-1].line  # before they are told, which may empty the person
        yield from groups


def _time_left(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _teller(history: HistoryImport) -> Teller:
    cause = Cause(text=f"history import {history.pk}: {history.file_name}"[:200], staff=history.staff)
    return Teller(history=history, provider=registry.provider(history.provider), cause=cause)


JOBS = JobKind(model=HistoryImport, work=advance)
