"""Needs attention: sources are registered here, the start page shows their items.

An item is there while its cause is: it counts rows that are wrong now, and nobody closes it. Staff can dismiss it with
a reason; then it counts what occurred since, and is back with the first such row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from core.console import review
from core.console.one_statement import AT_MOST, Counted, count_all


class Dismissed(Protocol):
    """A dismissal by staff: its moment, and the `state` of an item that counts no rows."""

    dismissed_at: datetime
    state: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something wants somebody; `url` is the list of it, `permission` what it takes to see it.

    `rows` are what is wrong, each since the moment in the column `occurred`. What is no row has a `state`, "" for
    nothing wrong, and a `count`; or it `expects` rows of each name, and is about the names that have none. `action`
    says what to do, at `action_url`: the queue of questions, or the row itself, where there is one only.
    """

    key: str
    label: Any
    url: str
    permission: str
    rows: QuerySet[Any] | None = None
    occurred: str = ""
    expects: Mapping[str, QuerySet[Any]] = field(default_factory=dict)
    state: str = ""
    count: int = 0
    action: Any = _("Look at them")
    action_url: str = ""

    @property
    def shown_count(self) -> str:
        return f"{AT_MOST}+" if self.count > AT_MOST else str(self.count)

    @property
    def lists(self) -> list[QuerySet[Any]]:
        return list(self.expects.values()) if self.rows is None else [self.rows]


Source = Callable[[], Iterable[Item]]
_sources: list[Source] = []


def source(function: Source) -> Source:
    """Decorator: ask `function` for items whenever the start page is opened."""
    _sources.append(function)
    return function


def seen_by(user: Any) -> list[Item]:
    """Return every item that `user` may see, not counted yet."""
    return [item for ask in _sources for item in ask() if user.has_perm(item.permission)]


def items(user: Any, dismissed: Mapping[str, Dismissed] | None = None) -> list[Item]:
    """Return what there is to do and `user` may see, counted by one statement; a sort without rows is left out."""
    return counted(seen_by(user), dismissed or {})


def everything() -> list[Item]:
    """Return all that there is to do, whoever sees it, dismissed or not."""
    return counted([item for ask in _sources for item in ask()], {})


def counted(found: Iterable[Item], dismissed: Mapping[str, Dismissed]) -> list[Item]:
    """Return the items that are about something."""
    return counted_with(found, dismissed, ())[0]


def counted_with(
    found: Iterable[Item], dismissed: Mapping[str, Dismissed], further: Sequence[QuerySet[Any]]
) -> tuple[list[Item], list[Counted]]:
    """Return the items that are about something, and the counts of further lists, by one statement for all."""
    asked = [_since(item, dismissed.get(item.key)) for item in found]
    lists = [rows for item in asked for rows in item.lists]
    every = count_all([*lists, *further])
    counts = iter(every)
    shown = []
    for item in asked:
        numbers = [next(counts) for _rows in item.lists]
        if item.rows is not None:
            (number,) = numbers
            item = replace(item, count=number.number, action_url=_row_url(item, number) or item.url)
        else:
            missing = [name for name, number in zip(item.expects, numbers, strict=True) if not number.number]
            state = ",".join(sorted(missing)) or item.state
            past = dismissed.get(item.key)
            count = 0 if past and past.state == state else len(missing) or item.count
            item = replace(item, state=state, count=count, action_url=item.url)
        if item.count:
            shown.append(item)
    return shown, every[len(lists) :]


def _since(item: Item, past: Dismissed | None) -> Item:
    """Return an item of rows as it is after it was dismissed: about what occurred since, and so is its list."""
    if item.rows is None or past is None:
        return item
    query = f"{item.occurred}__gt={quote(past.dismissed_at.isoformat())}"
    rows = item.rows.filter(**{f"{item.occurred}__gt": past.dismissed_at})
    return replace(item, rows=rows, url=f"{item.url}{'&' if '?' in item.url else '?'}{query}")


def _row_url(item: Item, number: Counted) -> str:
    """Return where something is done about the item: in the queue of questions, or on the page of the only row.

    "" where there are several rows, or it has no page.
    """
    only = number.key if number.number == 1 else None
    if asked := review.url_of(item.key, only):
        return asked
    if item.rows is None or only is None:
        return ""
    opts = item.rows.model._meta
    try:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[number.key])
    except NoReverseMatch:
        return ""
