"""Transactions: what their action and state mean, in hooks and in lists alike."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.events import DisputeOpened, MembershipEvent, MoneyMoved, PaymentSucceeded, PurchaseRefunded
from integrations.providers.kajabi.json_api import Resource, related_ids
from integrations.toolkit.reading import moment_at, text_at

# Actions that move no money (test, subscription_update) are not among them.
_KIND = {
    "charge": "charge",
    "subscription_charge": "charge",
    "subscribe": "charge",
    "free_purchase": "charge",
    "refund": "refund",
    "dispute": "dispute",
}
# What they tell of a subscription; the others only begin one, which its purchase tells.
_MEANS: Mapping[str, type[MembershipEvent]] = {
    "charge": PaymentSucceeded,
    "subscription_charge": PaymentSucceeded,
    "refund": PurchaseRefunded,
    "dispute": DisputeOpened,
}
# `payment_type` of purchases and offers. "single" says how it was paid and not for how long.
_BILLING = {"subscription": "subscription", "multipay": "instalments", "payment_plan": "instalments"}
_CAME_TO_NOTHING = {"failed", "pending", "declined", "canceled", "cancelled", "voided", "error", "test"}


def moved(transaction: Resource, *, otherwise: datetime, order_id: str = "", **belongs: Any) -> MoneyMoved | None:
    """The money that a transaction moved, None where it moved none. `belongs`: `email` and `identities`."""
    kind = _KIND.get(_word(transaction, "action"))
    external_id = text_at(transaction, "id")
    if kind is None or not external_id or _word(transaction, "state") in _CAME_TO_NOTHING:
        return None
    return MoneyMoved(
        occurred_at=moment_at(transaction, (("attributes", "created_at"),)) or otherwise,
        external_id=external_id,
        kind=kind,
        state=text_at(transaction, "attributes", "state"),
        amount=cents(transaction, "amount_in_cents"),
        tax=cents(transaction, "sales_tax_in_cents"),
        currency=currency(transaction, "currency"),
        order_id=order_id,
        purchase_ids=tuple(filter(None, related_ids(transaction, "purchases"))),
        **belongs,
    )


def sold(purchase: Resource, *, otherwise: datetime) -> dict[str, Any]:
    """Return when a purchase was made and its terms, as keyword arguments of an event about it.

    A purchase may begin later than it was made: `effective_start_at` is when access begins.
    """
    starts = moment_at(purchase, (("attributes", "effective_start_at"),))
    created = moment_at(purchase, (("attributes", "created_at"),))
    occurred = created or starts or otherwise
    is_later = starts is not None and starts > max(occurred, otherwise)
    return {
        "occurred_at": min(occurred, otherwise) if is_later else starts or occurred,
        "starts_at": starts if is_later else None,
        "billing": _BILLING.get(_word(purchase, "payment_type"), ""),
        "amount": cents(purchase, "amount_in_cents") or None,
    }


def meaning(transaction: Resource) -> type[MembershipEvent] | None:
    """Return what a transaction that moved money tells of the subscription that it is about; None for nothing."""
    return _MEANS.get(_word(transaction, "action"))


def cents(resource: Mapping[str, Any], name: str) -> int:
    """An amount in minor units; 0 where there is none, or no number that money could be."""
    text = text_at(resource, "attributes", name)
    try:
        amount = int(float(text)) if text else 0
    except (ValueError, OverflowError):
        return 0
    return amount if abs(amount) < 10**15 else 0


def currency(resource: Mapping[str, Any], name: str) -> str:
    """The currency's code, "" where none is named."""
    return text_at(resource, "attributes", name).upper()[:3]


def _word(transaction: Resource, name: str) -> str:
    return text_at(transaction, "attributes", name).lower()
