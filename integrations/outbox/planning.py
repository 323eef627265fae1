"""Plan a write of a contact: the call that makes the remote record equal with ours. No network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.people.models import Contact
from core.phrases import NAMED_VALUE, SEPARATOR, TEXT, Phrase
from integrations.contracts.exceptions import Permanent
from integrations.contracts.mirror import ContactApi, OutgoingCall, RemoteContact
from integrations.fields.names import FieldNames, stored_name
from integrations.outbox.differences import differences, remembered, unusable, without_left_out
from integrations.outbox.enqueue import RECORD, mirrored_providers
from integrations.outbox.numbers import can_be_found, number_for_creation

_LEFT_OUT = Phrase("{value} was left out: {why}", value=NAMED_VALUE, why=TEXT)
_NOTHING_LEFT = Phrase("{notes}: without it there is nothing to write", notes=TEXT)
_NOT_TO_BE_FOUND = Phrase.worded(
    "the contact has neither an e-mail nor a phone number, by which it could be found there",
    _("The contact has neither an e-mail address nor a phone number to be found by"),
)

SOURCE = stored_name("source")


@dataclass(frozen=True, kw_only=True)
class PlannedWrite:
    """A call that is due, with the values that it changes: stored name → remote value now, and then.

    `left_out`: as `OutgoingWrite` has it.
    """

    call: OutgoingCall
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    left_out: Mapping[str, Any] = field(default_factory=dict)


def plan(
    contact: Contact,
    remote: RemoteContact | None,
    book: ContactApi,
    names: FieldNames,
    *,
    provider: str,
    left_out: Mapping[str, Any] = MappingProxyType({}),
) -> PlannedWrite | None:
    """Return the call that makes the remote record equal with `contact`, None where nothing differs, or only what
    staff left out.

    Nothing is read or written at the provider, so a preview plans as a delivery does. `remote` is the record that
    `merge_remote` has merged, None where a new one is to be created. `left_out`: as `OutgoingWrite` has it. Raises
    Permanent for a contact that could not be found again, and where nothing is left to write.
    """
    synced: Mapping[str, Any] = {}
    decided = remembered(contact, provider)
    left_out = {**decided, **left_out}
    if remote is None:
        after = without_left_out(_creation_values(contact, names, provider=provider), left_out)
        is_enough = bool(after.get("email") or after.get("phone"))
    else:
        record = contact.mappings.get(provider=provider, kind=RECORD, external_id=remote.external_id)
        synced, wanted = record.last_synced_values, differences(contact, names, record)
        if not wanted:
            return None
        after = without_left_out(wanted, left_out)
        if not after and not without_left_out(wanted, decided):
            return None
        is_enough = bool(after)
    left_out = {**left_out, **_left_out(contact, names, provider=provider)}
    if not is_enough:
        raise Permanent(_NOTHING_LEFT(notes=notes_of(left_out)))
    values = {names.remote.get(name, name): value for name, value in after.items()}
    call = book.creation(values) if remote is None else book.change(remote, values)
    before = {name: synced.get(name) for name in after}
    return PlannedWrite(call=call, before=before, after=after, left_out=left_out)


def notes_of(left_out: Mapping[str, Any]) -> str:
    """Return for staff what was left out of a write, and why; "" where nothing was."""
    notes = (
        _LEFT_OUT(value=" ".join(filter(None, [name, one["value"]])), why=one["reason"])
        for name, one in left_out.items()
    )
    return SEPARATOR.join(notes)


def _left_out(contact: Contact, names: FieldNames, *, provider: str) -> dict[str, Any]:
    """Return what of the contact, and of its records elsewhere, can be written nowhere: as `OutgoingWrite.left_out`."""
    reasons = unusable(contact, names)
    for other in contact.mappings.exclude(provider=provider).filter(left_out__isnull=False):
        reasons |= {f"{other.provider} {name}": reason for name, reason in other.left_out.items()}
    return {name: {"value": "", "reason": reason} for name, reason in reasons.items()}


def _creation_values(contact: Contact, names: FieldNames, *, provider: str) -> dict[str, Any]:
    """Return the values of a new record; its source is the provider that the contact is from, where it has none.

    Raises Permanent for a contact that could not be found again, if the answer were lost.
    """
    if not can_be_found(contact):
        raise Permanent(_NOT_TO_BE_FOUND())
    values = differences(contact, names, None, with_frozen=True)
    if not values.get("phone") and (number := number_for_creation(contact)):
        values["phone"] = number
    if SOURCE in names.sent and SOURCE not in values and SOURCE not in contact.origins:  # nobody emptied it
        known = set(contact.mappings.exclude(provider=provider).values_list("provider", flat=True))
        sources = (side.mirror.source for key, side in mirrored_providers().items() if key in known and side.mirror)
        if source := next(sources, ""):
            values[SOURCE] = source
    return values
