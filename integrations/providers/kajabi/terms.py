"""Terms of a purchase in payloads of Kajabi's relays and in-app hooks: how it is billed, trials, amounts, its end.

Sources: `purchase.created` as integrators recorded it (offer_type, interval, trial_period_days, quantity, amount_paid
in cents), and the amounts of refunds that relays add.
"""

from collections.abc import Mapping
from typing import Any

from integrations.toolkit.reading import first_text, moment_at

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
_TYPE = (("offer_type",), ("offer", "type"), ("payment_type",), ("purchase", "payment_type"), ("billing",))
_INTERVAL = (("interval",), ("subscription", "interval"), ("purchase", "interval"), ("offer", "interval"))
_INTERVAL_COUNT = (("interval_count",), ("subscription", "interval_count"), ("purchase", "interval_count"))
_TRIAL_DAYS = (("trial_period_days",), ("trial_days",), ("subscription", "trial_period_days"))
_QUANTITY = (("quantity",), ("purchase", "quantity"), ("seats",))
_STARTS = (("effective_start_at",), ("starts_at",), ("purchase", "effective_start_at"))
_SUBSCRIPTION = (("subscription_id",), ("subscription", "id"))
_AMOUNT = (
    ("amount_in_cents",),
    ("purchase", "amount_in_cents"),
    ("amount_paid",),
    ("payment_transaction", "amount_paid"),
)
_REFUNDED = (
    ("amount_refunded_in_cents",),
    ("refunded_amount_in_cents",),
    ("refund", "amount_in_cents"),
    ("purchase", "amount_refunded_in_cents"),
    ("amount_refunded",),
)
_PERIOD_END = (
    ("current_period_end",),
    ("subscription", "current_period_end"),
    ("purchase", "current_period_end"),
    ("subscription", "ends_at"),
    ("subscription_end_date",),
    ("period_end",),
    ("ends_at",),
    ("access_ends_at",),
)
_MOST = 10**12  # minor units; more is no price


def stated(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the terms that a payload states, as keyword arguments of a MembershipEvent."""
    unit = first_text(body, _INTERVAL)
    trial_days = _whole(first_text(body, _TRIAL_DAYS), 730)
    if str(body.get("trial")).lower() in ("false", "0", "no"):
        trial_days = 0
    return {
        "billing": _BILLING.get(first_text(body, _TYPE).lower(), "subscription" if unit else ""),
        "interval": (unit, _whole(first_text(body, _INTERVAL_COUNT), 3660)) if unit else None,
        "trial_days": trial_days,
        "quantity": _whole(first_text(body, _QUANTITY), 100_000) or None,
        "starts_at": moment_at(body, _STARTS),
        "subscription_id": first_text(body, _SUBSCRIPTION),
        "amount": _whole(first_text(body, _AMOUNT), _MOST),
        "refunded": _whole(first_text(body, _REFUNDED), _MOST),
        "period_end": moment_at(body, _PERIOD_END, is_end=True),
    }


def _whole(text: str, most: int) -> int | None:
    """Return a whole number from 0 to `most`, None for anything else. A refund may be negative: money that left."""
    try:
        number = abs(int(float(text))) if text else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and number <= most else None
