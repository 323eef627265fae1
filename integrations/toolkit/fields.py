"""Field maps: names of a contact's values in a provider's records, declared once and used both ways.

Local names are `email`, the contact's columns, and custom fields as `core.field_names` has them: the names under which
a report is stored. Remote names are compared without case, underscores and the like, since dialects differ in nothing
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
    """Return a text or a number as trimmed text, at most TEXT letters; "" for None."""
    return "" if value is None else str(value)[:TEXT].strip()


def as_phone(value: Any) -> str:
    """Return a phone number in E.164 where that is certain, national ones being American; else as it is."""
    text = as_text(value)
    digits = _NO_DIGITS.sub("", fits(text, PHONE))
    if _E164.fullmatch(digits):
        return digits
    if _NORTH_AMERICAN.fullmatch(digits):
        return f"+1{digits[-10:]}"
    return text


def as_day(value: Any) -> str:
    """Return a date, with or without a time, as YYYY-MM-DD; "" for one before 1800, which means none; else as it is."""
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
    """A value of ours, `local`, and its name in the provider's record; `alternatives` are paths in other dialects.

    `read` converts to our form. It leaves what is in our form as it is, so that reading what we wrote gives it again.
    """

    local: str
    remote: str
    alternatives: tuple[Path, ...] = ()
    read: Callable[[Any], str] = as_text


@dataclass(frozen=True)
class FieldMap:
    fields: tuple[Field, ...]

    def read(self, record: Mapping[str, Any]) -> dict[str, str]:
        """Return local name → value for each field that `record` has, "" where it is empty there.

        Raises Unreadable, naming the path, where something else than a text, a number or nothing stands.
        """
        values: dict[str, str] = {}
        for field in self.fields:
            texts = []
            for path in ((field.remote,), *field.alternatives):
                for value in _at(record, path):
                    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
                        kind = type(value).__name__
                        raise Unreadable(f"{'.'.join(path)}: a text is expected, a {kind} came", at=path)
                    texts.append(field.read(value))
            if texts:
                values[field.local] = next((text for text in texts if text), "")
        return values

    def write(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return remote name → value for those of `values`, by local names, that are in this map."""
        return {field.remote: field.read(values[field.local]) for field in self.fields if field.local in values}

    @property
    def local_names(self) -> frozenset[str]:
        return frozenset(field.local for field in self.fields)


def for_report(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by local names as the `email`, `fields` and `custom_fields` of a ContactReported."""
    columns, custom_fields = split(values)
    return {"email": columns.pop("email", ""), "fields": columns, "custom_fields": custom_fields}


def within(path: Path, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the result of `read` for the record at `path`; an Unreadable that it raises gets the whole path."""
    try:
        return read()
    except Unreadable as error:
        raise Unreadable(str(error), at=(*path, *error.at)) from None


def loose(name: str) -> str:
    """Return a name as names are compared: `postal_code`, `PostalCode` and `postalCode` are one."""
    return _NO_LETTER.sub("", name[:KEY].lower())


def value_at(record: Any, paths: Iterable[Path]) -> Any:
    """Return the value at the first of `paths` that has one other than "", names compared loosely; None without one."""
    return next((value for path in paths for value in _at(record, path) if value not in (None, "")), None)


def text_of(record: Any, paths: Iterable[Path]) -> str:
    """Return the text or number at the first of `paths` that has one, trimmed; "" without one."""
    for path in paths:
        for value in _at(record, path):
            if isinstance(value, str | int | float) and not isinstance(value, bool) and as_text(value):
                return as_text(value)
    return ""


def _at(record: Any, path: Path) -> list[Any]:
    """Return the values at `path`: mostly one or none; more where names differ in their spelling alone."""
    values = [record]
    for name in path:
        wanted = loose(name)
        values = [
            value
            for mapping in values
            if isinstance(mapping, Mapping)
            for key, value in mapping.items()
            if loose(str(key)) == wanted
        ]
    return values
