"""Kajabi's words → our events.

Four dialects reach the same endpoints and are told apart by their envelope, not by the URL:

- NSSA relay: {"type", "id": "evt_…", "member": {…}, "offer": {…}}
- LEAPS relay: {"event_type", "event_id", "created_at", "data": {…}}
- native API hook: {"id", "event", "payload": [JSON:API resources]}; the id is the resource's, so the same for every
  hook about it
- in-app hook: {"id", "event", "payload": {flat or nested}} or the same with "offer", "member", … beside the event

Kajabi has no event for a cancellation, renewal, expiry or refund: those come from relays.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.events import (
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    MembershipEvent,
    OfferPurchased,
    PaymentFailed,
    PaymentSucceeded,
    PurchaseRefunded,
    SubscriptionCanceled,
    SubscriptionExpired,
    SubscriptionPaused,
    SubscriptionRenewed,
    SubscriptionResumed,
)
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import Envelope, Payload, StoredWebhook
from integrations.providers.kajabi import completed, fields, native, progress, relay, samples, terms
from integrations.toolkit.reading import digest_of, first_text, moment_of_uuid, text_at

MEMBERSHIP: Mapping[str, type[MembershipEvent]] = {
    "offer.purchased": OfferPurchased,
    "purchase.created": OfferPurchased,
    "payment.succeeded": PaymentSucceeded,
    "member.subscription.canceled": SubscriptionCanceled,
    "member.subscription.renewed": SubscriptionRenewed,
    "member.subscription.expired": SubscriptionExpired,
    "purchase.refunded": PurchaseRefunded,
    # Names under which relays report what Kajabi itself has no event for, by the words of the payment processors.
    **dict.fromkeys(("member.subscription.cancelled", "purchase.canceled", "purchase.cancelled"), SubscriptionCanceled),
    **dict.fromkeys(("purchase.expired", "purchase.deactivated"), SubscriptionExpired),
    **dict.fromkeys(("member.subscription.refunded", "payment.refunded", "charge.refunded"), PurchaseRefunded),
    **dict.fromkeys(
        (
            "payment.failed",
            "purchase.payment_failed",
            "invoice.payment_failed",
            "member.subscription.payment_failed",
            "member.subscription.past_due",
        ),
        PaymentFailed,
    ),
    **dict.fromkeys(("member.subscription.paused", "purchase.paused"), SubscriptionPaused),
    **dict.fromkeys(
        (
            "member.subscription.resumed",
            "member.subscription.reactivated",
            "member.subscription.uncanceled",
            "purchase.resumed",
            "purchase.reactivated",
        ),
        SubscriptionResumed,
    ),
    **dict.fromkeys(
        (
            "purchase.disputed",
            "payment.disputed",
            "dispute.opened",
            "dispute.created",
            "dispute.closed",
            "purchase.dispute.opened",
            "purchase.dispute.closed",
            "charge.dispute.created",
            "charge.dispute.closed",
        ),
        DisputeOpened,
    ),
    **dict.fromkeys(("dispute.won", "purchase.dispute.won", "purchase.dispute_won"), DisputeWon),
    **dict.fromkeys(("dispute.lost", "purchase.dispute.lost", "purchase.dispute_lost"), DisputeLost),
}
NATIVE = ("purchase", "payment_succeeded", "order_created", "form_submission", "tag_added", "tag_removed")
HANDLED = {
    *MEMBERSHIP,
    *NATIVE,
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
    "order.created": "the sale is told by purchase.created and payment.succeeded",
}


def read(payload: Payload) -> Envelope:
    """The envelope of a payload in any dialect. Raises Unreadable where no event type stands anywhere."""
    dialect = _dialect(payload)
    event_type = text_at(payload, _TYPE_AT[dialect])
    if not event_type:
        raise Unreadable('no event type: expected "type", "event_type" or "event" with a text')
    external_id = text_at(payload, "event_id" if dialect == "leaps" else "id")
    if dialect == "native" or not external_id:
        # The id names a resource, or there is none: what makes the delivery itself is its whole content.
        key = f"{dialect}:{event_type}:{external_id}:{digest_of(payload)[:32]}"
    else:
        key = f"{dialect}:{external_id}"
    ignored = samples.A_TEST if _is_sample(payload, event_type) else ""
    return Envelope(event_type=event_type[:100], external_id=external_id[:200], key=key, ignored=ignored)


def parse(webhook: StoredWebhook) -> list[Event]:
    """The events that a kept delivery tells of, subscriptions first; none for a sample. Raises Unmatched where it names
    nobody.
    """
    payload = webhook.payload
    if _is_sample(payload, webhook.event_type):
        return []
    dialect = _dialect(payload)
    if webhook.event_type in NATIVE:
        resources = payload.get("payload")
        if not isinstance(resources, list):
            raise Unreadable(f'{webhook.event_type}: "payload" should be a list of resources')
        return native.read(webhook.event_type, resources, otherwise=webhook.received_at)
    body = _BODY[dialect](payload)
    if webhook.event_type in progress.TYPES:
        return [progress.read(webhook, body, otherwise=_undated(webhook))]
    doubts: list[str] = []
    told_at = fields.occurred_at(payload, body, doubts=doubts) or _undated(webhook)
    if webhook.event_type == "form.submitted":
        return relay.form(body, event_id=webhook.external_id, occurred_at=told_at)
    if webhook.event_type in completed.TYPES:
        inner = payload.get("data")
        whole = {**payload, **(inner if isinstance(inner, Mapping) else {}), **body}
        kind = "member" if dialect == "in-app" else "relay"
        return completed.read(webhook.event_type, whole, event_id=webhook.external_id, kind=kind, occurred_at=told_at)
    if webhook.event_type not in MEMBERSHIP:
        return [relay.contact(body, occurred_at=told_at)]
    buyer = fields.buyer(body, kind="member" if dialect == "in-app" else "relay")
    if not buyer.email:
        raise Unmatched("the event names no e-mail")
    whole = {**payload, **body}
    return [
        _membership_event(webhook.event_type, whole)(
            occurred_at=told_at,
            buyer=buyer,
            book="member" if dialect == "in-app" else "relay",
            offers=fields.offers(whole),
            offer_title=fields.offer_title(whole),
            purchase_id=fields.purchase_id(whole) or (text_at(body, "id") if dialect == "leaps" else ""),
            transaction_id=fields.transaction_id(whole),
            **terms.stated(whole, doubts=doubts),
            doubts=tuple(doubts),
        )
    ]


def _membership_event(event_type: str, body: Mapping[str, Any]) -> type[MembershipEvent]:
    """Return the class of a relay's event; how a dispute ended may stand in its status alone."""
    event_class = MEMBERSHIP[event_type]
    if event_class is DisputeOpened and event_type.endswith(".closed"):
        return DisputeWon if first_text(body, terms.DISPUTE_STATUS).lower() == "won" else DisputeLost
    return event_class


def _is_sample(payload: Payload, event_type: str) -> bool:
    if event_type in NATIVE:
        return samples.is_native_sample(payload)
    return event_type in MEMBERSHIP and samples.is_flat_sample(_BODY[_dialect(payload)](payload))


def _dialect(payload: Payload) -> str:
    if "event_type" in payload:
        return "leaps"
    if "event" in payload:
        return "native" if isinstance(payload.get("payload"), list) else "in-app"
    return "nssa"


_TYPE_AT = {"nssa": "type", "leaps": "event_type", "native": "event", "in-app": "event"}


def _in_app_body(payload: Payload) -> Mapping[str, Any]:
    inner = payload.get("payload")
    return inner if isinstance(inner, Mapping) else payload


def _leaps_body(payload: Payload) -> Mapping[str, Any]:
    inner = payload.get("data")
    return inner if isinstance(inner, Mapping) else payload


_BODY: Mapping[str, Callable[[Payload], Mapping[str, Any]]] = {
    "nssa": lambda payload: payload,
    "native": lambda payload: payload,
    "leaps": _leaps_body,
    "in-app": _in_app_body,
}


def _undated(webhook: StoredWebhook) -> datetime:
    """Return when an event without a date happened: its id may be a version 1 UUID, which holds a time.

    Else when it came.
    """
    made = moment_of_uuid(webhook.external_id)
    return made if made is not None and made <= webhook.received_at else webhook.received_at
