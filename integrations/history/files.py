"""Storing of files: read in a process of its own (`core.tables`), stored row by row, and nothing applied."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import IO, Any

from django.db import transaction
from django.utils import timezone

from core.cause import Cause
from core.phrases import Phrase
from core.queue.wakeup import wake_on_commit
from core.tables.child import SECONDS, Unreadable, read_lines
from core.text import one_line
from integrations.contracts.provider import Provider
from integrations.history import columns
from integrations.history.models import HistoryImport, HistoryRow, HistoryStatus

_TWICE = Phrase('"{heading}" occurs more than once: its first column counts.')

MAX_ROWS = 200_000
_BATCH_SIZE = 1000
_LONGEST_HEADING = 200


class InvalidFile(ValueError):
    """Raised for a file that cannot be imported; the message says what to change."""


def store(
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
    """Store the rows of a CSV or XLSX file, all or none, and start the preview; without a needed column the import
    waits for staff to choose one.

    `kind` is one of the provider's ("": by its headings), `places` are headings by our names of columns, and
    `seconds` limits the reading. Raises InvalidFile.
    """
    files = provider.history
    if files is None:
        raise InvalidFile(f"No files of {provider.title} can be imported.")
    history: HistoryImport | None = None
    try:
        with closing(read_lines(file, kind=_kind(name), seconds=seconds)) as lines:
            _number, first = next(lines, (0, []))
            headings = [one_line(str(heading or ""), _LONGEST_HEADING) for heading in first]
            if not any(headings):
                raise InvalidFile("The file is empty.")
            kind = kind or columns.kind_of(headings, files)
            matched = columns.match_columns(headings, files.kinds[kind], files) | _chosen_columns(
                places or {}, headings
            )
            # Discarded until all rows are stored: what a process that dies leaves is pruned like any discarded file.
            history = HistoryImport.objects.create(
                provider=provider.key,
                kind=kind,
                status=HistoryStatus.DISCARDED,
                next_attempt_at=None,
                file_name=one_line(name, 150),
                headings=headings,
                columns=matched,
                exported_at=exported_at,
                exported_at_by_staff=exported_at,
                cause=cause.text[:200],
                staff=cause.staff,
                notes=_notes(headings, matched),
            )
            _store_rows(history, lines)
    except (Unreadable, InvalidFile) as error:
        if history is not None:
            history.delete()
        raise InvalidFile(str(error)) from error
    _start_preview(history, problem=columns.problem_with_columns(headings, files.kinds[kind], matched), wake=wake)
    return history


def _kind(name: str) -> str:
    return "xlsx" if name.lower().endswith(".xlsx") else "csv"


def _store_rows(history: HistoryImport, lines: Iterator[tuple[int, Any]]) -> None:
    """Store the rows in batches: during one transaction for a long file SQLite would let nobody else write."""
    rows = (
        HistoryRow(history=history, line=number, cells=cells)
        for number, row in lines
        if (cells := columns.as_stored(row))
    )
    while batch := list(islice(rows, _BATCH_SIZE)):
        history.total += len(batch)
        if history.total > MAX_ROWS:
            raise InvalidFile(f"The file has more than {MAX_ROWS:,} rows. Split it.")
        HistoryRow.objects.bulk_create(batch)


def _start_preview(history: HistoryImport, *, problem: str, wake: bool) -> None:
    """Start the preview, or wait for staff where there is a problem with the columns."""
    history.last_error = problem
    history.status = HistoryStatus.READY if problem else HistoryStatus.PENDING
    history.next_attempt_at = None if problem else timezone.now()
    history.schedule_wake_up()
    with transaction.atomic():
        history.save()
        if wake and not problem:
            wake_on_commit(history)


def _chosen_columns(places: Mapping[str, str], headings: list[str]) -> dict[str, int]:
    """Return the places of the chosen headings. Raises InvalidFile for an unknown one."""
    by_name = {heading.casefold(): place for place, heading in reversed(list(enumerate(headings)))}
    chosen = {}
    for column, heading in places.items():
        if heading.strip().casefold() not in by_name:
            raise InvalidFile(f'There is no heading "{heading}". The headings found are: {", ".join(headings[:40])}.')
        chosen[column] = by_name[heading.strip().casefold()]
    return chosen


def _notes(headings: list[str], places: Mapping[str, int]) -> list[str]:
    return [_TWICE(heading=heading) for heading in columns.duplicate_headings(headings, places)]
