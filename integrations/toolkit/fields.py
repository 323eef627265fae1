"""Field maps: names of a contact's values in a provider's records, declared once and used both ways.

Local names are `email`, the contact's columns, and custom fields as `core.field_names` has them: the names under which
a report is stored. Remote names are compared without case, underscores and the like, since dialects differ in nothing
else.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.dateparse import parse_date

from core import addresses, phones
from core.dates import NO_DATE
from core.field_names import split
from core.phrases import CODE, Phrase
from core.text import ENTRIES, KEY, LINE, TEXT, Parsed, is_placeholder
from integrations.contracts import reasons
from integrations.contracts.exceptions import Unreadable

_STRANGE = Phrase("a text is expected, a {type} came", type=CODE)

Path = tuple[str, ...]
EACH = "[]"  # in a path: each item of a list
Parser = Callable[[Any], Parsed]  # of a text, a number or None
STRANGE = "a text is expected"  # what the reason begins with where a value is of another type
_NO_LETTER = re.compile(r"[^a-z0-9]")
_AMERICAN_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def as_text(value: Any) -> str:
    """Return a text or a number as trimmed text, at most TEXT letters; "" for None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a spreadsheet's 3055550100.0
    return "" if value is None else str(value)[:TEXT].strip()


def as_phone(value: Any) -> str:
    """Return the first phone number of a text in E.164, as `core.phones` has it; without one the text as it is."""
    text = as_text(value)
    return phones.parse(text).best or text


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


def parse_text(value: Any) -> Parsed:
    text = as_text(value)
    return Parsed((text,)) if text else Parsed()


def parse_emails(value: Any) -> Parsed:
    return addresses.parse(as_text(value))


def parse_phones(value: Any) -> Parsed:
    return phones.parse(as_text(value))


def parse_birthday(value: Any) -> Parsed:
    """Return the day that a text names as YYYY-MM-DD; nothing for one before 1800. What is no date is left out."""
    text = as_text(value)
    day = "" if is_placeholder(text) else as_day(text)
    try:
        return Parsed((date.fromisoformat(day).isoformat(),)) if day else Parsed()
    except ValueError:
        return Parsed(left_out=NO_DATE(text=text[:40]))


@dataclass(frozen=True)
class Field:
    """A value of ours, `local`, and its name in the provider's record; `alternatives` are paths in other dialects.

    `parse` gives our form of a value. It leaves what is in our form as it is, so that reading what we wrote gives it
    again. `further` are paths of more values of the kind: with the field itself they are one ordered set, whose first
    is the main one.
    """

    local: str
    remote: str
    alternatives: tuple[Path, ...] = ()
    parse: Parser = parse_text
    further: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ParsedRecord:
    """A record's values by local names. `further`: local name → the values of its set beside the main one.

    `left_out`: remote name → why its value, or a part of it, could not be used.
    """

    values: dict[str, Any] = field(default_factory=dict)
    further: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def unidentified(self, message: str, *, at: Path) -> Unreadable:
        """Return the error of a record that names nobody: what was left out of it, else `message`, with its place.

        A value of a strange type comes first: it is a mistake of the sender.
        """
        for name, reason in sorted(self.left_out.items(), key=lambda item: not item[1].startswith(STRANGE)):
            return Unreadable(reasons.AT_FIELD(field=name, problem=reason), at=(*at[:-1], *name.split(".")))
        return Unreadable(reasons.AT_FIELD(field=at[-1], problem=message), at=at)


@dataclass(frozen=True)
class FieldMap:
    fields: tuple[Field, ...]

    def parse(self, record: Mapping[str, Any], *, is_whole: bool = False) -> ParsedRecord:
        """Return the values of each field that `record` has, "" where it is empty there.

        A value that cannot be used is left out, as if the record did not have it: no bad value sinks a record. Of a
        record that `is_whole` its further values stand for the field where that is missing.
        """
        result = ParsedRecord()
        for one in self.fields:
            names = ((one.remote,), *one.alternatives)
            stated = [parsed for path in names for parsed in _parsed_at(record, path, one.parse, result.left_out)]
            more = [parsed for path in one.further for parsed in _parsed_at(record, path, one.parse, result.left_out)]
            main = next((parsed.values for parsed in stated if parsed.values), ())
            usable = list(dict.fromkeys([*main, *(value for parsed in more for value in parsed.values)]))
            reported = stated or (more if is_whole else [])
            if reported and (usable or not any(parsed.left_out for parsed in reported)):
                result.values[one.local] = usable.pop(0) if usable else ""
            if usable:
                result.further[one.local] = tuple(usable)
        return result

    def read(self, record: Mapping[str, Any]) -> dict[str, str]:
        """Return local name → value, as `parse` does."""
        return self.parse(record).values

    def write(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return remote name → value for those of `values`, by local names, that are in this map and can be used."""
        parsed = {one.remote: one.parse(values[one.local]) for one in self.fields if one.local in values}
        return {name: one.best for name, one in parsed.items() if one.values or not one.left_out}

    @property
    def local_names(self) -> frozenset[str]:
        return frozenset(one.local for one in self.fields)


def for_report(record: ParsedRecord) -> dict[str, Any]:
    """Return a record as the attributes of a ContactReported that hold its values.

    An address that is empty in the record stands in `fields`, as every empty value does.
    """
    columns, custom_fields = split(record.values)
    email = columns.pop("email", None)
    return {
        "email": email or "",
        "aliases": record.further.get("email", ()),
        "phones": record.further.get("phone", ()),
        "fields": columns if email != "" else {**columns, "email": ""},
        "custom_fields": custom_fields,
        "left_out": record.left_out,
    }


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


def _parsed_at(record: Any, path: Path, parse: Parser, left_out: dict[str, str]) -> list[Parsed]:
    """Return what stands at `path`, parsed; what of it is left out is noted in `left_out` by its place."""
    parsed = []
    for value in _at(record, path):
        if path[-1] == EACH and isinstance(value, Mapping):
            continue  # another path names the value in it
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            one = Parsed(left_out=_STRANGE(type=type(value).__name__))
        else:
            one = parse(value)
        if one.left_out:
            left_out[".".join(path)] = one.left_out[:LINE]
        parsed.append(one)
    return parsed


def _at(record: Any, path: Path) -> list[Any]:
    """Return the values at `path`: mostly one or none; more where names differ in their spelling alone."""
    values = [record]
    for name in path:
        if name == EACH:
            values = [item for value in values if isinstance(value, list) for item in value[:ENTRIES]]
            continue
        wanted = loose(name)
        values = [
            value
            for mapping in values
            if isinstance(mapping, Mapping)
            for key, value in mapping.items()
            if loose(str(key)) == wanted
        ]
    return values
