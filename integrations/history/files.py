"""From a file to its rows: read in a process of its own (`core.tables`), kept in the database, and nothing applied."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import IO, Any

from django.db import transaction
from django.utils import timezone

from accounts.services.cause import Cause
from accounts.wakeup import wake_on_commit
from core.tables.child import SECONDS, Unreadable, read_lines
from core.text import one_line
from integrations.contracts.provider import Provider
from integrations.history import columns
from integrations.models import HistoryImport, HistoryRow
from integrations.models.history import HistoryStatus

ADVANCE_TASK = "integrations.advance_histories"
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
    try:
        with (
            closing(
                read_lines(file, kind="xlsx" if name.lower().endswith(".xlsx") else "csv", seconds=seconds)
            ) as lines,
            transaction.atomic(),
        ):
            _number, first = next(lines, (0, []))
            headings = [one_line(str(heading or ""), _LONGEST_HEADING) for heading in first]
            if not any(headings):
                raise NotAHistory("The file is empty.")
            kind = kind or columns.kind_of(headings, files)
            about = files.kinds[kind]
            found = columns.matched(headings, about, files) | _chosen(places or {}, headings)
            history = HistoryImport(
                provider=provider.key,
                kind=kind,
                file_name=one_line(name, 150),
                headings=headings,
                columns=found,
                exported_at=exported_at,
                exported_said=exported_at,
                cause=cause.text[:200],
                staff=cause.staff,
                notes=_notes(headings, found),
            )
            begin(history, problem=columns.what_is_missing(headings, about, found))
            history.save()
            found_rows = _rows(history, lines)
            while rows := list(islice(found_rows, _AT_ONCE)):
                HistoryRow.objects.bulk_create(rows)
                history.total += len(rows)
                if history.total > MOST_ROWS:
                    raise NotAHistory(f"The file has more than {MOST_ROWS:,} rows. Split it.")
            history.save(update_fields=["total"])
            if wake and history.status == HistoryStatus.PENDING:
                wake_on_commit(ADVANCE_TASK, history.pk)
    except Unreadable as error:
        raise NotAHistory(str(error)) from error
    return history


def begin(history: HistoryImport, *, problem: str) -> None:
    """Let the work begin, or wait for staff where there is a problem with the columns; the row is not saved."""
    history.last_error = problem
    if problem:
        history.status, history.next_attempt_at, history.wake_at = HistoryStatus.READY, None, None
    else:
        history.status, history.next_attempt_at = HistoryStatus.PENDING, timezone.now()


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


def _rows(history: HistoryImport, lines: Iterator[tuple[int, Any]]) -> Iterator[HistoryRow]:
    for number, row in lines:
        if cells := columns.as_stored(row):
            yield HistoryRow(history=history, line=number, cells=cells)
