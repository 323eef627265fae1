"""The file that LOG_FILE names: for our user alone, shared by all processes, and never why something else fails."""

import io
import logging
import os
import sys
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def prepared(name: str) -> str:
    """Return the whole path of a log file that can be written; its folder and it are made, for our user alone.

    "" for an empty name: lines go to stderr then. Raises ImproperlyConfigured, naming LOG_FILE.
    """
    if not name.strip():
        return ""
    path = Path(name.strip()).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _opened(path).close()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ImproperlyConfigured(
            f"LOG_FILE={name!r}: no log can be written there ({error}). "
            "Name a file in a folder of this user's, or nothing, for stderr."
        ) from None
    return str(path)


class LogFile(WatchedFileHandler):
    """Appends each line by one write, so that no process overwrites or splits another one's.

    The file may be moved away at any time, which the next line notices (logrotate; without `copytruncate`, which loses
    what is written meanwhile). Where a line cannot be written it goes to stderr: logging's own handler would raise.
    """

    def __init__(self, filename: str) -> None:
        super().__init__(filename, delay=True)

    def emit(self, record: logging.LogRecord) -> None:
        line = ""
        try:
            line = self.format(record)
            self._append(f"{line}\n".encode("utf-8", "backslashreplace"))
        except Exception as error:  # noqa: BLE001 (as logging's own handlers do it, but for those of files)
            with suppress(OSError, ValueError, AttributeError):  # no stderr, or a closed one
                sys.stderr.write(f"{line} not_in_log_file={type(error).__name__}\n")

    def _append(self, data: bytes) -> None:
        self.reopenIfNeeded()
        if self.stream is None:
            self.stream = self._open()
            self._statstream()
        number = self.stream.fileno()
        while data:
            data = data[os.write(number, data) :]

    def _open(self) -> Any:
        return _opened(self.baseFilename)  # logging closes and flushes it, and asks for its number


def _opened(path: str | Path) -> io.FileIO:
    return io.FileIO(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))
