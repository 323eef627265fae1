"""Field maps: what our contact's values are called at a provider, declared once and used both ways.

Ours are `email`, the contact's columns, and custom fields as `core.field_names` has them: the names under which a
report is stored. Names of theirs are compared without case, underscores and the like, since dialects differ in nothing
else.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_date

from core.field_names import split
from core.text import KEY, PHONE, TEXT, fits
from integrations.contracts.exceptions import Unreadable

Path = tuple[str, ...]
_NO_DIGITS = re.compile(r"[\s().\-/]")
_NO_LETTER = re.compile(r"[^a-z0-9]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NORTH_AMERICAN = re.compile(r"1?[2-9][0-9]{9}")
_AMERICAN_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def as_text(value: Any) -> str:
    """A text or a number as trimmed text, at most TEXT letters; "" for None."""
    return "" if value is None else str(value)[:TEXT].strip()


def as_phone(value: Any) -> str:
    """A phone number in E.164 where that can be told, national ones being North American; else as it is written."""
    text = as_text(value)
    digits = _NO_DIGITS.sub("", fits(text, PHONE))
    if _E164.fullmatch(digits):
        return digits
    if _NORTH_AMERICAN.fullmatch(digits):
        return f"+1{digits[-10:]}"
    return text


def as_day(value: Any) -> str:
    """A date, with or without a time, as YYYY-MM-DD; "" for the dates before 1800 that mean none; else as written."""
    text = as_text(value)
    if american := _AMERICAN_DATE.match(text):
        month, day, year = american.groups()
        text = f"{year}-{month:>02}-{day:>02}"
    try:
        parsed = parse_date(text[:10])
    except ValueError:
        parsed = None
    if parsed is None:
        return text
    return parsed.isoformat() if parsed.year >= 1800 else ""


@dataclass(frozen=True)
class Field:
    """`ours` is `theirs` there; `also` are further places at which dialects have it.

    `read` makes the value ours. It leaves what is in our form as it is, so that reading what we wrote gives it again.
    """

    ours: str
    theirs: str
    also: tuple[Path, ...] = ()
    read: Callable[[Any], str] = as_text

    @property
    def places(self) -> tuple[Path, ...]:
        return ((self.theirs,), *self.also)


@dataclass(frozen=True)
class FieldMap:
    fields: tuple[Field, ...]

    def read(self, record: Mapping[str, Any]) -> dict[str, str]:
        """Our name → value for everything that `record` tells of; "" where it says that there is nothing.

        Raises Unreadable, naming the place, where something else than a text, a number or nothing stands.
        """
        told: dict[str, str] = {}
        for field in self.fields:
            found = [field.read(_plain(value, place)) for place in field.places for value in _at(record, place)]
            if found:
                told[field.ours] = next((text for text in found if text), "")
        return told

    def write(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Their name → value for those of `values`, by our names, that they know."""
        return {field.theirs: field.read(values[field.ours]) for field in self.fields if field.ours in values}

    @property
    def ours(self) -> frozenset[str]:
        return frozenset(field.ours for field in self.fields)


def for_report(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by our names as the `email`, `fields` and `custom_fields` of a ContactReported."""
    columns, custom_fields = split(values)
    return {"email": columns.pop("email", ""), "fields": columns, "custom_fields": custom_fields}


def within(path: Path, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what `read` gives for the record at `path`.

    The field at fault is named by its whole path where it raises.
    """
    try:
        return read()
    except Unreadable as error:
        raise Unreadable(str(error), at=(*path, *error.at)) from None


def loose(name: str) -> str:
    """A name as names are compared: `postal_code`, `PostalCode` and `postalCode` are one."""
    return _NO_LETTER.sub("", name[:KEY].lower())


def value_at(record: Any, places: Iterable[Path]) -> Any:
    """Return what stands at the first of `places` at which anything but None and "" does, names compared loosely.

    Or None.
    """
    return next((value for place in places for value in _at(record, place) if value not in (None, "")), None)


def text_of(record: Any, places: Iterable[Path]) -> str:
    """The text or number at the first of `places` that holds one, trimmed; "" for nothing."""
    for place in places:
        for value in _at(record, place):
            if isinstance(value, str | int | float) and not isinstance(value, bool) and as_text(value):
                return as_text(value)
    return ""


def _at(record: Any, place: Path) -> list[Any]:
    """The values at `place`: mostly one or none; more where names differ in their spelling alone."""
    found = [record]
    for name in place:
        wanted = loose(name)
        found = [
            value
            for holder in found
            if isinstance(holder, Mapping)
            for key, value in holder.items()
            if loose(str(key)) == wanted
        ]
    return found


def _plain(value: Any, place: Path) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise Unreadable(f"{'.'.join(place)}: a text is expected, a {type(value).__name__} came", at=place)
    return value
