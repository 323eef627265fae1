"""Events about memberships, from Kajabi's relays and in-app hooks.

Kajabi itself has no event for a cancellation, a failed payment, a pause, a refund or a dispute. Relays report them,
under names of their own or those of the payment processors.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.events import (
    Buyer,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
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
from integrations.providers.kajabi import fields, terms
from integrations.toolkit.reading import first_text

_NAMES: Mapping[type[MembershipEvent], tuple[str, ...]] = {
    OfferPurchased: ("offer.purchased", "purchase.created"),
    PaymentSucceeded: ("payment.succeeded",),
    SubscriptionRenewed: ("member.subscription.renewed",),
    SubscriptionCanceled: (
        "member.subscription.canceled",
        "member.subscription.cancelled",
        "purchase.canceled",
        "purchase.cancelled",
    ),
    SubscriptionExpired: ("member.subscription.expired", "purchase.expired", "purchase.deactivated"),
    PurchaseRefunded: ("purchase.refunded", "member.subscription.refunded", "payment.refunded", "charge.refunded"),
    PaymentFailed: (
        "payment.failed",
        "purchase.payment_failed",
        "invoice.payment_failed",
        "member.subscription.payment_failed",
        "member.subscription.past_due",
    ),
    SubscriptionPaused: ("member.subscription.paused", "purchase.paused"),
    SubscriptionResumed: (
        "member.subscription.resumed",
        "member.subscription.reactivated",
        "member.subscription.uncanceled",
        "purchase.resumed",
        "purchase.reactivated",
    ),
    DisputeOpened: (
        "purchase.disputed",
        "payment.disputed",
        "dispute.opened",
        "dispute.created",
        "purchase.dispute.opened",
        "purchase.dispute.created",
        "charge.dispute.created",
    ),
    DisputeWon: ("dispute.won", "purchase.dispute.won", "purchase.dispute_won", "charge.dispute.won"),
    DisputeLost: ("dispute.lost", "purchase.dispute.lost", "purchase.dispute_lost", "charge.dispute.lost"),
}
_CLOSED = ("dispute.closed", "purchase.dispute.closed", "charge.dispute.closed")  # how it ended stands in its status
TYPES: Mapping[str, type[MembershipEvent]] = {
    **{name: event_class for event_class, names in _NAMES.items() for name in names},
    **dict.fromkeys(_CLOSED, DisputeLost),
}
_DISPUTE_STATUS = (("dispute", "status"), ("dispute_status",), ("status",))


def read(
    event_type: str, body: Mapping[str, Any], *, buyer: Buyer, kind: str, occurred_at: datetime
) -> MembershipEvent:
    """Return the event of a relay or an in-app hook; `kind` says of whom the ids are: relay or member."""
    event_class = TYPES[event_type]
    if event_type in _CLOSED and first_text(body, _DISPUTE_STATUS).lower() == "won":
        event_class = DisputeWon
    # The offer's id and its product's: a plan may be mapped to either. "0" is one, of Kajabi's test deliveries.
    offers = (first_text(body, fields.OFFER), first_text(body, fields.PRODUCT))
    return event_class(
        occurred_at=occurred_at,
        buyer=buyer,
        book=kind,
        offers=tuple(filter(None, offers)),
        offer_title=first_text(body, fields.OFFER_TITLE),
        purchase_id=first_text(body, fields.PURCHASE),
        transaction_id=first_text(body, fields.TRANSACTION),
        **terms.stated(body),
    )
