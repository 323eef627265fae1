"""Contacts of an account, as its webhooks tell of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.events import ContactReported
from integrations.contracts.exceptions import Unreadable
from integrations.toolkit.reading import text_at

# Ours → the places where Chatwoot holds it. A place that is not there says nothing; one that is empty says "none".
_COLUMNS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "phone": (("phone_number",),),
    "city": (("additional_attributes", "city"),),
    "country": (("additional_attributes", "country"),),
}


def contact(body: Mapping[str, Any], *, account_id: str, occurred_at: datetime) -> ContactReported:
    """A contact as a webhook has it, whole: many visitors have neither name nor e-mail. Raises Unreadable without id.

    Chatwoot keeps one name; its first word is taken for the first name.
    """
    contact_id = text_at(body, "id")
    if not contact_id:
        raise Unreadable("the event names no contact")
    fields: dict[str, Any] = {}
    if "name" in body:
        first, _space, last = text_at(body, "name").partition(" ")
        fields |= {"first_name": first, "last_name": last.strip()}
    for ours, places in _COLUMNS.items():
        for path in places:
            if _is_told(body, path):
                fields[ours] = text_at(body, *path)
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


def _is_told(body: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(body, Mapping) or name not in body:
            return False
        body = body[name]
    return True
