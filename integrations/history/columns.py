"""Mapping of a file's columns to ours, and reading of cells."""

from collections import Counter
from collections.abc import Mapping, Sequence

from core.tables.cells import without_apostrophe
from core.text import one_line
from integrations.contracts.history import Cells, FileKind, HistoryFiles

Places = Mapping[str, int]  # our name of a column → its place in the file, from 0
_MARKS_AT_LEAST = 2
_LONGEST = 4000  # letters of a cell: of a list of tags, the longest, a cut one would name other tags


def kind_of(headings: Sequence[str], files: HistoryFiles) -> str:
    """Return the kind of file that these headings are of."""
    other = next(iter(files.kinds))
    for key, kind in files.kinds.items():
        if kind.marks and len(kind.marks & matched(headings, kind, files).keys()) >= _MARKS_AT_LEAST:
            return key
        other = other if kind.marks else key
    return other


def matched(headings: Sequence[str], kind: FileKind, files: HistoryFiles) -> dict[str, int]:
    """Return the place of each column that is found by a known heading. Of two that fit, the first spelling counts,
    then the whole heading before a part of it, then the first place; no place is two columns.
    """
    names = [list(files.names_of(heading)) for heading in headings]
    found: dict[str, int] = {}
    for column, about in kind.columns.items():
        place = _place(names, about.headings, taken=set(found.values()))
        if place is not None:
            found[column] = place
    return found


def missing(kind: FileKind, places: Places) -> list[str]:
    """Return our names of the columns without which nothing can be read and that have no place."""
    return [name for name, column in kind.columns.items() if column.required and name not in places]


def what_is_missing(headings: Sequence[str], kind: FileKind, places: Places) -> str:
    """Return what to say where columns are missing: what is there, and what is expected; "" where none is."""
    lacking = missing(kind, places)
    if not lacking:
        return ""
    expected = "; ".join(f"{name} (for example {', '.join(kind.columns[name].headings[:4])})" for name in lacking)
    there = ", ".join(heading or "–" for heading in headings[:40]) or "none"
    return f"There is no column for {expected}. The headings found are: {there}."


def doubled(headings: Sequence[str], places: Places) -> list[str]:
    """Return the headings that stand more than once and of which one was taken."""
    count = Counter(heading.casefold() for heading in headings)
    taken = (headings[place] for place in places.values() if place < len(headings))
    return sorted({heading for heading in taken if count[heading.casefold()] > 1})


def cells_of(raw: Mapping[str, str], kind: FileKind, places: Places) -> Cells:
    """Return a row's texts by our names of columns. An apostrophe that keeps a spreadsheet from calculating goes."""
    return {
        name: without_apostrophe(raw.get(str(places[name]), "")).strip() if name in places else ""
        for name in kind.columns
    }


def as_stored(row: Sequence[object]) -> dict[str, str]:
    """Return the texts of a line by their places, empty ones left out, each at most one line of _LONGEST letters."""
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
            for place, known_by in enumerate(names):
                if place not in taken and known_by[rank : rank + 1] == [spelling]:
                    return place
    return None
