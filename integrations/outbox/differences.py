"""Differences between a contact and a provider's record of it."""

from collections.abc import Mapping
from typing import Any

from accounts.people.contact_report import EMPTY, value_of
from accounts.people.models import Contact, ContactChange, ContactMapping
from core.field_names import custom
from core.text import Parsed
from integrations.fields.names import FieldNames, as_text
from integrations.outbox.models import OutgoingWrite, RefusedValue
from integrations.toolkit.fields import Parser, parse_birthday, parse_emails, parse_phones, parse_text

_PARSERS: Mapping[str, Parser] = {
    "email": parse_emails,
    "phone": parse_phones,
    custom("cell_phone"): parse_phones,
    custom("sms_phone"): parse_phones,
    custom("date_of_birth"): parse_birthday,
}


def differences(
    contact: Contact, names: FieldNames, record: ContactMapping | None, *, with_frozen: bool = False
) -> dict[str, Any]:
    """Return stored name → our value, for each that the provider knows and that its `record` (None: none yet) has not.

    An empty value counts only where somebody emptied it, not where nobody ever filled it in. A value that no provider
    takes counts as none (`unusable`), and one that the record has under another of the person's addresses or numbers is
    no difference (`ContactMapping.accepted`). Frozen fields are left out unless `with_frozen`; they take one query more
    where something differs.
    """
    synced = record.last_synced_values if record else {}
    accepted = record.accepted if record else {}
    differing = {}
    for name in names.sent:
        value, there = value_of(contact, name), synced.get(name)
        if (value in EMPTY and name not in contact.origins) or accepted.get(name) == [there, value]:
            continue
        if parse := names.lists.get(name):
            value, there = parse(value), parse(there)
            if value != there:
                differing[name] = value
            continue
        parsed = readable(name, value)
        # What is stored of theirs may be in a form that `parse` gave a number in earlier.
        if not is_unusable(parsed) and parsed.best not in (as_text(there), readable(name, there).best):
            differing[name] = parsed.best
    if differing and not with_frozen:
        frozen = contact.changes.filter(kind=ContactChange.Kind.FROZEN, settled_at=None)
        for name in frozen.values_list("name", flat=True):
            differing.pop(name, None)
    return differing


def due(contact: Contact, names: FieldNames, record: ContactMapping) -> dict[str, Any]:
    """Return the differences that a write is due for: without values that the last write had to leave out.

    Those are tried again with the next write, or when staff press *sync now*; what staff left out is not.
    """
    differing = differences(contact, names, record)
    if differing:
        writes = OutgoingWrite.objects.filter(
            provider=record.provider, contact=contact, kind=OutgoingWrite.Kind.CONTACT, finished_at__isnull=False
        )
        left_out = writes.order_by("-pk").values_list("left_out", flat=True).first() or {}
        return without_left_out(differing, {**remembered(contact, record.provider), **left_out})
    return differing


def remembered(contact: Contact, provider: str) -> dict[str, dict[str, Any]]:
    """Return what staff left out of the contact's writes at a provider, as `OutgoingWrite.left_out`."""
    rows = RefusedValue.objects.filter(contact=contact, provider=provider, status=RefusedValue.Status.LEFT_OUT)
    return {one.name: {"value": one.value, "reason": one.reason} for one in rows}


def without_left_out(values: Mapping[str, Any], left_out: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that were not left out of a write; `left_out` is as `OutgoingWrite` has it."""
    return {name: value for name, value in values.items() if left_out.get(name, {}).get("value") != value}


def unusable(contact: Contact, names: FieldNames) -> dict[str, str]:
    """Return stored name → why our value cannot be written: it is no address, number or date."""
    parsed = {name: readable(name, value_of(contact, name)) for name in names.sent}
    return {name: one.left_out for name, one in parsed.items() if is_unusable(one)}


def readable(name: str, value: Any) -> Parsed:
    """Return what of a value can be written, as any provider takes it."""
    return _PARSERS.get(name, parse_text)(as_text(value))


def is_unusable(parsed: Parsed) -> bool:
    """Return whether nothing of a value can be written, which is more than that there is none."""
    return bool(parsed.left_out) and not parsed.values
