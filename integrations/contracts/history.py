"""Historical files: a provider's own exports, read row by row as the facts that webhooks report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.contracts.bounds import Bounded, Id, Key, Line
from integrations.contracts.events import Event

Cells = Mapping[str, str]  # the texts of a row by our names of columns; a column that is not there is ""


class InvalidRow(ValueError):
    """A row cannot be read; the message says what to correct in the file."""


@dataclass(frozen=True, kw_only=True)
class KeyedEvent(Bounded):
    """An event with the key of its fact, which is the same in every file, list and run."""

    key: Key
    event: Event


@dataclass(frozen=True, kw_only=True)
class FileOffer(Bounded):
    """The offer of a row: the key under which a plan is mapped to it, and its title."""

    key: Id
    title: Line = ""


@dataclass(frozen=True, kw_only=True)
class ParsedRow:
    """A parsed row. `offer` is what its membership events are of, None where it names none.

    `claims` are offers that the row says the person has, without a sale. `skipped` says why it has no events,
    `question` what a person has to decide; events beside a question are applied all the same.
    """

    events: Sequence[KeyedEvent] = ()
    offer: FileOffer | None = None
    claims: Sequence[FileOffer] = ()
    skipped: str = ""
    question: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that is looked for: `headings` are the spellings that are known, as `core.text.plain_key` has them."""

    title: Any
    headings: Sequence[str]
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """One kind of file. `read` gets a row and the moment at which the file was exported; it raises InvalidRow.

    `dates` are the columns whose newest date shows when that was at the earliest. `marks` are columns of which a file
    of this kind has at least two; the kind without any is what all other files are.
    """

    title: Any
    columns: Mapping[str, Column]
    dates: Sequence[str]
    read: Callable[[Cells, datetime], ParsedRow]
    marks: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class HistoryFiles:
    """Exports of a provider, as its manifest declares them: the kinds by their keys, and how values are parsed.

    `names_of` gives what a heading may be known by, the best first. `read_date` gives the moment that a cell names,
    None where it names none. `command` is the one of `manage.py` that takes files of any length.
    """

    kinds: Mapping[str, FileKind]
    names_of: Callable[[str], Sequence[str]]
    read_date: Callable[[str], datetime | None]
    command: str
