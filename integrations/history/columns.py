"""Mapping of a file's columns to ours, and reading of cells."""

from collections import Counter
from collections.abc import Mapping, Sequence

from core.tables.cells import without_apostrophe
from core.text import one_line
from integrations.contracts.history import Cells, FileKind, HistoryFiles

Places = Mapping[str, int]  # name of a column → its place in the file, from 0
_MIN_MARKS = 2
_LONGEST = 4000  # letters of a cell; a cut list of tags, the longest kind, would name other tags


def kind_of(headings: Sequence[str], files: HistoryFiles) -> str:
    """Return the kind of a file by its headings."""
    default = next(iter(files.kinds))
    for key, kind in files.kinds.items():
        if kind.marks and len(kind.marks & match_columns(headings, kind, files).keys()) >= _MIN_MARKS:
            return key
        default = default if kind.marks else key
    return default


def match_columns(headings: Sequence[str], kind: FileKind, files: HistoryFiles) -> dict[str, int]:
    """Return the place of each column with a known heading. Of several matches the first spelling counts, then the
    whole heading before a part of it, then the first place; no place serves two columns.
    """
    names = [list(files.names_of(heading)) for heading in headings]
    places: dict[str, int] = {}
    for name, column in kind.columns.items():
        place = _place(names, column.headings, taken=set(places.values()))
        if place is not None:
            places[name] = place
    return places


def missing_columns(kind: FileKind, places: Places) -> list[str]:
    """Return the names of the needed columns that have no place."""
    return [name for name, column in kind.columns.items() if column.required and name not in places]


def problem_with_columns(headings: Sequence[str], kind: FileKind, places: Places) -> str:
    """Return the message about missing columns, with the present and expected headings; "" where none is missing."""
    lacking = missing_columns(kind, places)
    if not lacking:
        return ""
    expected = "; ".join(f"{name} (for example {', '.join(kind.columns[name].headings[:4])})" for name in lacking)
    present = ", ".join(heading or "–" for heading in headings[:40]) or "none"
    return f"There is no column for {expected}. The headings found are: {present}."


def duplicate_headings(headings: Sequence[str], places: Places) -> list[str]:
    """Return the headings that occur more than once and of which one is used."""
    count = Counter(heading.casefold() for heading in headings)
    used = (headings[place] for place in places.values() if place < len(headings))
    return sorted({heading for heading in used if count[heading.casefold()] > 1})


def cells_of(raw: Mapping[str, str], kind: FileKind, places: Places) -> Cells:
    """Return a row's texts by the names of columns, without the apostrophe that keeps spreadsheets from calculating."""
    return {
        name: without_apostrophe(raw.get(str(places[name]), "")).strip() if name in places else ""
        for name in kind.columns
    }


def as_stored(row: Sequence[object]) -> dict[str, str]:
    """Return the texts of a line by their places, without empty ones, each one line of at most _LONGEST letters."""
    texts = ((str(place), _text(value)) for place, value in enumerate(row))
    return {place: text for place, text in texts if text}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a workbook's number: an id, in most cases
    return one_line(value.isoformat() if hasattr(value, "isoformat") else str(value), _LONGEST)


def _place(names: Sequence[Sequence[str]], spellings: Sequence[str], *, taken: set[int]) -> int | None:
    for spelling in spellings:
        for rank in range(2):
            for place, names_of_heading in enumerate(names):
                if place not in taken and names_of_heading[rank : rank + 1] == [spelling]:
                    return place
    return None
