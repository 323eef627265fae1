"""Tables of completions, CSV or XLSX, row by row: a file of any length takes the memory of one row."""

import csv
import io
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from typing import IO, Any
from zipfile import BadZipFile

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

Cells = Mapping[str, Any]
_Lines = Generator[tuple[int, Sequence[Any]], None, None]
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
MOST_COLUMNS = 200


class NotATable(ValueError):
    """The file cannot be read as a table of completions; the message says what to change."""


def rows_of(file: IO[bytes], *, name: str) -> Iterator[tuple[int, Cells]]:
    """Each row's line in the file (the headings are line 1) and its cells by our names of columns; empty rows are left
    out, columns that we do not know too. `name` ends in .csv or .xlsx.

    Raises NotATable, also in the middle of the file.
    """
    with closing(_of_workbook(file) if name.lower().endswith(".xlsx") else _of_csv(file)) as rows:
        try:
            _line, headings = next(rows)
        except StopIteration:
            raise NotATable("The file is empty.") from None
        places = _places(headings)
        missing = [column for column in NEEDED if column not in places]
        if missing:
            raise NotATable(f"There is no column {' and no column '.join(missing)}. The first line holds their names.")
        for line, row in rows:
            cells = {column: row[place] for column, place in places.items() if place < len(row)}
            if any(value not in (None, "") for value in cells.values()):
                yield line, cells


def count_of(file: IO[bytes], *, name: str) -> int:
    """How many lines `rows_of` will go through, at most, to show progress by; the file is at its beginning afterwards.

    Raises NotATable.
    """
    if name.lower().endswith(".xlsx"):
        sheet = _workbook(file).worksheets[0]
        count = int(sheet.max_row or 0)
    else:
        count = sum(1 for _line in file)
    file.seek(0)
    return max(count - 1, 0)


def _places(headings: Sequence[Any]) -> dict[str, int]:
    names = [" ".join(str(heading or "").replace("_", " ").split()).casefold() for heading in headings[:MOST_COLUMNS]]
    found = {}
    for column, spellings in COLUMNS.items():
        place = next((names.index(spelling) for spelling in spellings if spelling in names), None)
        if place is not None:
            found[column] = place
    return found


def _of_csv(file: IO[bytes]) -> _Lines:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        headings = text.readline()
        delimiter = max(",;\t", key=headings.count)
        yield 1, next(csv.reader([headings], delimiter=delimiter), [])
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        for row in reader:
            yield reader.line_num + 1, row
    except UnicodeDecodeError as error:
        raise NotATable("The file is not UTF-8. Save it as “CSV UTF-8”, or as XLSX.") from error
    except csv.Error as error:
        raise NotATable(f"The file is no CSV: {error}.") from error
    finally:
        with suppress(ValueError):  # the file may be closed by now
            text.detach()


def _of_workbook(file: IO[bytes]) -> _Lines:
    rows = _workbook(file).worksheets[0].iter_rows(values_only=True, max_col=MOST_COLUMNS)
    try:
        yield from enumerate(rows, start=1)
    except (KeyError, ValueError, SyntaxError) as error:  # a broken sheet inside of a sound archive
        raise NotATable("The file is a broken workbook. Save it again as XLSX, or as CSV.") from error


def _workbook(file: IO[bytes]) -> Any:
    """Read only, and formulas as the texts that they are: nothing is calculated here."""
    try:
        return openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError, SyntaxError) as error:
        raise NotATable("The file is no XLSX workbook. Save it again as XLSX, or as CSV.") from error
