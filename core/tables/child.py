"""The rows of an uploaded CSV or XLSX file, read by a process that may fail, hang or grow without harm to this one.

It works the same in a web server's thread, a worker's child and a command: a plain subprocess, with the file as its
standard input and nothing of our environment.
"""

import io
import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext, gettext_lazy

from core.tables.bounds import LONGEST_ROW, MOST_COLUMNS, Uncalculated, Unreadable
from core.tables.reading import TOO_HARD

__all__ = ["Uncalculated", "Unreadable", "count_lines", "read_lines"]

SECONDS = 20  # of waiting for the reader, in a request that a person waits for
_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_LINE = 12 * LONGEST_ROW + 100 * MOST_COLUMNS  # of JSON, which may escape each character twice over
_AT_A_TIME = threading.BoundedSemaphore(2)  # readers of one process: each may take its whole memory
_ENCODINGS = {"cp1252": "Windows-1252"}
_NOTICE = gettext_lazy(
    "The file is not UTF-8: it was read as %(encoding)s. Look at letters like é and ñ before you confirm."
)
TOO_SLOW = "The file takes too long to be read. Split it, or save it as CSV."
BUSY = "Other files are being read. Please try it again in a minute."


def read_lines(
    file: IO[bytes], *, kind: str, seconds: float = SECONDS, notices: list[str] | None = None
) -> Generator[tuple[int, Sequence[Any]]]:
    """Yield the number and the cells of each line that is not empty; the first one always. `kind` is csv or xlsx.

    What staff should know of how it was read is added to `notices` before the first line. A formula that was saved
    without its value is Uncalculated.

    The reader is ended with the generator. Raises Unreadable, also in the middle of the file: it is not a table, or
    needs more than `seconds` (which do not count while the caller works on a row) or more memory than a reader has.
    """
    with closing(messages(file, kind=kind, task="rows", seconds=seconds)) as received:
        for message in received:
            if isinstance(message, list):
                yield message[0], [_decoded(cell) for cell in message[1]]
            elif "encoding" in message and notices is not None:
                notices.append(str(_NOTICE) % {"encoding": _ENCODINGS.get(message["encoding"], "UTF-16")})
            elif "end" in message:
                return
    raise Unreadable(TOO_HARD)  # it was ended by one of its limits


def count_lines(file: IO[bytes], *, kind: str, seconds: float = SECONDS) -> int:
    """Return about how many lines there are; the file is at its beginning afterwards. Raises Unreadable."""
    if kind == "csv":
        file.seek(0)
        count = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1024 * 1024), b""))
        file.seek(0)
        return count
    with closing(messages(file, kind=kind, task="count", seconds=seconds)) as received:
        for message in received:
            if isinstance(message, dict) and "lines" in message:
                file.seek(0)
                return int(message["lines"])
    raise Unreadable(TOO_HARD)


def _decoded(cell: Any) -> Any:
    if not isinstance(cell, dict):
        return cell
    (kind, text), *_ = cell.items()
    if kind == "formula":
        return Uncalculated(text)
    return date.fromisoformat(text) if kind == "date" else datetime.fromisoformat(text)


def messages(
    file: IO[bytes], *, kind: str, task: str, seconds: float, module: str = "core.tables.reading"
) -> Generator[Any]:
    """Yield the messages of the reader `module` about a file, a JSON value a line. Raises Unreadable for an error."""
    if not _AT_A_TIME.acquire(timeout=seconds):
        raise Unreadable(BUSY)
    try:
        with (
            _as_descriptor(file) as descriptor,
            closing(_of_reader(descriptor, [module, kind, task, str(int(seconds) + 1)], seconds)) as received,
        ):
            yield from received
    finally:
        _AT_A_TIME.release()


def _of_reader(descriptor: int, command: list[str], seconds: float) -> Generator[Any]:
    reader = subprocess.Popen(  # noqa: S603 (nothing of the command comes from outside)
        [sys.executable, "-m", *command],
        cwd=_ROOT,
        env={"PATH": os.defpath, "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=descriptor,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a traceback may quote the file
    )
    try:
        assert reader.stdout is not None
        for line in _lines(reader.stdout.fileno(), seconds):
            message = json.loads(line)
            if isinstance(message, dict) and "error" in message:
                raise _refusal(str(message["error"]), int(message.get("line", 0)))
            yield message
    finally:
        reader.kill()
        reader.wait()
        if reader.stdout is not None:
            reader.stdout.close()


def _refusal(text: str, line: int) -> Unreadable:
    """Return the reader's refusal, which knows no languages, in the one of who reads it."""
    where = gettext("See line %(line)d.") % {"line": line} if line else ""
    return Unreadable(f"{gettext(text)} {where}".strip(), line=line)


def _lines(descriptor: int, seconds: float) -> Iterator[bytes]:
    """Yield whole lines as they come. Raises Unreadable where all pauses together or a line are too long."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            asked = time.monotonic()
            if not selector.select(timeout=max(seconds, 0.0)):
                raise Unreadable(TOO_SLOW)
            seconds -= time.monotonic() - asked
            chunk = os.read(descriptor, 64 * 1024)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                raise Unreadable(TOO_HARD)
            yield from lines


@contextmanager
def _as_descriptor(file: IO[bytes]) -> Iterator[int]:
    """Yield a descriptor of a seekable file, as the reader's standard input must be."""
    try:
        yield file.fileno()
    except io.UnsupportedOperation:
        with tempfile.TemporaryFile() as copy:
            file.seek(0)
            while chunk := file.read(1024 * 1024):
                copy.write(chunk)
            copy.flush()
            yield copy.fileno()
