"""A timeline of rows of many models, read in one query: topics register what they add to it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, BooleanField, DateTimeField, F, QuerySet, TextField, Value
from django.db.models.functions import Cast

from core import phrases
from core.console.links import NOTHING, moment, shortened
from core.prefix import at_most

SHOWN = 40  # entries of a page
CAUSE = 200  # letters of a cause; the page of the row has the whole
READ = 2 * SHOWN  # rows of a sort: entries of one moment are never torn apart
_COLUMNS = ("sort", "key", "at", "event", "first", "second", "third", "fourth", "is_open")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row as its source reads it; `texts` are its four texts, "" where there is none."""

    key: int
    at: datetime
    event: int | None
    texts: tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """`url` is the page of the row, `cause` what made it or what is wrong, and `reason` what staff gave as the
    reason, both as they are stored, `cause_url` the page of the cause, `state` a badge.

    `is_open`: somebody has to do something about it; it stands above the timeline, however old it is.
    """

    at: datetime
    sort: Any
    title: Any
    url: str = ""
    state: Any = ""
    cause: str = ""
    reason: str = ""
    cause_url: str = ""
    is_open: bool = False

    @property
    def at_shown(self) -> Any:
        return moment(self.at)

    @property
    def cause_shown(self) -> Any:
        return shortened(": ".join(phrases.shown(text) for text in (self.cause, self.reason) if text), CAUSE) or NOTHING


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows of one model about a person, for whoever has `permission`.

    `rows(person)` returns them by an index, or None where there can be none. `at`, `event` and `texts` are names of
    columns, a text may be an expression; `opened(person)` returns those that are open. `entry` shows a row.
    """

    permission: str
    rows: Callable[[Any], QuerySet[Any] | None]
    at: str
    texts: tuple[Any, Any, Any, Any]
    entry: Callable[[Row], Entry]
    event: str = ""
    opened: Callable[[Any], Iterable[QuerySet[Any]]] = lambda person: ()


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Entries, newest first. `before` is where the next page begins, None on the last."""

    entries: Sequence[Entry]
    opened: Sequence[Entry]
    before: datetime | None


_sources: list[Source] = []


def register(*sources: Source) -> None:
    _sources.extend(sources)


def read(person: Any, user: Any, *, before: datetime | None = None) -> Timeline:
    """Return what happened to a person earlier than `before`, as far as `user` may see it."""
    ways = [way for sort in range(len(_sources)) for way in _ways(sort, person, user, before)]
    rows = list(ways[0].union(*ways[1:], all=True)) if ways else []
    rows.sort(key=lambda row: (row[2], row[0], row[1]), reverse=True)
    past = [row for row in rows if not row[-1]]
    shown = [row for place, row in enumerate(past) if place < SHOWN or row[2] == past[SHOWN - 1][2]]
    return Timeline(
        entries=[_entry(row) for row in shown],
        opened=[_entry(row, is_open=True) for row in rows if row[-1]],
        before=shown[-1][2] if len(past) > len(shown) else None,
    )


def _ways(sort: int, person: Any, user: Any, before: datetime | None) -> Iterator[QuerySet[Any, Any]]:
    source = _sources[sort]
    rows = source.rows(person) if user.has_perm(source.permission) else None
    if rows is None:
        return
    earlier = rows.filter(**{f"{source.at}__lt": before}) if before else rows
    yield _columns(sort, source, earlier.order_by(f"-{source.at}", "-pk"), limit=READ, is_open=False)
    for opened in source.opened(person):
        yield _columns(sort, source, opened.order_by("-pk"), limit=SHOWN, is_open=True)


def _columns(sort: int, source: Source, rows: QuerySet[Any], *, limit: int, is_open: bool) -> QuerySet[Any, Any]:
    texts = [Cast(text, TextField()) for text in source.texts]
    event = F(source.event) if source.event else Value(None, BigIntegerField())
    values = (
        *(Value(sort), F("pk"), Cast(F(source.at), DateTimeField()), Cast(event, BigIntegerField())),
        *texts,
        Value(is_open, BooleanField()),
    )
    named = {f"entry_{name}": value for name, value in zip(_COLUMNS, values, strict=True)}
    return at_most(rows, limit).annotate(**named).values_list(*named)


def _entry(row: tuple[Any, ...], *, is_open: bool = False) -> Entry:
    sort, key, at, event, *texts, _is_open = row
    first, second, third, fourth = (text or "" for text in texts)
    shown = _sources[sort].entry(Row(key=key, at=at, event=event, texts=(first, second, third, fourth)))
    return shown if not is_open else replace(shown, is_open=True)
