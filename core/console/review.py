"""Questions to staff as one list: topics register kinds of them here, the page *Review* shows them one by one.

A question is a row of its topic, open while it is among the rows of its kind, and a decision is an action of that row's
pages. So nothing is stored here, nothing is decided here, and a question whose cause ends is gone by itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.db.models import F, Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.forms import Form
from django.urls import reverse

from core.console.actions import AboutRows, Action
from core.console.links import moment
from core.console.one_statement import AT_MOST, count_all
from core.prefix import at_most

SHOWN = 30  # questions in the list


class Weight(IntEnum):
    """Cost of an open question to somebody: the order of the kinds."""

    ACCESS = 0
    POINTS = 1
    RECORDS = 2


@dataclass(frozen=True, kw_only=True)
class Decision:
    """An action of the row's pages that answers the question, by the letter `key`.

    `undo` says before the decision whether and how it can be taken back; `undo_by` are the actions that do it.
    """

    action: str
    key: str
    undo: Any
    undo_by: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A decision that evidence speaks for: its action, that evidence, and what is filled into the action's form."""

    action: str
    reason: Any
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Rule that a decision stores, which decides later cases by itself; `url` is the list of such rules."""

    text: Any
    url: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question as the page shows it: `lines` are labels with a value for each of the sides in `heads`, whose
    differences are marked, and `facts` are labels and values of the question itself.

    `suggestion` is there only where evidence speaks for one decision. `rules` are by the name of the action that stores
    them.
    """

    title: Any
    heads: Sequence[Any]
    lines: Sequence[tuple[Any, Sequence[Any]]]
    facts: Sequence[tuple[Any, Any]] = ()
    why: Any = ""
    suggestion: Suggestion | None = None
    rules: Mapping[str, Rule] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of question about rows of `model`, for whoever has `permission`.

    `key` is also that of the item of *Needs attention* about the same rows. `rows` returns the open ones, by an index.
    Those that are `urgent` come before all others; `occurred` is the column of the moment since when, and `about` the
    column or expression of the person or thing in the list. `show` makes the question of a row; `url` returns the
    list of the rows.
    """

    key: str
    label: Any
    model: type[Model]
    permission: str
    weight: Weight
    rows: Callable[[], QuerySet[Any]]
    occurred: str
    about: Any
    show: Callable[[Any], Question]
    decisions: Sequence[Decision]
    url: Callable[[], str]
    urgent: Q | None = None

    def open_row(self, key: int) -> Any:
        """Return the row of an open question; None where it is none, or none any more."""
        return self.rows().filter(pk=key).first() if key < 2**63 else None

    @property
    def about_expression(self) -> Any:
        return Cast(F(self.about) if isinstance(self.about, str) else self.about, TextField())

    @property
    def parts(self) -> Iterator[tuple[bool, QuerySet[Any]]]:
        """Yield the urgent rows and the others, each with whether they are urgent."""
        if self.urgent is None:
            yield False, self.rows()
        else:
            yield True, self.rows().filter(self.urgent)
            yield False, self.rows().exclude(self.urgent)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the list. `place` is where it stands among all questions: the part and the key of its row."""

    kind: Kind
    key: int
    at: datetime | None
    about: str
    place: tuple[int, int]

    @property
    def at_shown(self) -> Any:
        return moment(self.at)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many questions of a kind there are, counted to AT_MOST."""

    kind: Kind
    number: int

    @property
    def shown(self) -> str:
        return f"{AT_MOST}+" if self.number > AT_MOST else str(self.number)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The kinds that occur, and the first questions of those that were asked for; `has_more` after these."""

    counts: Sequence[Counts]
    entries: Sequence[Entry]
    has_more: bool


_kinds: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    for kind in kinds:
        _kinds[kind.key] = kind


def kinds() -> list[Kind]:
    """Return every kind, the one that costs most first."""
    return sorted(_kinds.values(), key=lambda kind: (kind.weight, kind.key))


def kind_for(key: str, user: Any) -> Kind | None:
    """Return the kind of this key; None where there is none that `user` may see."""
    kind = _kinds.get(key)
    return kind if kind is not None and user.has_perm(kind.permission) else None


def url_of(key: str, row: int | None = None) -> str:
    """Return the address of a question, or of those of a kind; "" where there is no such kind."""
    if key not in _kinds:
        return ""
    query = {"kind": key}
    return reverse("admin:review", query=query) if row is None else reverse("admin:review_question", args=[key, row])


def read(user: Any, *, kind: Kind | None, after: tuple[int, int] | None = None) -> Queue:
    """Return the open questions that `user` may see, of one kind or of all, from the place `after` on: two queries."""
    parts = _parts(user)
    numbers = [counted.number for counted in count_all([rows for _kind, rows in parts])]
    totals: dict[str, Counts] = {}
    for (one, _rows), number in zip(parts, numbers, strict=True):
        before = totals[one.key].number if one.key in totals else 0
        totals[one.key] = Counts(kind=one, number=before + number)
    ways = [
        _way(place, one, rows, after)
        for place, ((one, rows), number) in enumerate(zip(parts, numbers, strict=True))
        if number and (kind is None or one is kind) and (after is None or place >= after[0])
    ]
    found = sorted(ways[0].union(*ways[1:], all=True) if ways else [], key=lambda row: row[:2])
    entries = [
        Entry(kind=parts[place][0], key=key, at=at, about=about or "", place=(place, key))
        for place, key, at, about in found
    ]
    return Queue(
        counts=[one for one in totals.values() if one.number],
        entries=entries[:SHOWN],
        has_more=len(entries) > SHOWN,
    )


def form_of(action: Action, row: Any, answers: dict[str, Any]) -> Form | None:
    """Return the form of a decision, beside those of others: filled in with `answers`, and without the focus."""
    if action.form is None:
        return None
    form = action.form(initial=answers, auto_id=f"{action.name}-%s")
    if isinstance(form, AboutRows):
        form.set_rows([row])
    for shown in form.fields.values():
        shown.widget.attrs.pop("autofocus", None)
    return form


def first_text(*columns: str) -> Any:
    """Return an expression of the first of these columns that is not empty."""
    return Coalesce(*(NullIf(Cast(column, TextField()), Value("")) for column in columns), Value(""))


def _parts(user: Any) -> list[tuple[Kind, QuerySet[Any]]]:
    """Return the rows of every kind that `user` may see: the urgent ones of all kinds, then the others."""
    seen = [kind for kind in kinds() if user.has_perm(kind.permission)]
    parts = [(is_urgent, kind, rows) for kind in seen for is_urgent, rows in kind.parts]
    return [(kind, rows) for is_urgent, kind, rows in sorted(parts, key=lambda part: not part[0])]


def _way(place: int, kind: Kind, rows: QuerySet[Any], after: tuple[int, int] | None) -> QuerySet[Any, Any]:
    later = rows.filter(pk__gt=after[1]) if after is not None and after[0] == place else rows
    return (
        at_most(later.order_by("pk"), SHOWN + 1)
        .annotate(
            entry_place=Value(place),
            entry_key=F("pk"),
            entry_at=F(kind.occurred),
            entry_about=kind.about_expression,
        )
        .values_list("entry_place", "entry_key", "entry_at", "entry_about")
    )
