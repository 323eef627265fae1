"""Parsing of contacts in an account's webhooks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.phrases import Phrase
from integrations.contracts.events import ContactReported
from integrations.contracts.exceptions import Unreadable
from integrations.toolkit.reading import text_at

_NO_CONTACT = Phrase("the event names no contact")

# Field of our contact → its path at Chatwoot. A missing path leaves the field alone; an empty value clears it.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "phone": ("phone_number",),
    "city": ("additional_attributes", "city"),
    "country": ("additional_attributes", "country"),
}


def contact(body: Mapping[str, Any], *, account_id: str, occurred_at: datetime) -> ContactReported:
    """Parse a contact, whole: many visitors have neither name nor e-mail. Raises Unreadable without an id.

    Chatwoot has one name; its first word counts as the first name.
    """
    contact_id = text_at(body, "id")
    if not contact_id:
        raise Unreadable(_NO_CONTACT())
    fields: dict[str, Any] = {}
    if "name" in body:
        first, _space, last = text_at(body, "name").partition(" ")
        fields |= {"first_name": first, "last_name": last.strip()}
    for field, path in _FIELDS.items():
        if _is_present(body, path):
            fields[field] = text_at(body, *path)
    custom = body.get("custom_attributes")
    identifier = text_at(body, "identifier")
    return ContactReported(
        occurred_at=occurred_at,
        email=text_at(body, "email"),
        identities={"contact": contact_id},
        company=account_id,
        fields=fields,
        custom_fields={
            **(custom if isinstance(custom, Mapping) else {}),
            **({"chatwoot_identifier": identifier} if identifier else {}),
        },
        is_whole=True,
    )


def _is_present(body: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(body, Mapping) or name not in body:
            return False
        body = body[name]
    return True
