"""Files that are made to hurt whoever reads them: each is refused in words, and nothing of its reader is left."""

import io
import os
import struct
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from accounts.courses.tests.tables import csv_of, xlsx_of
from core.tables import bounds, child, reading
from core.tables import workbook as workbook_reader
from core.tables.child import Unreadable, count_lines, read_lines

HEADINGS = ("email", "course", "completed_on")
GOOD = xlsx_of([("jane@example.com", "A", "2026-03-01")], headings=HEADINGS)


def read(content: bytes, kind: str = "xlsx", **options: Any) -> list[Any]:
    return list(read_lines(io.BytesIO(content), kind=kind, **options))


def workbook(changes: dict[str, bytes | None], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A sound workbook with some of its parts replaced, added or (None) left out."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as good, zipfile.ZipFile(content, "w", method) as changed:
        parts = {name: good.read(name) for name in good.namelist()} | changes
        for name, data in parts.items():
            if data is not None:
                changed.writestr(name, data)
    return content.getvalue()


def sheet(rows: bytes, *, dimension: bytes = b"A1:C2") -> bytes:
    return workbook(
        {
            "xl/worksheets/sheet1.xml": b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            b'<dimension ref="%s"/><sheetData>%s</sheetData></worksheet>' % (dimension, rows)
        }
    )


def texts(items: bytes) -> bytes:
    opening = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    return workbook({"xl/sharedStrings.xml": opening + items + b"</sst>"})


def with_flag_of_encryption(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = len(archive.namelist())
    changed, at = bytearray(content), 0
    for _ in range(names):
        at = changed.index(b"PK\x01\x02", at) + 4
        flags = struct.unpack_from("<H", changed, at + 4)[0]
        struct.pack_into("<H", changed, at + 4, flags | 1)
    return bytes(changed)


def with_less_than_it_says(content: bytes) -> bytes:
    """A directory that says that each part is small: what it unpacks to is not."""
    changed, at = bytearray(content), 0
    while (at := changed.find(b"PK\x01\x02", at)) >= 0:
        struct.pack_into("<I", changed, at + 24, 100)
        at += 4
    return bytes(changed)


BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a "haha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><sst>&j;</sst>"
)
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]><worksheet>&x;</worksheet>'
IN_UTF_16 = EXTERNAL.decode().replace("1.0", '1.0" encoding="UTF-16').encode("utf-16")
FULL_ROWS = b"".join(b'<row r="%d">%s</row>' % (n, b"<c><v>1</v></c>" * 16_384) for n in range(1, 5))

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip bomb": (lambda: workbook({"xl/media/a.bin": b"\0" * 50_000_000}), workbook_reader.TOO_LARGE),
    "bomb in the sheet": (lambda: sheet(b" " * 60_000_000), workbook_reader.TOO_LARGE),
    "bomb that lies about its size": (lambda: with_less_than_it_says(sheet(b" " * 60_000_000)), ""),
    "many parts": (lambda: workbook({f"xl/media/{n}": b"" for n in range(600)}), workbook_reader.TOO_LARGE),
    "huge styles": (lambda: workbook({"xl/styles.xml": os.urandom(11_000_000)}), workbook_reader.TOO_LARGE),
    "billion laughs": (lambda: workbook({"xl/sharedStrings.xml": BILLION_LAUGHS}), workbook_reader.NO_WORKBOOK),
    "entities after a comment": (
        lambda: workbook({"xl/sharedStrings.xml": b"<!--%s-->" % (b"x" * 20_000) + BILLION_LAUGHS[21:]}),
        workbook_reader.NO_WORKBOOK,
    ),
    "external entity": (lambda: workbook({"xl/worksheets/sheet1.xml": EXTERNAL}), workbook_reader.NO_WORKBOOK),
    "entities in another encoding": (
        lambda: workbook({"xl/workbook.xml": IN_UTF_16}),
        workbook_reader.NO_WORKBOOK,
    ),
    "huge shared texts": (
        lambda: texts(b"<si><t>%s</t></si>" % (b"0123456789abcdef" * 4_300_000)),
        workbook_reader.TOO_LARGE,
    ),
    "a long text": (
        lambda: sheet(b'<row r="1"><c t="inlineStr"><is><t>%s</t></is></c></row>' % os.urandom(20_000).hex().encode()),
        bounds.TOO_LONG,
    ),
    "a nested archive": (lambda: workbook(dict.fromkeys(("xl/workbook.xml",)) | {"a.xlsx": GOOD}), ""),
    "a workbook in an archive": (lambda: workbook({"[Content_Types].xml": GOOD}), workbook_reader.NO_WORKBOOK),
    "no archive": (lambda: os.urandom(5000), workbook_reader.NO_WORKBOOK),
    "nothing": (lambda: b"", workbook_reader.NO_WORKBOOK),
    "encrypted": (lambda: with_flag_of_encryption(GOOD), workbook_reader.LOCKED),
    "with a password": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000, workbook_reader.LOCKED),
    "cut off": (lambda: GOOD[: len(GOOD) // 2], workbook_reader.NO_WORKBOOK),
    "a broken sheet": (lambda: sheet(b'<row r="1"><c><v>1</v></c></row><row r='), workbook_reader.BROKEN_WORKBOOK),
    "without a sheet": (lambda: workbook({"xl/worksheets/sheet1.xml": None}), ""),
    "a row that is far away": (
        lambda: sheet(b'<row r="1"><c><v>1</v></c></row><row r="999999999"><c r="A999999999"><v>1</v></c></row>'),
        reading.TOO_MANY_LINES,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_workbook_is_refused(name: str) -> None:
    make, words = HOSTILE[name]
    content = make()
    with pytest.raises(Unreadable) as refused:
        read(content)
    assert words in str(refused.value)
    assert "passwd" not in str(refused.value)
    with suppress(Unreadable):  # some show it when their rows are read, not before
        assert count_lines(io.BytesIO(content), kind="xlsx") <= bounds.MOST_LINES
    assert no_reader_is_left()


def no_reader_is_left() -> bool:
    return not [one for one in psutil.Process().children() if "core.tables.reading" in one.cmdline()]


def test_sheet_that_says_it_is_as_large_as_can_be_is_read_for_what_it_holds() -> None:
    content = sheet(b'<row r="1"><c r="A1"><v>5</v></c></row>', dimension=b"A1:XFD1048576")
    assert read(content) == [(1, ["5"])]
    assert count_lines(io.BytesIO(content), kind="xlsx") == bounds.MOST_LINES


def test_columns_beyond_the_most_are_left_out() -> None:
    lines = read(sheet(FULL_ROWS))
    assert (len(lines), {len(cells) for _line, cells in lines}) == (4, {bounds.MOST_COLUMNS})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x" * 1_000_000, bounds.TOO_LONG),
        (b"email,course\n" + b"x" * 1_000_000, bounds.TOO_LONG),
        (b"email,course\n" + b'"x\n' * 300_000, ""),
        (b"email,course\n" + b'"x\n",' * 300_000, bounds.TOO_LONG),
        (b"email,course\n" + b"x" * 40_000, "field larger than field limit"),
        (b"email,course\n\xff\xfe", "not UTF-8"),
    ],
    ids=["first line", "line", "quote", "row of many lines", "field", "bytes"],
)
def test_hostile_csv_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=None) as refused:
        read(content, "csv")
    assert words in str(refused.value)
    assert no_reader_is_left()


def test_more_lines_than_a_sheet_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_LINES", 3)
    lines = list(reading.lines_of_csv(io.BytesIO(b"a\n1\n2\n")))
    assert len(list(reading.messages_of(lines))) == 3
    with pytest.raises(Unreadable, match="lines"):
        list(reading.messages_of([*lines, (4, ["3"])]))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_reader_is_ended_when_nobody_reads_on(kind: str) -> None:
    make = csv_of if kind == "csv" else xlsx_of
    content = make([("jane@example.com", "A", "2026-03-01")] * 3000, headings=HEADINGS)
    rows = read_lines(io.BytesIO(content), kind=kind)
    assert next(rows) == (1, list(HEADINGS))
    assert not no_reader_is_left()
    rows.close()
    assert no_reader_is_left()


def test_reader_that_is_too_slow_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    began = subprocess.Popen

    def sleeping(command: list[str], **options: Any) -> Any:
        return began([command[0], "-c", "import time; time.sleep(600)", "core.tables.reading"], **options)

    monkeypatch.setattr(child.subprocess, "Popen", sleeping)
    with pytest.raises(Unreadable, match="too long"):
        read(GOOD, seconds=0.3)
    assert no_reader_is_left()


def test_reader_has_a_limit_of_time_and_memory_and_no_secrets() -> None:
    content = csv_of([("x" * 100, "A", "2026-03-01")] * 20_000, headings=HEADINGS)
    rows = read_lines(io.BytesIO(content), kind="csv", seconds=7)
    next(rows)
    (reader,) = [one for one in psutil.Process().children() if "core.tables.reading" in one.cmdline()]
    limits = Path(f"/proc/{reader.pid}/limits").read_text()
    environment = reader.environ()
    rows.close()
    assert f"Max address space         {reading.MEMORY}" in limits
    assert "Max cpu time              8" in limits
    assert "Max file size             0" in limits
    assert set(environment) <= {"PATH", "PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}


def test_reader_that_dies_without_a_word_is_no_end_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    began = subprocess.Popen

    def dying(command: list[str], **options: Any) -> Any:
        program = "import os, sys; print('[1, [\"email\"]]'); sys.stdout.flush(); os.kill(os.getpid(), 9)"
        return began([command[0], "-c", program], **options)

    monkeypatch.setattr(child.subprocess, "Popen", dying)
    rows = read_lines(io.BytesIO(GOOD), kind="xlsx")
    assert next(rows) == (1, ["email"])
    with pytest.raises(Unreadable):
        next(rows)


def test_few_readers_run_at_a_time() -> None:
    content = csv_of([("x", "A", "2026-03-01")] * 20_000, headings=HEADINGS)
    open_ones = [read_lines(io.BytesIO(content), kind="csv") for _ in range(2)]
    for rows in open_ones:
        next(rows)
    with pytest.raises(Unreadable, match="Other files"):
        read(content, "csv", seconds=0.1)
    for rows in open_ones:
        rows.close()
    assert len(read(content, "csv")) == 20_001


def test_files_are_read_in_any_thread() -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(read(GOOD)))
    thread.start()
    thread.join()
    assert [line for line, _cells in found] == [1, 2]


def test_a_slow_caller_does_not_use_up_the_readers_time() -> None:
    rows = read_lines(io.BytesIO(GOOD), kind="xlsx", seconds=5)
    next(rows)
    before = time.monotonic
    try:
        child.time.monotonic = lambda: before() + 100  # type: ignore[assignment]
        assert next(rows)[0] == 2
    finally:
        child.time.monotonic = before  # type: ignore[assignment]
