"""A provider's report about a person, and the values of a contact by the names that reports have. No database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import CharField

from accounts.people.lookup import name_key
from accounts.people.models import Contact
from core.field_names import CUSTOM
from core.text import clean_name, one_line

NAMES = ("first_name", "last_name")
FIELDS = (
    *NAMES,
    *("phone", "business_phone", "address_line_1", "address_line_2", "city", "state", "postal_code", "country"),
    "subscribed",
)
EMPTY = ("", None)
MAIN = ("email", "phone")  # each the first of an ordered set
WHOLE_LISTS = ("tags", "offers")
AT, BY = "at", "by"  # of an origin: since when a value is true (`timestamp`), and by which provider


@dataclass(frozen=True, kw_only=True)
class ContactReport:
    """A provider's report about a person; values that it leaves out are not in it.

    `identities`: kind of id → remote id; the first is the record that `fields` are read from. `fields` are some of
    FIELDS, "" or None where the provider says that there is nothing; so may an "email" in it be. `aliases` and `phones`
    are the addresses and numbers beside the main ones, in their stored form. `left_out`: name there → why its value
    cannot be used. `tags` is the whole list; `tags_added` and `tags_removed` are changes. `offers` are what the person
    has there: {"id", "title"} each. `changed_at` is when the remote record was last changed, where that is known;
    `is_whole`: it is reported with all its fields. `authorities`: name (as `values` has them) → the provider that wins
    a conflict. `lists`: name → what brings a value to its stored form, for each that is a list of words in one text, as
    `core.word_lists` has it.
    """

    occurred_at: datetime
    email: str = ""
    aliases: Sequence[str] = ()
    phones: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    custom_fields: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] | None = None
    tags_added: Sequence[str] = ()
    tags_removed: Sequence[str] = ()
    offers: Sequence[Mapping[str, str]] | None = None
    changed_at: datetime | None = None
    is_whole: bool = False
    authorities: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)

    @property
    def numbers(self) -> list[str]:
        """The reported numbers, the main one first."""
        return [number for number in (str(self.fields.get("phone") or ""), *self.phones) if number]

    @property
    def name(self) -> tuple[str, ...]:
        """The reported name, as `lookup.name_key` has it."""
        first, last = (self.fields.get(part) for part in NAMES)
        return name_key(first, last, company=self.custom_fields.get("company"))

    def values(self, email: str) -> dict[str, Any]:
        """Return all reported values in their stored form, by the names of `core.field_names`.

        `email` is the address in its stored form. A payload is hostile, and longer than a column.
        """
        values: dict[str, Any] = {}
        for name in FIELDS:
            if name not in self.fields:
                continue
            value = self.fields[name]
            text = "" if value is None else str(value)
            if name == "subscribed":
                values[name] = value if isinstance(value, bool) else None
            elif name in NAMES:
                values[name] = clean_name(text)
            else:
                column = Contact._meta.get_field(name)
                assert isinstance(column, CharField)
                assert column.max_length
                values[name] = one_line(text, column.max_length)
        # Emptied: where the provider says that there is none.
        if email or self.fields.get("email") == "":
            values["email"] = email
        return values | {f"{CUSTOM}{name}": value for name, value in self.custom_fields.items()}


def value_of(contact: Contact, name: str) -> Any:
    """Return the contact's value under one of the names of `ContactReport.values`."""
    if name.startswith(CUSTOM):
        return contact.custom_fields.get(name.removeprefix(CUSTOM))
    return getattr(contact, name)


def set_values(contact: Contact, values: Mapping[str, Any], *, provider: str, at: datetime) -> None:
    """Set values that `provider` ("" for staff) has had since `at`, with this origin. The contact is not saved."""
    contact.origins = contact.origins | {name: {AT: timestamp(at), BY: provider} for name in values}
    for name, value in values.items():
        if not name.startswith(CUSTOM):
            setattr(contact, name, value)
        elif value in EMPTY:
            contact.custom_fields.pop(name.removeprefix(CUSTOM), None)
        else:
            contact.custom_fields[name.removeprefix(CUSTOM)] = value


def without_outdated(values: Mapping[str, Any], times: Mapping[str, str], *, at: datetime) -> dict[str, Any]:
    """Return those of `values`, true at the moment `at`, that no later report named. `times`: name → `timestamp`."""
    return {name: value for name, value in values.items() if times.get(name, "") <= timestamp(at)}


def timestamp(at: datetime) -> str:
    """Return a time as it is stored: UTC and of one length, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
