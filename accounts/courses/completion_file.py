"""Tables of completions, CSV or XLSX, row by row: a file of any length takes the memory of one row."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import IO, Any

from core.tables.child import SECONDS, Unreadable, count_lines, read_lines

Cells = Mapping[str, Any]
# Each column with the headings under which it is found; "source" is what our own export calls the key.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "email": ("email", "e-mail", "email address", "student email", "correo"),
    "course": ("course", "course name", "course title", "curso"),
    "completed_on": ("completed on", "completion date", "date completed", "date", "fecha"),
    "name": ("name", "student name", "full name", "nombre"),
    "certificate_url": ("certificate url", "certificate", "certificado"),
    "activity": ("activity", "actividad"),
    "source": ("source", "submission", "id"),
}
NEEDED = ("email", "course", "completed_on")


class NotATable(ValueError):
    """The file cannot be read as a table of completions; the message says what to change."""


def rows_of(file: IO[bytes], *, name: str, seconds: float = SECONDS) -> Iterator[tuple[int, Cells]]:
    """Yield each row's line in the file (the headings are line 1) and its cells by our names of columns.

    Empty rows and unknown columns are left out. `name` ends in .csv or .xlsx; `seconds` is what reading alone may take.

    Raises NotATable, also in the middle of the file.
    """
    with closing(read_lines(file, kind=_kind(name), seconds=seconds)) as rows:
        try:
            _line, headings = next(rows, (0, None))
            if headings is None:
                raise NotATable("The file is empty.")
            places = _places(headings)
            missing = [column for column in NEEDED if column not in places]
            if missing:
                columns = " and no column ".join(missing)
                raise NotATable(f"There is no column {columns}. The first line holds their names.")
            for line, row in rows:
                cells = {column: row[place] for column, place in places.items() if place < len(row)}
                if any(value not in (None, "") for value in cells.values()):
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


def _places(headings: Sequence[Any]) -> dict[str, int]:
    names = [" ".join(str(heading or "").replace("_", " ").split()).casefold() for heading in headings]
    found = {}
    for column, spellings in COLUMNS.items():
        place = next((names.index(spelling) for spelling in spellings if spelling in names), None)
        if place is not None:
            found[column] = place
    return found
