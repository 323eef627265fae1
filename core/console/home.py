"""The home page: what needs attention, and panels of figures, each for whoever may see its rows.

An application registers a source of panels. What they list is counted by one statement together with what needs
attention; everything else they show, they read by an index or from what the clock counted.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from core.console import attention
from core.console.attention import Dismissed, Item
from core.console.one_statement import Counted


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One section; `fill` returns the context of its template, given the counts of its `lists` in their order."""

    name: str
    title: Any
    template: str
    permission: str
    fill: Callable[[Sequence[Counted]], Mapping[str, Any]]
    lists: Sequence[QuerySet[Any]] = ()


Source = Callable[[Any], Iterable[Panel]]
_sources: list[Source] = []


def source(function: Source) -> Source:
    """Decorator: ask `function` for the panels of a user whenever the home page is opened."""
    _sources.append(function)
    return function


def of(user: Any, found: Iterable[Item], dismissed: Mapping[str, Dismissed]) -> tuple[list[Item], list[dict[str, Any]]]:
    """Return what needs attention of `found`, and the panels that `user` may see, filled."""
    panels = [panel for ask in _sources for panel in ask(user) if user.has_perm(panel.permission)]
    lists = [rows for panel in panels for rows in panel.lists]
    items, counts = attention.counted_with(found, dismissed, lists)
    filled, place = [], 0
    for panel in panels:
        own = counts[place : place + len(panel.lists)]
        place += len(panel.lists)
        filled.append({"panel": panel, **panel.fill(own)})
    return items, filled
