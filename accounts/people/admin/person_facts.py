"""Known facts of a person: addresses, numbers and ids, and each value with its source."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import CharField, DateTimeField, F, Value
from django.db.models.functions import Cast
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.people.admin.contact_history import shown_value
from accounts.people.admin.mapping_columns import MAPPINGS
from accounts.people.contact_report import AT, BY, EMPTY, FIELDS
from accounts.people.models import Contact, ContactEmail, ContactMapping, ContactPhone
from core import phrases
from core.console.links import NOTHING, moment, row_url
from core.field_names import CUSTOM, field_label
from core.provider_names import kind_title, provider_title

_EMAIL, _PHONE, _RECORD = "e-mail", "phone", "record"


@dataclass(frozen=True, kw_only=True)
class Named:
    """An address, a number or a remote record: its `text`, why it is this person's, and since when or as of when."""

    text: str
    source: str
    at: datetime | None = None
    url: str = ""
    is_gone: bool = False

    @property
    def at_shown(self) -> Any:
        return moment(self.at)


@dataclass(kw_only=True)
class Names:
    """By what a person is known: main address first."""

    emails: list[Named] = field(default_factory=list)
    phones: list[Named] = field(default_factory=list)
    records: list[Named] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class FieldValue:
    """A value of the contact, by whom it is, and since when it has been true."""

    label: str
    value: str
    source: str
    since: Any


def names_of(contact: Contact) -> Names:
    """Return the addresses, further numbers and remote records of a contact, in one query."""
    emails = _columns(ContactEmail.objects.filter(contact=contact), _EMAIL, text="email", source="source")
    phones = _columns(ContactPhone.objects.filter(contact=contact), _PHONE, text="number", source="source")
    mappings = ContactMapping.objects.filter(contact=contact)
    records = _columns(
        mappings, _RECORD, text="external_id", source="provider", kind="kind", at="reported_at", gone=True
    )
    names = Names()
    for sort, key, text, source, kind, at, gone_at in sorted(emails.union(phones, records, all=True), key=_order):
        if sort == _EMAIL:
            names.emails.append(Named(text=text, source=phrases.shown(source)))
        elif sort == _PHONE:
            names.phones.append(Named(text=text, source=phrases.shown(source)))
        else:
            url = row_url(MAPPINGS, key)
            provider = provider_title(source)
            shown = f"{provider} {kind_title(kind)} {text}"
            names.records.append(Named(text=shown, source=provider, at=gone_at or at, url=url, is_gone=bool(gone_at)))
    names.emails.sort(key=lambda one: one.text != contact.email)
    return names


def values_of(contact: Contact) -> list[FieldValue]:
    """Return the values that a contact has, each with the provider it is of and since when."""
    own = {name: getattr(contact, name) for name in ("email", *FIELDS)}
    custom = {f"{CUSTOM}{name}": value for name, value in contact.custom_fields.items()}
    return [_field(contact, name, value) for name, value in {**own, **custom}.items() if value not in EMPTY]


def _field(contact: Contact, name: str, value: Any) -> FieldValue:
    origin = contact.origins.get(name, {})
    since = parse_datetime(origin[AT]) if AT in origin else None
    source = provider_title(origin.get(BY) or "") or (_("staff") if origin else NOTHING)
    return FieldValue(label=field_label(name), value=shown_value(value), source=source, since=moment(since))


def _columns(rows: Any, sort: str, *, text: str, source: str, kind: str = "", at: str = "", gone: bool = False) -> Any:
    nothing = Cast(Value(None), DateTimeField())
    return rows.order_by().values_list(
        Value(sort, CharField()),
        "pk",
        text,
        source,
        F(kind) if kind else Value("", CharField()),
        F(at) if at else nothing,
        F("gone_at") if gone else nothing,
    )


def _order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    sort, key, _text, source, kind, _at, gone_at = row
    return sort, bool(gone_at), source if sort == _RECORD else "", kind, key
