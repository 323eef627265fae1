"""Read a CSV or XLSX file of somebody's, in a process of its own: `python -m core.tables.reading csv|xlsx < FILE`.

The formats are made of parts that can grow without end (an archive, XML, shared texts), and libraries trust them. So
the process that reads them has a limited time and memory, no settings, no secrets and no database; what it writes, a
line of JSON for each row that is not empty, is checked once more by `core.tables.child`. It knows no Django, so that it
starts quickly.
"""

import codecs
import csv
import io
import json
import os
import re
import resource
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from itertools import chain
from typing import IO, Any

from core.tables.bounds import (
    LONGEST_CELL,
    LONGEST_ROW,
    MOST_COLUMNS,
    MOST_LINES,
    TOO_LONG,
    Line,
    Uncalculated,
    Unreadable,
)
from core.tables.workbook import last_line_of, lines_of_workbook

MEMORY = 512 * 1024 * 1024  # bytes of address space; 50,000 rows need 35 MB, the largest shared texts most of it

UTF_8 = "utf-8-sig"
# What no text has: control letters, and a mark of UTF-16 in the middle of other text.
_NOT_IN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]|\xff\xfe|\xfe\xff")
_BLANK = re.compile("[\\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]*")
_QUOTED = re.compile('"[^"]*"')
_SEPARATOR = re.compile('"?sep=([,;\t])"?\r?\n?', re.IGNORECASE)

TOO_MANY_LINES = f"The file has more than {MOST_LINES:,} lines. Split it."
NO_TEXT = "The file is not UTF-8, UTF-16 or Windows-1252. Save it as “CSV UTF-8”, or as XLSX."
STRAY_QUOTE = 'The file is no CSV: a quotation mark (") is opened and not closed, or stands within a cell.'
TOO_HARD = "The file takes too much memory to be read. Split it, or save it as CSV."


def encoding_of(file: IO[bytes]) -> str:
    """Return the encoding in which a text file decodes cleanly: UTF-8, UTF-16, else Windows-1252.

    Raises Unreadable where there is none.
    """
    head = file.read(4096)
    file.seek(0)
    for encoding in _encodings(head):
        if _decodes(file, encoding):
            return encoding
    raise Unreadable(NO_TEXT)


def _encodings(head: bytes) -> tuple[str, ...]:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    for encoding, high, low in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if high.count(0) > len(high) / 2 and not low.count(0):  # without its mark: the high bytes of Western letters
            return (encoding,)
    return (UTF_8, "cp1252")


def _decodes(file: IO[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := file.read(1024 * 1024):
            text = decoder.decode(chunk)
            if encoding != UTF_8 and _NOT_IN_TEXT.search(text):
                return False
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    finally:
        file.seek(0)
    return True


def lines_of_csv(file: IO[bytes], encoding: str = "") -> Iterator[Line]:
    """Yield each row with the line in which it begins; headings may have line breaks, as any cell in quotes."""
    text = io.TextIOWrapper(file, encoding=encoding or encoding_of(file), newline="")
    source = _BoundedLines(text)
    csv.field_size_limit(LONGEST_CELL)
    line = 1
    try:
        first = _first_row(source)
        skipped, delimiter = 0, _delimiter("".join(first))
        if first and (stated := _SEPARATOR.fullmatch(first[0])):  # Excel's own line before the headings
            skipped, delimiter, first = 1, stated[1], []
        reader = csv.reader(chain(first, source), delimiter=delimiter, strict=True)
        line += skipped
        for row in reader:
            source.length = 0
            yield line, row
            line = skipped + reader.line_num + 1
    except UnicodeDecodeError as error:
        raise Unreadable(NO_TEXT) from error
    except csv.Error as error:
        if "field larger" in str(error):
            raise Unreadable(f"The file is no CSV: {error}.", line=line) from error
        raise Unreadable(STRAY_QUOTE, line=line) from error
    except Unreadable as error:
        raise Unreadable(str(error), line=line) from error


def _first_row(source: "_BoundedLines") -> list[str]:
    """Return the lines of the headings: a quote that was opened in one is closed in another."""
    lines, quotes = [], 0
    for line in source:
        lines.append(line)
        quotes += line.count('"')
        if not quotes % 2:
            break
    return lines


def _delimiter(headings: str) -> str:
    return max(",;\t", key=_QUOTED.sub("", headings).count)


class _BoundedLines:
    """The lines of a text; Unreadable where those of one row are too long together, as a quote that never ends is."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.length = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(LONGEST_ROW + 1):
            self.length += len(line)
            if self.length > LONGEST_ROW:
                raise Unreadable(TOO_LONG)
            yield line


def messages_of(lines: Iterable[Line]) -> Iterator[str]:
    for line, row in lines:
        if line > MOST_LINES:
            raise Unreadable(TOO_MANY_LINES)
        if text := encoded(line, row):
            yield text


def encoded(line: int, row: Sequence[Any]) -> str | None:
    """Return a row as JSON; None where it is empty and not the first. Raises Unreadable where it is too long."""
    if line > 1 and row.count(None) == len(row):  # of such a workbook may have a million
        return None
    width = min(len(row), MOST_COLUMNS)
    while width and row[width - 1] is None:  # a sheet's rows are filled up to the most columns
        width -= 1
    cells = [_cell(value) for value in row[:width]]
    if line > 1 and all(cell is None or (isinstance(cell, str) and _BLANK.fullmatch(cell)) for cell in cells):
        return None
    lengths = [len(cell) for cell in cells if isinstance(cell, str)]
    if lengths and (max(lengths) > LONGEST_CELL or sum(lengths) > LONGEST_ROW):
        raise Unreadable(TOO_LONG)
    return json.dumps([line, cells])


def _cell(value: Any) -> Any:
    if isinstance(value, Uncalculated):
        return {"formula": str(value)}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return value if value is None or isinstance(value, str | bool | float) else str(value)


def limit_process(seconds: int) -> None:
    """Bound this process; where the system knows such a limit."""
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes to a pipe, and to no file


def say(message: str) -> None:
    sys.stdout.write(f"{message}\n")


def main(kind: str, task: str, seconds: str) -> None:
    limit_process(int(seconds))
    file = os.fdopen(0, "rb", closefd=False)
    file.seek(0)
    try:
        if task == "count":
            say(json.dumps({"lines": last_line_of(file)}))
            return
        encoding = encoding_of(file) if kind == "csv" else UTF_8
        if encoding != UTF_8:
            say(json.dumps({"encoding": encoding}))
        for text in messages_of(lines_of_csv(file, encoding) if kind == "csv" else lines_of_workbook(file)):
            say(text)
        say(json.dumps({"end": True}))
    except Unreadable as error:
        say(json.dumps({"error": str(error), "line": error.line}))
    except (MemoryError, RecursionError):
        say(json.dumps({"error": TOO_HARD}))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # nothing is left to save, and Python's own clean-up takes a while
