"""Tables of completions, CSV or XLSX, row by row: a file of any length takes the memory of one row."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.courses.models import FileLayout
from core import spellings
from core.tables.child import SECONDS, Unreadable, count_lines, read_lines
from core.text import LINE, one_line, plain_key, without_zero_width

Cells = Mapping[str, Any]
Places = Mapping[str, int]
# "source" is what our own export calls the key.
COLUMNS = ("email", "course", "completed_on", "name", "certificate_url", "activity", "source")
NEEDED = ("email", "course", "completed_on")
_LONGEST_HEADING = 100


class NotATable(ValueError):
    """The file cannot be read as a table of completions; the message says what to change."""


class NoSuchColumn(NotATable):
    """A needed column was not found by its heading; staff may say which one it is."""


@dataclass(kw_only=True)
class Layout:
    """Where the columns of a file are, and how its dates are written. `headings` are the file's own."""

    headings: Sequence[str]
    places: Places
    date_format: str = ""
    notices: list[str] = field(default_factory=list)

    @property
    def day_first(self) -> bool | None:
        formats = FileLayout.DateFormat
        return {formats.DAY_FIRST.value: True, formats.MONTH_FIRST.value: False}.get(self.date_format)

    def remember(self) -> None:
        """Store the layout for the next file with the same headings."""
        FileLayout.objects.update_or_create(
            headings_digest=_digest(self.headings),
            defaults={"columns": dict(self.places), "date_format": self.date_format, "updated_at": timezone.now()},
        )

    def check(self) -> None:
        """Raise NoSuchColumn where a column that is needed has no place."""
        missing = [column for column in NEEDED if column not in self.places]
        if missing:
            columns = _(" and no column ").join(missing)
            raise NoSuchColumn(
                _("There is no column %(columns)s. The first line holds their names.") % {"columns": columns}
            )


def layout_of(file: IO[bytes], *, name: str, seconds: float = SECONDS) -> Layout:
    """Return the layout that staff chose for such headings, else the one that the headings say; a needed column may be
    missing. The file is at its beginning afterwards.

    Raises NotATable.
    """
    notices: list[str] = []
    try:
        with closing(read_lines(file, kind=_kind(name), seconds=seconds, notices=notices)) as rows:
            headings = next((_headings(row) for _line, row in rows if any(_headings(row))), None)
    except Unreadable as error:
        raise NotATable(str(error)) from error
    file.seek(0)
    if headings is None:
        raise NotATable(_("The file is empty."))
    found = Layout(headings=headings, places=_places(headings), notices=notices)
    stored = FileLayout.objects.filter(headings_digest=_digest(headings)).first()
    if stored is not None:
        found.places = {
            column: place
            for column, place in stored.columns.items()
            if column in COLUMNS and isinstance(place, int) and 0 <= place < len(headings)
        }
        found.date_format = stored.date_format
    return found


def rows_of(
    file: IO[bytes], *, name: str, seconds: float = SECONDS, layout: Layout | None = None
) -> Iterator[tuple[int, Cells]]:
    """Yield each row's line in the file (the headings are line 1) and its cells by our names of columns.

    Empty rows and unknown columns are left out. `name` ends in .csv or .xlsx; `seconds` is what reading alone may take.

    Without a `layout` the headings say which column is which. Raises NotATable, also in the middle of the file.
    """
    with closing(read_lines(file, kind=_kind(name), seconds=seconds)) as rows:
        try:
            headings = next((_headings(row) for _line, row in rows if any(_headings(row))), None)
            if headings is None:
                raise NotATable(_("The file is empty."))
            used = layout or Layout(headings=headings, places=_places(headings))
            used.check()
            for line, row in rows:
                cells = {column: row[place] for column, place in used.places.items() if place < len(row)}
                if not all(_is_blank(value) for value in cells.values()):
                    yield line, cells
        except Unreadable as error:
            raise NotATable(str(error)) from error


def count_of(file: IO[bytes], *, name: str) -> int:
    """Return how many lines `rows_of` will go through, at most, to show progress by; the file is at its beginning
    afterwards.

    Raises NotATable.
    """
    try:
        return max(count_lines(file, kind=_kind(name)) - 1, 0)
    except Unreadable as error:
        raise NotATable(str(error)) from error


def _kind(name: str) -> str:
    return "xlsx" if name.lower().endswith(".xlsx") else "csv"


def _headings(row: Sequence[Any]) -> list[str]:
    return [one_line(without_zero_width(str(cell or "")[:LINE]), _LONGEST_HEADING) for cell in row]


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not without_zero_width(value).strip())


def _places(headings: Sequence[str]) -> dict[str, int]:
    names = [plain_key(heading) for heading in headings]
    best = {column: spellings.first(column, names) for column in COLUMNS}
    return {column: names.index(name) for column, name in best.items() if name}


def _digest(headings: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([plain_key(heading) or heading for heading in headings]).encode()).hexdigest()
