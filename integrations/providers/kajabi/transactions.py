"""Parsing of transactions by their action and state, in hooks and in lists alike."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.events import MoneyMoved
from integrations.contracts.membership_events import DisputeOpened, MembershipEvent, PaymentSucceeded, PurchaseRefunded
from integrations.providers.kajabi.json_api import Resource, related_ids
from integrations.toolkit.reading import moment_at, text_at

# Actions that move no money (test, subscription_update) are not among them.
_KINDS = {
    "charge": "charge",
    "subscription_charge": "charge",
    "subscribe": "charge",
    "free_purchase": "charge",
    "refund": "refund",
    "dispute": "dispute",
}
# The event for the subscription; the other actions only begin one, which its purchase reports.
_MEMBERSHIP_EVENTS: Mapping[str, type[MembershipEvent]] = {
    "charge": PaymentSucceeded,
    "subscription_charge": PaymentSucceeded,
    "refund": PurchaseRefunded,
    "dispute": DisputeOpened,
}
# `payment_type` of purchases and offers. "single" says how it was paid and not for how long.
_BILLING = {"subscription": "subscription", "multipay": "instalments", "payment_plan": "instalments"}
_UNSUCCESSFUL = {"failed", "pending", "declined", "canceled", "cancelled", "voided", "error", "test"}


def money_moved(
    transaction: Resource, *, default_time: datetime, order_id: str = "", **owner: Any
) -> MoneyMoved | None:
    """Return the money that a transaction moved, None where it moved none. `owner`: `email` and `identities`."""
    kind = _KINDS.get(_attribute(transaction, "action"))
    external_id = text_at(transaction, "id")
    if kind is None or not external_id or _attribute(transaction, "state") in _UNSUCCESSFUL:
        return None
    return MoneyMoved(
        occurred_at=moment_at(transaction, (("attributes", "created_at"),)) or default_time,
        external_id=external_id,
        kind=kind,
        state=text_at(transaction, "attributes", "state"),
        amount=cents(transaction, "amount_in_cents"),
        tax=cents(transaction, "sales_tax_in_cents"),
        currency=currency(transaction, "currency"),
        order_id=order_id,
        purchase_ids=tuple(filter(None, related_ids(transaction, "purchases"))),
        **owner,
    )


def sale(purchase: Resource, *, default_time: datetime) -> dict[str, Any]:
    """Return when a purchase was made and its terms, as keyword arguments of an event about it.

    A purchase may begin later than it was made: `effective_start_at` is when access begins.
    """
    starts = moment_at(purchase, (("attributes", "effective_start_at"),))
    created = moment_at(purchase, (("attributes", "created_at"),))
    occurred = created or starts or default_time
    is_later = starts is not None and starts > max(occurred, default_time)
    return {
        "occurred_at": min(occurred, default_time) if is_later else starts or occurred,
        "starts_at": starts if is_later else None,
        "billing": _BILLING.get(_attribute(purchase, "payment_type"), ""),
        "amount": cents(purchase, "amount_in_cents") or None,
        "quantity": min(cents(purchase, "quantity"), 100_000) or None,
    }


def membership_event(transaction: Resource) -> type[MembershipEvent] | None:
    """Return the event that a transaction with money is for its subscription; None for none."""
    return _MEMBERSHIP_EVENTS.get(_attribute(transaction, "action"))


def cents(resource: Mapping[str, Any], name: str) -> int:
    """Return an amount in minor units; 0 where there is none, or no number that money could be."""
    text = text_at(resource, "attributes", name)
    try:
        amount = int(float(text)) if text else 0
    except (ValueError, OverflowError):
        return 0
    return amount if abs(amount) < 10**15 else 0


def currency(resource: Mapping[str, Any], name: str) -> str:
    """Return the currency's code, "" where none is named."""
    return text_at(resource, "attributes", name).upper()[:3]


def _attribute(transaction: Resource, name: str) -> str:
    return text_at(transaction, "attributes", name).lower()
