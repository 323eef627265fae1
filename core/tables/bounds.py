"""Bounds of a table that a stranger made. No Django: the reader starts quickly."""

from collections.abc import Sequence
from typing import Any

MOST_LINES = 1_048_576  # as many as a sheet of Excel has
MOST_COLUMNS = 200
LONGEST_CELL = 32_767  # characters, as in Excel
LONGEST_ROW = 256 * 1024  # characters of all cells of a row

TOO_LONG = f"A row has more than {LONGEST_ROW:,} characters, or a cell more than {LONGEST_CELL:,}."

Line = tuple[int, Sequence[Any]]


class Unreadable(ValueError):
    """The file cannot be read; the message says what to change, `line` where the row in question begins (0: none)."""

    def __init__(self, message: str, *, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class Uncalculated(str):
    """A formula that was saved without its value."""
