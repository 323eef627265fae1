"""Read GoHighLevel's webhooks, of every dialect (`dialects`), as our events.

One change is several webhooks (a create fires an update too), and none is needed: each has the contact as it is. Where
the API can be asked a webhook is only a hint, and its contact's id is all that is taken from it (`confirming`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.phrases import Phrase
from integrations.contracts import reasons
from integrations.contracts.configured import missing
from integrations.contracts.events import ContactGone, ContactReported, Event
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import Envelope, Payload, StoredWebhook
from integrations.providers.gohighlevel import dialects, fields
from integrations.providers.gohighlevel.client import API_SETTINGS
from integrations.providers.gohighlevel.dialects import Delivery
from integrations.toolkit.fields import Path, for_report, text_of
from integrations.toolkit.reading import moment_at, read_moment, text_at
from integrations.toolkit.replies import digest_id

_ONLY_CONTACTS = Phrase("entity_type: only a contact is expected from GoHighLevel")

SOURCE = "ghl"
APP = ("ContactCreate", "ContactUpdate", "ContactTagUpdate", "ContactDndUpdate", "ContactDelete")
SYNC = ("contact.created", "contact.updated", "contact.deleted")
DELETIONS = ("ContactDelete", "contact.deleted")
HANDLED = {*APP, *SYNC}
_WRITTEN_THERE = Phrase("opportunities are written there, not read")()
APP_IGNORED: Mapping[str, str] = {
    "INSTALL": Phrase("the app was installed")(),
    "UNINSTALL": Phrase("the app was removed")(),
    "LocationCreate": Phrase("other locations are not ours")(),
    **dict.fromkeys(("OpportunityCreate", "OpportunityUpdate", "OpportunityDelete"), _WRITTEN_THERE),
    **dict.fromkeys(("OpportunityStageUpdate", "OpportunityStatusUpdate"), _WRITTEN_THERE),
    **dict.fromkeys(("OpportunityAssignedToUpdate", "OpportunityMonetaryValueUpdate"), _WRITTEN_THERE),
}
IGNORED: Mapping[str, str] = APP_IGNORED
_KNOWN = frozenset({*HANDLED, *IGNORED})
_CONTACT_ID: tuple[Path, ...] = (("contactId",), ("id",))
_CHANGED_AT = (("dateUpdated",), ("date_updated",))
_REPORTED_AT = (("timestamp",), *_CHANGED_AT)
_CREATED = {"ContactCreate", "contact.created"}


def read(payload: Payload) -> Envelope:
    """Return the envelope of a payload in any dialect. Raises Unreadable, naming the field, for what is none."""
    delivery = _understood(payload)
    event_type, contact_id = delivery.event_type, delivery.contact_id
    parsed = fields.parse(delivery.record)
    named = contact_id or parsed.values.get("email") or parsed.values.get("phone") or ""
    if event_type in HANDLED and not named:
        raise parsed.unidentified("an e-mail, a phone or an id is expected", at=(*delivery.inside, "email"))
    webhook_id = text_at(payload, "webhookId") if delivery.is_app else ""
    reported_at = _reported_at(payload, delivery)
    notice = event_type in HANDLED and _is_notice(delivery) and not reported_at and not webhook_id
    return Envelope(
        event_type=event_type[:100],
        external_id=(webhook_id or contact_id)[:200],
        key=f"{SOURCE}_{webhook_id}" if webhook_id else digest_id(SOURCE, payload),
        record="" if webhook_id or reported_at or notice or not named else f"contact:{str(named).lower()}",
        is_notice=notice,
    )


def parse(webhook: StoredWebhook) -> list[Event]:
    """Return the contact as reported, or its deletion; nothing for a deletion without an id.

    Raises Unmatched where nobody is named, and for a notice where the API, which has the values, is not configured.
    """
    delivery = _understood(webhook.payload)
    contact_id, record = delivery.contact_id, delivery.record
    if webhook.event_type not in DELETIONS and missing(API_SETTINGS) and _is_notice(delivery):
        raise Unmatched(reasons.ONLY_AN_ID(kind="contact", provider="GoHighLevel"))
    reported_at = _reported_at(webhook.payload, delivery)
    if reported_at is None and webhook.event_type in _CREATED:
        reported_at = read_moment(text_of(record, (("dateAdded",), ("dateCreated",))))
    occurred_at = min(reported_at or webhook.received_at, webhook.received_at)
    if webhook.event_type in DELETIONS:
        return [ContactGone(occurred_at=occurred_at, contact_id=contact_id)] if contact_id else []
    named = {**record, "contactId": contact_id} if contact_id else record
    return [contact(named, occurred_at=occurred_at, is_whole=webhook.is_signed and delivery.is_app)]


def contact(record: Mapping[str, Any], *, occurred_at: datetime, is_whole: bool) -> ContactReported:
    """Return a contact's record, of the API or of a webhook, as an event. Raises Unmatched where it names nobody."""
    parsed, contact_id = fields.parse(record, is_whole=is_whole), text_of(record, _CONTACT_ID)
    email = str(parsed.values.get("email", ""))
    if not contact_id and not email:
        raise Unmatched(reasons.NO_EMAIL())
    reported = for_report(parsed)
    reported["custom_fields"] |= fields.settings_of(record)
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
        **reported,
    )


def named_contact(webhook: StoredWebhook) -> str:
    """Return the id of the contact that a delivery is about; "" for none."""
    return _understood(webhook.payload).contact_id


def only_named(contact_id: str, *, event_type: str = "contact.updated") -> Payload:
    """Return a payload with nothing but the id of a contact."""
    return {"event": event_type, "contact": {"id": contact_id}}


def as_webhook(kind: str, record: Mapping[str, Any]) -> Payload:
    """Return the webhook that reports a record, in the dialect of the two-way sync."""
    if kind != "contact":
        raise Unreadable(_ONLY_CONTACTS(), at=("entity_type",))
    return {"event": "contact.updated", "contact": dict(record)}


def _understood(payload: Payload) -> Delivery:
    return dialects.understand(payload, known=_KNOWN, can_be_asked=not missing(API_SETTINGS))


def _is_notice(delivery: Delivery) -> bool:
    """Return whether a payload has the id of a contact and none of its values."""
    has_values = bool(fields.read(delivery.record)) or isinstance(delivery.record.get("tags"), str | list)
    return bool(delivery.contact_id) and not has_values


def _reported_at(payload: Payload, delivery: Delivery) -> datetime | None:
    """Return when a payload says that it was so; None for a workflow's, which says nothing but what labels may say."""
    if delivery.is_workflow:
        return None
    return moment_at(payload, _REPORTED_AT) or moment_at(delivery.record, _REPORTED_AT)
