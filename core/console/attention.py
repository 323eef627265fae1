"""Needs attention: sources are registered here, the start page shows their items."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

AT_MOST = 100  # rows are counted no further: on a large table an exact count is slow, and past this it changes nothing


@dataclass(frozen=True, kw_only=True)
class Item:
    """So many rows of one sort want somebody; `url` is the list of them, `permission` what it takes to see it."""

    key: str
    label: Any
    count: int
    url: str
    permission: str

    @property
    def shown_count(self) -> str:
        return f"{AT_MOST}+" if self.count > AT_MOST else str(self.count)


Source = Callable[[], Iterable[Item]]
_sources: list[Source] = []


def source(function: Source) -> Source:
    """Decorator: ask `function` for items whenever the start page is opened."""
    _sources.append(function)
    return function


def items(user: Any) -> list[Item]:
    """Return what there is to do and `user` may see; a sort without rows is left out."""
    found = (item for ask in _sources for item in ask())
    return [item for item in found if item.count and user.has_perm(item.permission)]


def capped(rows: QuerySet[Any]) -> int:
    """Return how many rows there are, counted to one past AT_MOST."""
    return len(rows.order_by().values_list("pk")[: AT_MOST + 1])
