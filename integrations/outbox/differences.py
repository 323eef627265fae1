"""Differences between a contact and a provider's record of it."""

from collections.abc import Mapping
from typing import Any

from accounts.people.contact_report import EMPTY, value_of
from accounts.people.models import Contact, ContactChange
from integrations.fields.names import FieldNames, as_text


def differences(
    contact: Contact, names: FieldNames, synced: Mapping[str, Any], *, with_frozen: bool = False
) -> dict[str, Any]:
    """Return stored name → our value, for each that the provider knows and that differs from its `synced` value.

    An empty value counts only where somebody emptied it, not where nobody ever filled it in. Frozen fields are left out
    unless `with_frozen`; they take one query more where something differs.
    """
    differing = {}
    for name in names.sent:
        value = value_of(contact, name)
        if value in EMPTY and name not in contact.origins:
            continue
        if as_text(value) != as_text(synced.get(name)):
            differing[name] = as_text(value)
    if differing and not with_frozen:
        frozen = contact.changes.filter(kind=ContactChange.Kind.FROZEN, settled_at=None)
        for name in frozen.values_list("name", flat=True):
            differing.pop(name, None)
    return differing
