"""From a file to its rows: read in a process of its own (`core.tables`), kept in the database, and nothing applied."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import IO, Any

from django.db import transaction
from django.utils import timezone

from core.cause import Cause
from core.queue.wakeup import wake_on_commit
from core.tables.child import SECONDS, Unreadable, read_lines
from core.text import one_line
from integrations.contracts.provider import Provider
from integrations.history import columns
from integrations.history.models import HistoryImport, HistoryRow, HistoryStatus

MOST_ROWS = 200_000
_AT_ONCE = 1000
_LONGEST_HEADING = 200


class NotAHistory(ValueError):
    """The file cannot be taken; the message says what to change."""


def take(
    file: IO[bytes],
    *,
    name: str,
    provider: Provider,
    cause: Cause,
    kind: str = "",
    exported_at: datetime | None = None,
    places: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
    wake: bool = True,
) -> HistoryImport:
    """Keep the rows of a CSV or XLSX file, all or none, and let the preview begin; where a needed column is not found,
    it waits for staff to choose one.

    `kind` is one of the provider's ("": by its headings), `places` says by our names of columns which heading they
    have, and `seconds` is what reading may take. Raises NotAHistory.
    """
    files = provider.history
    if files is None:
        raise NotAHistory(f"No files of {provider.title} can be imported.")
    history: HistoryImport | None = None
    try:
        with closing(read_lines(file, kind=_kind(name), seconds=seconds)) as lines:
            _number, first = next(lines, (0, []))
            headings = [one_line(str(heading or ""), _LONGEST_HEADING) for heading in first]
            if not any(headings):
                raise NotAHistory("The file is empty.")
            kind = kind or columns.kind_of(headings, files)
            found = columns.matched(headings, files.kinds[kind], files) | _chosen(places or {}, headings)
            # Nobody's until all rows are there: what a process that dies leaves is pruned like any discarded file.
            history = HistoryImport.objects.create(
                provider=provider.key,
                kind=kind,
                status=HistoryStatus.DISCARDED,
                next_attempt_at=None,
                file_name=one_line(name, 150),
                headings=headings,
                columns=found,
                exported_at=exported_at,
                exported_at_by_staff=exported_at,
                cause=cause.text[:200],
                staff=cause.staff,
                notes=_notes(headings, found),
            )
            _keep_rows(history, lines)
    except (Unreadable, NotAHistory) as error:
        if history is not None:
            history.delete()
        raise NotAHistory(str(error)) from error
    _begin(history, problem=columns.what_is_missing(headings, files.kinds[kind], found), wake=wake)
    return history


def _kind(name: str) -> str:
    return "xlsx" if name.lower().endswith(".xlsx") else "csv"


def _keep_rows(history: HistoryImport, lines: Iterator[tuple[int, Any]]) -> None:
    """Keep the rows some at a time: with one transaction for a long file, SQLite would let nobody else write."""
    rows = (
        HistoryRow(history=history, line=number, cells=cells)
        for number, row in lines
        if (cells := columns.as_stored(row))
    )
    while some := list(islice(rows, _AT_ONCE)):
        history.total += len(some)
        if history.total > MOST_ROWS:
            raise NotAHistory(f"The file has more than {MOST_ROWS:,} rows. Split it.")
        HistoryRow.objects.bulk_create(some)


def _begin(history: HistoryImport, *, problem: str, wake: bool) -> None:
    """Let the preview begin, or wait for staff where there is a problem with the columns."""
    history.last_error = problem
    history.status = HistoryStatus.READY if problem else HistoryStatus.PENDING
    history.next_attempt_at = None if problem else timezone.now()
    history.schedule_wake_up()
    with transaction.atomic():
        history.save()
        if wake and not problem:
            wake_on_commit(history)


def _chosen(places: Mapping[str, str], headings: list[str]) -> dict[str, int]:
    """Raises NotAHistory for a heading that is not there."""
    by_name = {heading.casefold(): place for place, heading in reversed(list(enumerate(headings)))}
    found = {}
    for column, heading in places.items():
        if heading.strip().casefold() not in by_name:
            raise NotAHistory(f'There is no heading "{heading}". The headings found are: {", ".join(headings[:40])}.')
        found[column] = by_name[heading.strip().casefold()]
    return found


def _notes(headings: list[str], places: Mapping[str, int]) -> list[str]:
    return [
        f'"{heading}" stands more than once: its first column counts.' for heading in columns.doubled(headings, places)
    ]
