"""A provider's report about a person, and what of it is new for our contact. No database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import CharField

from accounts.people.models import Contact
from core.field_names import CUSTOM as CUSTOM
from core.field_names import custom, is_custom, short
from core.text import clean_name, one_line

NAMES = ("first_name", "last_name")
FIELDS = (
    *NAMES,
    *("phone", "business_phone", "address_line_1", "address_line_2", "city", "state", "postal_code", "country"),
    "subscribed",
)
EMPTY = ("", None)
WHOLE_LISTS = ("tags", "offers")


@dataclass(frozen=True, kw_only=True)
class ContactReport:
    """A provider's report about a person; values that it leaves out are not in it.

    `identities`: kind of id → id there; the first is the record that `fields` are read from. `fields` are some of
    FIELDS, "" or None where the provider says that there is nothing. `tags` is the whole list; `tags_added` and
    `tags_removed` are changes. `offers` are what the person has there: {"id", "title"} each. `changed_at` is when the
    record was last changed there, where that is known, `is_whole` whether it is all of it. `authorities`: name (as
    `values` has them) → the provider whose word holds in a conflict.
    """

    occurred_at: datetime
    email: str = ""
    aliases: Sequence[str] = ()
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

    @property
    def true_since(self) -> datetime:
        """Return when the record came to be as it is told, as far as anybody knows."""
        return min(self.changed_at or self.occurred_at, self.occurred_at)

    def values(self, email: str) -> dict[str, Any]:
        """Return everything that is told, as it is stored, by the names of `core.field_names`.

        `email` is the address in its stored form. A payload is hostile, and longer than a column.
        """
        told = {name: _as_stored(name, self.fields[name]) for name in FIELDS if name in self.fields}
        own = {custom(name): value for name, value in self.custom_fields.items()}
        return told | ({"email": email} if email else {}) | own


def value_of(contact: Contact, name: str) -> Any:
    """Return what our contact has under one of the names of `ContactReport.values`."""
    if is_custom(name):
        return contact.custom_fields.get(short(name))
    return getattr(contact, name)


def write(contact: Contact, values: Mapping[str, Any]) -> None:
    """Set these values on the contact, which is not saved."""
    for name, value in values.items():
        if not is_custom(name):
            setattr(contact, name, value)
        elif value in EMPTY:
            contact.custom_fields.pop(short(name), None)
        else:
            contact.custom_fields[short(name)] = value


def news(ours: Mapping[str, Any], told: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what of `told` is to be written over `ours`. `before` is what the same record had when it was last told.

    What did not change there changes nothing here, and an emptied value counts only where we still have what was
    emptied: what somebody else filled in is not taken away by a provider that never knew it. Without a record
    (`before` is None) only what is missing is filled in.
    """
    found = {}
    for name, value in told.items():
        mine = ours.get(name)
        if value == mine or (before is not None and name in before and before[name] == value):
            continue
        if value in EMPTY:
            if before is not None and before.get(name) not in EMPTY and before[name] == mine:
                found[name] = value
        elif before is not None or mine in EMPTY:
            found[name] = value
    return found


def still_newest(told: Mapping[str, Any], *, told_at: Mapping[str, str], at: datetime) -> dict[str, Any]:
    """Return what of `told`, which was so at the moment `at`, no later report named. `told_at`: name → its moment."""
    return {name: value for name, value in told.items() if told_at.get(name, "") <= moment(at)}


def dated(names: Iterable[str], *, at: datetime) -> dict[str, str]:
    """Return what is added to `told_at` for things named at the moment `at`."""
    return dict.fromkeys(names, moment(at))


def moment(at: datetime) -> str:
    """A time as it is remembered: UTC and of one length, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _as_stored(name: str, value: Any) -> Any:
    if name == "subscribed":
        return value if isinstance(value, bool) else None
    text = "" if value is None else str(value)
    if name in NAMES:
        return clean_name(text)
    column = Contact._meta.get_field(name)
    assert isinstance(column, CharField)
    assert column.max_length
    return one_line(text, column.max_length)
