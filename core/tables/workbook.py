"""Read an XLSX workbook, whose archive and XML are checked before a library trusts them. No Django."""

from collections.abc import Iterator
from typing import IO, Any
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from core.tables.bounds import MOST_COLUMNS, MOST_LINES, Line, Uncalculated, Unreadable

MOST_PARTS = 500  # members of a workbook's archive
LARGEST_PART = 10 * 1024 * 1024  # bytes unpacked; sheets and shared texts have limits of their own
LARGEST_TEXTS = 64 * 1024 * 1024
LARGEST_WORKBOOK = 512 * 1024 * 1024
MOST_RATIO = 250  # unpacked to packed, of what is large enough to matter
_LONGEST_PROLOG = 64 * 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # a workbook of before 2007, or one with a password

NO_WORKBOOK = "The file is no XLSX workbook. Save it again as XLSX, or as CSV."
BROKEN_WORKBOOK = "The file is a broken workbook. Save it again as XLSX, or as CSV."
LOCKED = "The workbook has a password, or is of an old kind (XLS). Save it as XLSX without a password, or as CSV."
TOO_LARGE = "The workbook is too large when it is unpacked. Split it, or save it as CSV."


def lines_of_workbook(file: IO[bytes]) -> Iterator[Line]:
    sheet = _first_sheet(file)
    sheet.reset_dimensions()  # what the sheet says of its size: rows beyond it would be lost, empty ones made up to it
    try:
        yield from enumerate(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS), start=1)
    except (KeyError, ValueError, SyntaxError, OSError, BadZipFile) as error:  # a broken sheet in a sound archive
        raise Unreadable(BROKEN_WORKBOOK) from error


def last_line_of(file: IO[bytes]) -> int:
    """Return the last line that the first sheet declares, for a progress bar: it may be wrong."""
    return min(int(_first_sheet(file).max_row or 0), MOST_LINES)


def _first_sheet(file: IO[bytes]) -> Any:
    """Read only, and formulas as their values were when the file was saved: nothing is calculated here."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException
    from openpyxl.worksheet import _read_only

    try:
        _check_archive(file)
        _read_only.WorkSheetParser = _parser()  # this process reads nothing else
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        return book.worksheets[0]
    except Unreadable:
        raise
    except (BadZipFile, InvalidFileException, LookupError, ValueError, TypeError, OSError, SyntaxError) as error:
        raise Unreadable(NO_WORKBOOK) from error


def _parser() -> Any:
    """Return openpyxl's parser of sheets, which with `data_only` cannot tell a formula without a value from nothing."""
    from openpyxl.worksheet import _reader

    class Parser(_reader.WorkSheetParser):
        def parse_cell(self, element: Any) -> Any:
            cell = super().parse_cell(element)
            formula = element.find(_reader.FORMULA_TAG) if cell["value"] is None else None
            if formula is not None and element.find(_reader.VALUE_TAG) is None:
                cell["value"] = Uncalculated(f"={formula.text or ''}"[:200])
            return cell

    return Parser


def _check_archive(file: IO[bytes]) -> None:
    """Raise Unreadable for an archive that is not to be opened, by its directory and the first lines of its parts.

    What the directory says of a size holds: no more of a part is unpacked than that.
    """
    if file.read(len(_OLE)) == _OLE:
        raise Unreadable(LOCKED)
    file.seek(0)
    with ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_PARTS:
            raise Unreadable(TOO_LARGE)
        if any(part.flag_bits & 0x1 for part in parts):
            raise Unreadable(LOCKED)
        unpacked = sum(part.file_size for part in parts)
        packed = sum(part.compress_size for part in parts)
        if unpacked > LARGEST_WORKBOOK or any(part.file_size > _most_of(part) for part in parts):
            raise Unreadable(TOO_LARGE)
        if unpacked > LARGEST_PART and unpacked > packed * MOST_RATIO:
            raise Unreadable(TOO_LARGE)
        for part in parts:
            if part.filename.lower().endswith((".xml", ".rels", ".vml")):
                with archive.open(part) as content:
                    _check_prolog(content)
    file.seek(0)


def _most_of(part: ZipInfo) -> int:
    name = part.filename.lower()
    if "sharedstrings" in name:
        return LARGEST_TEXTS
    return LARGEST_WORKBOOK if "worksheets/" in name else LARGEST_PART


class _Root(Exception):
    """The first element began: no document type can come any more."""


def _check_prolog(content: IO[bytes]) -> None:
    """Raise Unreadable where XML declares a document type: entities come with it, and a workbook needs none."""

    def refuse(*arguments: object) -> None:
        raise Unreadable(NO_WORKBOOK)

    def end(*arguments: object) -> None:
        raise _Root

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = end
    try:
        for _ in range(_LONGEST_PROLOG // 1024):
            chunk = content.read(1024)
            parser.Parse(chunk, not chunk)
            if not chunk:
                return
    except _Root:
        return
    except expat.ExpatError as error:
        raise Unreadable(NO_WORKBOOK) from error
    raise Unreadable(NO_WORKBOOK)
