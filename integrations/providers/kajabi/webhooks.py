"""Parsing of Kajabi's webhooks into our events.

Four dialects reach the same endpoints and are told apart by their envelope, not by the URL:

- NSSA relay: {"type", "id": "evt_…", "member": {…}, "offer": {…}}
- LEAPS relay: {"event_type", "event_id", "created_at", "data": {…}}
- native API hook: {"id", "event", "payload": [JSON:API resources]}; the id is the resource's, so the same for every
  hook about it
- in-app hook: {"id", "event", "payload": {flat or nested}} or the same with "offer", "member", … beside the event

Kajabi has no event for a cancellation, renewal, expiry or refund: those come from relays.
"""

from collections.abc import Mapping
from typing import Any

from core.phrases import Phrase
from integrations.contracts import reasons
from integrations.contracts.events import Event
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import Envelope, Payload, StoredWebhook
from integrations.providers.kajabi import completed, fields, memberships, native, progress, relay, samples
from integrations.toolkit.reading import digest_of, first_text, moment_at, moment_of_uuid, text_at

_NO_TYPE = Phrase('no event type: expected "type", "event_type" or "event" with a text')
_NO_LIST = Phrase('{type}: "payload" should be a list of resources')

HANDLED = {
    *memberships.TYPES,
    *native.TYPES,
    *completed.TYPES,
    *progress.TYPES,
    "contact.created",
    "contact.updated",
    "form.submitted",
}
# Native tag deliveries hold the contact and the tag, and neither a time nor an id of their own.
REPEATABLE = frozenset({"tag_added", "tag_removed"})
IGNORED: Mapping[str, str] = {
    "test": samples.A_TEST,
    "order.created": Phrase("the sale is reported by purchase.created and payment.succeeded")(),
}


def read(payload: Payload) -> Envelope:
    """Return the envelope of a payload in any dialect. Raises Unreadable where no event type stands anywhere."""
    dialect, type_key, body = _dialect(payload)
    event_type = text_at(payload, type_key)
    if not event_type:
        raise Unreadable(_NO_TYPE())
    external_id = text_at(payload, "event_id" if dialect == "leaps" else "id")
    if dialect == "native" or not external_id:
        # The id names a resource, or there is none: what makes the delivery itself is its whole content.
        key = f"{dialect}:{event_type}:{external_id}:{digest_of(payload)[:32]}"
    else:
        key = f"{dialect}:{external_id}"
    ignored = samples.A_TEST if samples.is_sample(event_type, payload, body) else ""
    return Envelope(event_type=event_type[:100], external_id=external_id[:200], key=key, ignored=ignored)


def parse(webhook: StoredWebhook) -> list[Event]:
    """Return the events of a stored webhook, subscriptions first; none for a sample.

    Raises Unmatched where it names nobody.
    """
    payload, event_type = webhook.payload, webhook.event_type
    dialect, _type_key, body = _dialect(payload)
    if samples.is_sample(event_type, payload, body):
        return []
    if event_type in native.TYPES:
        resources = payload.get("payload")
        if not isinstance(resources, list):
            raise Unreadable(_NO_LIST(type=event_type))
        return native.read(event_type, resources, default_time=webhook.received_at)

    # An event without a date may have a version 1 UUID as its id, which holds a time; else it happened when it came.
    created = moment_of_uuid(webhook.external_id)
    default_time = created if created is not None and created <= webhook.received_at else webhook.received_at
    if event_type in progress.TYPES:
        return [progress.read(webhook, body, default_time=default_time)]
    occurred_at = moment_at(body, fields.OCCURRED_INSIDE) or moment_at(payload, fields.OCCURRED) or default_time
    if event_type == "form.submitted":
        return relay.form(body, event_id=webhook.external_id, occurred_at=occurred_at)
    kind = "member" if dialect == "in-app" else "relay"
    if event_type in completed.TYPES:
        inner = payload.get("data")
        whole = {**payload, **(inner if isinstance(inner, Mapping) else {}), **body}
        return completed.read(event_type, whole, event_id=webhook.external_id, kind=kind, occurred_at=occurred_at)
    if event_type not in memberships.TYPES:
        return [relay.contact(body, occurred_at=occurred_at)]

    buyer = fields.buyer(body, kind=kind)
    if not buyer.email:
        raise Unmatched(reasons.NO_EMAIL())
    whole = {**payload, **body}
    if dialect == "leaps" and not first_text(whole, fields.PURCHASE):
        whole["purchase_id"] = text_at(body, "id")
    return [
        memberships.read(event_type, whole, buyer=buyer, kind=kind, occurred_at=occurred_at),
    ]


def _dialect(payload: Payload) -> tuple[str, str, Mapping[str, Any]]:
    """Return the dialect of a payload, the key of its event type, and the object that holds its values."""
    if "event_type" in payload:
        inner = payload.get("data")
        return "leaps", "event_type", inner if isinstance(inner, Mapping) else payload
    if "event" not in payload:
        return "nssa", "type", payload
    inner = payload.get("payload")
    if isinstance(inner, list):
        return "native", "event", payload
    return "in-app", "event", inner if isinstance(inner, Mapping) else payload
