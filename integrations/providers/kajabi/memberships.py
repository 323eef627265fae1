"""Events about memberships, from Kajabi's relays and in-app hooks.

Kajabi itself has no event for a cancellation, a failed payment, a pause, a refund or a dispute. Relays report them,
under names of their own or those of the payment processors.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.membership_events import (
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
from integrations.providers.kajabi import fields
from integrations.toolkit.reading import first_text, moment_at

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
_BILLING: Mapping[str, str] = {
    "subscription": "subscription",
    "recurring": "subscription",
    "payment plan": "instalments",
    "payment_plan": "instalments",
    "multipay": "instalments",
    "installments": "instalments",
    "instalments": "instalments",
    "one-time": "once",
    "one_time": "once",
    "single": "once",
    "lifetime": "lifetime",
}
_MOST = 10**12  # minor units; more is no price
_DISPUTE_STATUS = (("dispute", "status"), ("dispute_status",), ("status",))


def read(
    event_type: str, body: Mapping[str, Any], *, buyer: Buyer, kind: str, occurred_at: datetime
) -> MembershipEvent:
    """Return the event of a relay or an in-app hook; `kind` says of whom the ids are: relay or member."""
    event_class = TYPES[event_type]
    if event_type in _CLOSED and first_text(body, _DISPUTE_STATUS).lower() == "won":
        event_class = DisputeWon
    unit = first_text(body, fields.INTERVAL)
    trial_days = _whole(first_text(body, fields.TRIAL_DAYS), 730)
    if str(body.get("trial")).lower() in ("false", "0", "no"):
        trial_days = 0
    period_end = moment_at(body, fields.PERIOD_END, is_end=True)
    if event_class is OfferPurchased and trial_days != 0:
        trial_end = moment_at(body, fields.TRIAL_END, is_end=True)
        if trial_end:  # what runs ends with the trial
            period_end, trial_days = trial_end, trial_days or 1
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
        subscription_id=first_text(body, fields.SUBSCRIPTION),
        billing=_BILLING.get(first_text(body, fields.BILLING).lower(), "subscription" if unit else ""),
        interval=(unit, _whole(first_text(body, fields.INTERVAL_COUNT), 3660)) if unit else None,
        trial_days=trial_days,
        quantity=_whole(first_text(body, fields.QUANTITY), 100_000) or None,
        starts_at=moment_at(body, fields.STARTS),
        amount=_whole(first_text(body, fields.AMOUNT), _MOST),
        refunded=_whole(first_text(body, fields.REFUNDED), _MOST),
        period_end=period_end,
    )


def _whole(text: str, most: int) -> int | None:
    """Return a whole number from 0 to `most`, None for anything else. A refund may be negative: money that left."""
    try:
        number = abs(int(float(text))) if text else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and number <= most else None
