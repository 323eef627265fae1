"""Fields of events with their limits: whatever a provider sends, an event holds no text that is longer.

`core.text` says what becomes of a longer one. The limits apply when an event is made, so that no dialect can forget
them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, get_type_hints

from core.text import EMAIL, ENTRIES, IDENTIFIER, KEY, LINE, PHONE, TEXT, bounded, fits, identifier


@dataclass(frozen=True)
class Bound:
    """`apply` makes a value of the field one that is within its limit."""

    apply: Callable[[Any], Any]


class Bounded:
    """A frozen dataclass whose annotated fields are within their limits from the beginning."""

    bounds: ClassVar[Mapping[str, Bound]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        hints = get_type_hints(cls, include_extras=True).items()
        marks = ((name, mark) for name, hint in hints for mark in getattr(hint, "__metadata__", ()))
        cls.bounds = {name: mark for name, mark in marks if isinstance(mark, Bound)}

    def __post_init__(self) -> None:
        for name, bound in self.bounds.items():
            object.__setattr__(self, name, bound.apply(getattr(self, name)))


def _cut(raw: str, *, limit: int) -> str:
    return raw[:limit]


def _ids_by_kind(raw: Mapping[str, str]) -> dict[str, str]:
    return {kind: identifier(external_id) for kind, external_id in raw.items()}


def _ids(raw: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(identifier(external_id) for external_id in raw[:ENTRIES])


def _emails(raw: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(None, (fits(email, EMAIL) for email in raw[:ENTRIES])))


def _columns(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of a contact: a phone number that is too long is not told, rather than told to be none."""
    too_long = {name for name, value in raw.items() if "phone" in name and len(str(value)) > PHONE}
    return {name: bounded(value) for name, value in raw.items() if name not in too_long}


def _names(raw: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name[:KEY] for name in raw[:ENTRIES])


def _whole_list(raw: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return a list that is all there is; None, not told, where it is too long: a cut one would take things away."""
    return None if raw is None or len(raw) > ENTRIES else _names(raw)


def _offers(raw: tuple[Mapping[str, str], ...] | None) -> tuple[dict[str, str], ...] | None:
    if raw is None or len(raw) > ENTRIES:
        return None
    return tuple({"id": identifier(one["id"]), "title": one["title"][:LINE]} for one in raw)


def _people(raw: tuple[Mapping[str, str], ...] | None) -> tuple[dict[str, str], ...] | None:
    if raw is None:
        return None
    return tuple({name: value[:LINE] for name, value in one.items()} for one in raw[:ENTRIES])


Line = Annotated[str, Bound(partial(_cut, limit=LINE))]
Text = Annotated[str, Bound(partial(_cut, limit=TEXT))]
Email = Annotated[str, Bound(partial(fits, limit=EMAIL))]
Url = Annotated[str, Bound(partial(fits, limit=LINE))]
Id = Annotated[str, Bound(partial(identifier, limit=IDENTIFIER))]
Key = Annotated[str, Bound(partial(identifier, limit=120))]
Ids = Annotated[tuple[str, ...], Bound(_ids)]
IdsByKind = Annotated[Mapping[str, str], Bound(_ids_by_kind)]
Emails = Annotated[tuple[str, ...], Bound(_emails)]
Columns = Annotated[Mapping[str, Any], Bound(_columns)]
Document = Annotated[Mapping[str, Any], Bound(bounded)]
Names = Annotated[tuple[str, ...], Bound(_names)]
WholeList = Annotated[tuple[str, ...] | None, Bound(_whole_list)]
Offers = Annotated[tuple[Mapping[str, str], ...] | None, Bound(_offers)]
People = Annotated[tuple[Mapping[str, str], ...] | None, Bound(_people)]
