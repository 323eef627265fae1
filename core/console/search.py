"""The console's one search: topics register what they find, the page shows it in groups."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.console.links import moment
from core.text import one_line, storable

SHOWN = 10  # hits of a group
READ = SHOWN + 1  # so that the page knows whether there are more
LONGEST = 254  # letters of what is searched for


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A row that was found, with the moment at which it happened.

    `is_exact`: the text that was searched for is its own id or address.
    """

    url: str
    title: Any
    detail: Any = ""
    at: datetime | None = None
    is_exact: bool = False

    @property
    def at_shown(self) -> Any:
        return moment(self.at)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Hits of one sort, those that are exact first; `url` is the list of all of them, where there is one."""

    label: Any
    hits: Sequence[Hit]
    url: str = ""

    @property
    def shown(self) -> Sequence[Hit]:
        return sorted(self.hits, key=lambda hit: not hit.is_exact)[:SHOWN]

    @property
    def has_more(self) -> bool:
        return len(self.hits) > SHOWN


Source = Callable[[str, Any], Iterable[Group]]
_sources: list[tuple[int, Source]] = []


def source(*, order: int) -> Callable[[Source], Source]:
    """Decorator: ask `function(text, user)` at each search. It reads READ rows of a sort at most, by an index, and only
    what `user` may see; groups stand by `order`."""

    def register(function: Source) -> Source:
        _sources.append((order, function))
        return function

    return register


def cleaned(text: str) -> str:
    """Return what is searched for in one line."""
    return one_line(storable(text[:LONGEST]), LONGEST)


def found(text: str, user: Any) -> list[Group]:
    """Return the groups of what `text` names and `user` may see; those without a hit are left out."""
    return list(_groups(text, user)) if text else []


def only_exact(groups: Iterable[Group]) -> Hit | None:
    """Return the one hit whose own id or address was searched for; None where there are several or none."""
    exact = [hit for group in groups for hit in group.hits if hit.is_exact]
    return exact[0] if len(exact) == 1 else None


def _groups(text: str, user: Any) -> Iterator[Group]:
    for _order, ask in sorted(_sources, key=lambda one: one[0]):
        yield from (group for group in ask(text, user) if group.hits)
