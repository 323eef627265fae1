"""Read GoHighLevel's webhooks as our events.

Three dialects reach the one endpoint and are recognised by their envelope:

- marketplace app: {"type": "ContactCreate", "locationId", "id", "webhookId", "timestamp", …flat contact…}, signed
- the two-way sync's own: {"event": "contact.created", "contact": {…}, "locationId"}, what a workflow was set up to send
- workflow as it is out of the box: {"contact_id", "first_name", "email", "tags": "a,b", "location": {…}, …}, without
  the name of an event

One change is several webhooks (a create fires an update too), and none is needed: each has the contact as it is.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.events import ContactGone, ContactReported, Event
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import Envelope, Payload, StoredWebhook
from integrations.providers.gohighlevel import fields
from integrations.providers.gohighlevel.client import is_configured
from integrations.toolkit.fields import Path, for_report, text_of, within
from integrations.toolkit.reading import moment_at, read_moment, text_at
from integrations.toolkit.replies import digest_id

SOURCE = "ghl"
APP = ("ContactCreate", "ContactUpdate", "ContactTagUpdate", "ContactDndUpdate", "ContactDelete")
SYNC = ("contact.created", "contact.updated", "contact.deleted")
DELETIONS = ("ContactDelete", "contact.deleted")
HANDLED = {*APP, *SYNC}
_WRITTEN_THERE = "opportunities are written there, not read"
APP_IGNORED: Mapping[str, str] = {
    "INSTALL": "the app was installed",
    "UNINSTALL": "the app was removed",
    "LocationCreate": "other locations are not ours",
    **dict.fromkeys(("OpportunityCreate", "OpportunityUpdate", "OpportunityDelete"), _WRITTEN_THERE),
    **dict.fromkeys(("OpportunityStageUpdate", "OpportunityStatusUpdate"), _WRITTEN_THERE),
    **dict.fromkeys(("OpportunityAssignedToUpdate", "OpportunityMonetaryValueUpdate"), _WRITTEN_THERE),
}
IGNORED: Mapping[str, str] = APP_IGNORED
_CONTACT_ID: tuple[Path, ...] = (("contactId",), ("id",))
_CHANGED_AT = (("dateUpdated",), ("date_updated",))
_REPORTED_AT = (("timestamp",), *_CHANGED_AT)
_CREATED = {"ContactCreate", "contact.created"}


def read(payload: Payload) -> Envelope:
    """Return the envelope of a payload in any dialect. Raises Unreadable, naming the field, for what is none."""
    event_type, person = _type_of(payload), _person(payload)
    values = within(_inside(payload), lambda: fields.read(person)) if event_type in HANDLED else {}
    contact_id = text_of(person, _CONTACT_ID)
    if event_type in HANDLED and not contact_id and not values.get("email") and not values.get("phone"):
        raise Unreadable("email: an e-mail, a phone or an id is expected", at=(*_inside(payload), "email"))
    webhook_id = text_at(payload, "webhookId") if is_app(payload) else ""
    reported_at = moment_at(payload, _REPORTED_AT) or moment_at(person, _REPORTED_AT)
    named = contact_id or values.get("email") or values.get("phone") or ""
    notice = event_type in HANDLED and is_notice(payload) and not reported_at and not webhook_id
    return Envelope(
        event_type=event_type[:100],
        external_id=(webhook_id or contact_id)[:200],
        key=f"{SOURCE}_{webhook_id}" if webhook_id else digest_id(SOURCE, payload),
        record="" if webhook_id or reported_at or notice or not named else f"contact:{str(named).lower()}",
        is_notice=notice,
    )


def is_notice(payload: Payload) -> bool:
    """Return whether a payload has the id of a contact and none of its values."""
    person = _person(payload)
    has_values = bool(fields.read(person)) or isinstance(person.get("tags"), str | list)
    return bool(text_of(person, _CONTACT_ID)) and not has_values


def is_app(payload: Payload) -> bool:
    """Return whether GoHighLevel itself wrote it, for a marketplace app."""
    return "event" not in payload and isinstance(payload.get("type"), str) and not isinstance(_inner(payload), Mapping)


def parse(webhook: StoredWebhook) -> list[Event]:
    """Return the contact as reported, or its deletion; nothing for a deletion without an id.

    Raises Unmatched where nobody is named, and for a notice where the API, which has the values, is not configured.
    """
    payload, person = webhook.payload, _person(webhook.payload)
    if webhook.event_type not in DELETIONS and not is_configured() and is_notice(payload):
        raise Unmatched("the notice only names a contact, and GoHighLevel's API is not configured to be asked")
    reported_at = moment_at(payload, _REPORTED_AT) or moment_at(person, _REPORTED_AT)
    if reported_at is None and webhook.event_type in _CREATED:
        reported_at = read_moment(text_of(person, (("dateAdded",), ("dateCreated",))))
    occurred_at = min(reported_at or webhook.received_at, webhook.received_at)
    if webhook.event_type in DELETIONS:
        contact_id = named_contact(webhook)
        return [ContactGone(occurred_at=occurred_at, contact_id=contact_id)] if contact_id else []
    return [contact(person, occurred_at=occurred_at, is_whole=webhook.is_signed and is_app(payload))]


def contact(record: Mapping[str, Any], *, occurred_at: datetime, is_whole: bool) -> ContactReported:
    """Return a contact's record, of the API or of a webhook, as an event. Raises Unmatched where it names nobody."""
    values, contact_id = fields.read(record), text_of(record, _CONTACT_ID)
    email = str(values.get("email", ""))
    if not contact_id and not email:
        raise Unmatched("the event names no e-mail")
    tags = record.get("tags")
    tags = tags.split(",") if isinstance(tags, str) else tags  # workflows send one text with commas
    return ContactReported(
        occurred_at=occurred_at,
        # Without an id the address is the record: what was reported of it before must be known, to see what changed.
        identities={"contact": contact_id} if contact_id else {"email": email.lower()} if len(email) <= 100 else {},
        tags=(
            tuple(tag.strip() for tag in tags if isinstance(tag, str) and tag.strip())
            if isinstance(tags, list)
            else None
        ),
        is_whole=is_whole,
        changed_at=moment_at(record, _CHANGED_AT),
        **for_report(values),
    )


def named_contact(webhook: StoredWebhook) -> str:
    """Return the id of the contact that a delivery is about; "" for none."""
    return text_of(_person(webhook.payload), _CONTACT_ID)


def only_named(contact_id: str, *, event_type: str = "contact.updated") -> Payload:
    """Return a payload with nothing but the id of a contact."""
    return {"event": event_type, "contact": {"id": contact_id}}


def as_webhook(kind: str, record: Mapping[str, Any]) -> Payload:
    """Return the webhook that reports a record, in the dialect of the two-way sync."""
    if kind != "contact":
        raise Unreadable("entity_type: only a contact is expected from GoHighLevel", at=("entity_type",))
    return {"event": "contact.updated", "contact": dict(record)}


def _type_of(payload: Payload) -> str:
    for name in ("event", "type"):
        if name in payload and not isinstance(payload[name], str):
            raise Unreadable(f"{name}: the name of an event is expected", at=(name,))
        if event_type := text_at(payload, name):
            return event_type
    if text_of(payload, (("contact_id",),)):  # a workflow names no event
        return "contact.updated"
    raise Unreadable('event: the name of an event is expected under "event" or "type"', at=("event",))


def _inner(payload: Payload) -> Any:
    return payload.get("contact")


def _inside(payload: Payload) -> tuple[str, ...]:
    return ("contact",) if isinstance(_inner(payload), Mapping) else ()


def _person(payload: Payload) -> Mapping[str, Any]:
    """Return the contact within a payload: under "contact", else the payload itself."""
    inner = _inner(payload)
    if inner is None:
        if text_at(payload, "event") in SYNC and text_at(payload, "event") not in DELETIONS:
            raise Unreadable("contact: a record is expected", at=("contact",))
        return payload
    if not isinstance(inner, Mapping):
        raise Unreadable(f"contact: a record is expected, a {type(inner).__name__} came", at=("contact",))
    return inner
