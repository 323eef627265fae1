"""Types of events' fields with their limits: whatever a provider sends, an event holds no text that is longer.

`core.text` says what becomes of a longer one. The limits apply when an event is made, so that no dialect can forget
them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, get_type_hints

from core.text import (
    EMAIL,
    ENTRIES,
    IDENTIFIER,
    KEY,
    LINE,
    PHONE,
    TEXT,
    bounded,
    email_or_empty,
    fits,
    identifier,
    is_placeholder,
)


@dataclass(frozen=True)
class Bound:
    """A limit; `apply` returns a value that is within it."""

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


def _contact_columns(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a contact's values without phone numbers that are too long: left out means not reported, not emptied."""
    too_long = {name for name, value in raw.items() if "phone" in name and len(str(value)) > PHONE}
    return {name: bounded(value) for name, value in raw.items() if name not in too_long}


def _names_one(raw: str) -> bool:
    """Return whether a text names one person or sale: no placeholder, nor 0, which test deliveries give to all."""
    return bool(raw.strip("0 ")) and not is_placeholder(raw)


Line = Annotated[str, Bound(lambda raw: raw[:LINE])]
Text = Annotated[str, Bound(lambda raw: raw[:TEXT])]
Email = Annotated[str, Bound(partial(fits, limit=EMAIL))]
Url = Annotated[str, Bound(partial(fits, limit=LINE))]
Id = Annotated[str, Bound(lambda raw: "" if is_placeholder(raw) else identifier(raw, limit=IDENTIFIER))]
SaleId = Annotated[str, Bound(lambda raw: identifier(raw, limit=IDENTIFIER) if _names_one(raw) else "")]
Key = Annotated[str, Bound(partial(identifier, limit=120))]
Ids = Annotated[
    tuple[str, ...], Bound(lambda raw: tuple(identifier(id_) for id_ in raw[:ENTRIES] if not is_placeholder(id_)))
]
IdsByKind = Annotated[
    Mapping[str, str], Bound(lambda raw: {kind: identifier(id_) for kind, id_ in raw.items() if _names_one(id_)})
]
Emails = Annotated[tuple[str, ...], Bound(lambda raw: tuple(filter(None, map(email_or_empty, raw[:ENTRIES]))))]
Columns = Annotated[Mapping[str, Any], Bound(_contact_columns)]
Document = Annotated[Mapping[str, Any], Bound(bounded)]
Names = Annotated[tuple[str, ...], Bound(lambda raw: tuple(name[:KEY] for name in raw[:ENTRIES]))]
# A list that is all there is, None where it is not reported. One that is too long is not: a cut one would remove items.
WholeList = Annotated[
    tuple[str, ...] | None,
    Bound(lambda raw: None if raw is None or len(raw) > ENTRIES else tuple(name[:KEY] for name in raw)),
]
Offers = Annotated[
    tuple[Mapping[str, str], ...] | None,
    Bound(
        lambda raw: (
            None
            if raw is None or len(raw) > ENTRIES
            else tuple({"id": identifier(offer["id"]), "title": offer["title"][:LINE]} for offer in raw)
        )
    ),
]
People = Annotated[
    tuple[Mapping[str, str], ...] | None,
    Bound(
        lambda raw: (
            None
            if raw is None
            else tuple({name: value[:LINE] for name, value in person.items()} for person in raw[:ENTRIES])
        )
    ),
]
