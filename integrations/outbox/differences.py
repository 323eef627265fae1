"""Differences between a contact and a provider's record of it."""

from collections.abc import Mapping
from typing import Any

from accounts.people.contact_changes import frozen_names
from accounts.people.contact_report import EMPTY, value_of
from accounts.people.models import Contact
from integrations.fields.names import FieldNames, as_text


def differing(contact: Contact, names: FieldNames, theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Stored name → our value, for each that the provider knows and has otherwise in `theirs` (stored names, too).

    An empty value of ours is said only where somebody emptied it: what nobody ever told is nothing to tell.
    """
    found = {}
    for name in names.sent:
        mine = value_of(contact, name)
        if mine in EMPTY and name not in contact.origins:
            continue
        if as_text(mine) != as_text(theirs.get(name)):
            found[name] = as_text(mine)
    return found


def to_be_written(contact: Contact, names: FieldNames, theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs and is not frozen; one query more where something differs."""
    found = differing(contact, names, theirs)
    frozen = frozen_names(contact) if found else frozenset()
    return {name: value for name, value in found.items() if name not in frozen}
