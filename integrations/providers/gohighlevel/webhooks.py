"""GoHighLevel's words → our events.

Three dialects reach the one endpoint and are told apart by their envelope:

- marketplace app: {"type": "ContactCreate", "locationId", "id", "webhookId", "timestamp", …flat contact…}, signed
- the two-way sync's own: {"event": "contact.created", "contact": {…}, "locationId"}, what a workflow was told to send
- workflow as it is out of the box: {"contact_id", "first_name", "email", "tags": "a,b", "location": {…}, …}, without
  the name of an event

One change is several webhooks (a create fires an update too), and none is needed: each tells of the contact as it is.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.events import ContactGone, ContactReported, Event
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import Envelope, Payload, StoredWebhook
from integrations.providers.gohighlevel import fields
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
_TOLD_AT = (("timestamp",), *_CHANGED_AT)
_CREATED = {"ContactCreate", "contact.created"}


def read(payload: Payload) -> Envelope:
    """The envelope of a payload in any dialect. Raises Unreadable, naming the field, for what is none."""
    event_type, person = _type_of(payload), _person(payload)
    values = within(_inside(payload), lambda: fields.read(person)) if event_type in HANDLED else {}
    contact_id = text_of(person, _CONTACT_ID)
    if event_type in HANDLED and not contact_id and not values.get("email") and not values.get("phone"):
        raise Unreadable("email: an e-mail, a phone or an id is expected", at=(*_inside(payload), "email"))
    webhook_id = text_at(payload, "webhookId") if is_app(payload) else ""
    told_at = moment_at(payload, _TOLD_AT) or moment_at(person, _TOLD_AT)
    named = contact_id or values.get("email") or values.get("phone") or ""
    noticed = event_type in HANDLED and is_notice(payload) and not told_at and not webhook_id
    return Envelope(
        event_type=event_type[:100],
        external_id=(webhook_id or contact_id)[:200],
        key=f"{SOURCE}_{webhook_id}" if webhook_id else digest_id(SOURCE, payload),
        record="" if webhook_id or told_at or noticed or not named else f"contact:{str(named).lower()}",
        is_notice=noticed,
    )


def is_notice(payload: Payload) -> bool:
    """Return whether a payload only names a contact, and says nothing of it."""
    person = _person(payload)
    return bool(text_of(person, _CONTACT_ID)) and not fields.read(person) and _tags(person.get("tags")) is None


def is_app(payload: Payload) -> bool:
    """Return whether GoHighLevel itself wrote it, for a marketplace app."""
    return "event" not in payload and isinstance(payload.get("type"), str) and not isinstance(_inner(payload), Mapping)


def parse(webhook: StoredWebhook) -> list[Event]:
    """The contact, as it was told, or that it is gone; nothing for a deletion that names no id. Raises Unmatched where
    nobody is named.
    """
    payload, person = webhook.payload, _person(webhook.payload)
    told_at = moment_at(payload, _TOLD_AT) or moment_at(person, _TOLD_AT)
    if told_at is None and webhook.event_type in _CREATED:
        told_at = read_moment(text_of(person, (("dateAdded",), ("dateCreated",))))
    occurred_at = min(told_at or webhook.received_at, webhook.received_at)
    if webhook.event_type in DELETIONS:
        contact_id = named_contact(webhook)
        return [ContactGone(occurred_at=occurred_at, contact_id=contact_id)] if contact_id else []
    return [contact(person, occurred_at=occurred_at, is_whole=webhook.is_signed and is_app(payload))]


def contact(record: Mapping[str, Any], *, occurred_at: datetime, is_whole: bool) -> ContactReported:
    """A contact's record, of the API or of a webhook. Raises Unmatched where it names nobody."""
    values, contact_id = fields.read(record), text_of(record, _CONTACT_ID)
    email = str(values.get("email", ""))
    if not contact_id and not email:
        raise Unmatched("the event names no e-mail")
    return ContactReported(
        occurred_at=occurred_at,
        # Without an id the address is the record: what was told of it before must be known, to see what changed.
        identities={"contact": contact_id} if contact_id else {"email": email.lower()} if len(email) <= 100 else {},
        tags=_tags(record.get("tags")),
        is_whole=is_whole,
        changed_at=moment_at(record, _CHANGED_AT),
        **for_report(values),
    )


def named_contact(webhook: StoredWebhook) -> str:
    """The id of the contact that a delivery is about; "" for none."""
    return text_of(_person(webhook.payload), _CONTACT_ID)


def only_named(contact_id: str, *, event_type: str = "contact.updated") -> Payload:
    """A payload that tells nothing but which contact is meant."""
    return {"event": event_type, "contact": {"id": contact_id}}


def as_webhook(kind: str, record: Mapping[str, Any]) -> Payload:
    """The webhook that tells of a record, in the dialect of the two-way sync."""
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
    """The contact within a payload: under "contact", else the payload itself."""
    inner = _inner(payload)
    if inner is None:
        if text_at(payload, "event") in SYNC and text_at(payload, "event") not in DELETIONS:
            raise Unreadable("contact: a record is expected", at=("contact",))
        return payload
    if not isinstance(inner, Mapping):
        raise Unreadable(f"contact: a record is expected, a {type(inner).__name__} came", at=("contact",))
    return inner


def _tags(value: Any) -> tuple[str, ...] | None:
    """The whole list of tags, None where it was not told; workflows send one text with commas."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return None
    return tuple(tag.strip() for tag in value if isinstance(tag, str) and tag.strip())
