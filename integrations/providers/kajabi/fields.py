"""Paths of values in payloads of Kajabi's relays and in-app hooks: all under which each was seen, the best first.

Sources: the relay's own documents, and payloads recorded by integrators (`purchase.created` flat, and nested in newer
ones; its terms are offer_type, interval, trial_period_days, quantity, amount_paid). Relays add the amounts of refunds.
"""

from collections.abc import Mapping
from typing import Any

from integrations.contracts.membership_events import Buyer
from integrations.toolkit.reading import first_text

_EMAIL = (
    ("member", "email"),
    ("member_email",),
    ("customer", "email"),
    ("contact", "email"),
    ("purchase", "member", "email"),
    ("purchase", "customer", "email"),
    ("purchase", "email"),
    ("user", "email"),
    ("payment_transaction", "customer", "email"),
    ("email",),
)
_FIRST_NAME = (
    ("member", "first_name"),
    ("member_first_name",),
    ("customer", "first_name"),
    ("contact", "first_name"),
    ("first_name",),
)
_LAST_NAME = (
    ("member", "last_name"),
    ("member_last_name",),
    ("customer", "last_name"),
    ("contact", "last_name"),
    ("last_name",),
)
_NAME = (("member", "name"), ("member_name",), ("customer", "name"), ("contact", "name"), ("name",))
MEMBER_ID = (("member", "id"), ("member_id",), ("customer", "id"))
OFFER = (("offer", "id"), ("offer_id",), ("purchase", "offer_id"))
PRODUCT = (("product", "id"), ("product_id",), ("offer", "product_id"))
PURCHASE = (("purchase", "id"), ("purchase_id",))
TRANSACTION = (("payment_transaction", "id"), ("transaction", "id"), ("transaction_id",))
OCCURRED = (("occurred_at",), ("created_at",), ("timestamp",))
OCCURRED_INSIDE = (
    ("occurred_at",),
    ("transaction_created_at",),
    ("refunded_at",),
    ("canceled_at",),
    ("purchase", "created_at"),
    ("payment_transaction", "created_at"),
    ("created_at",),
)
OFFER_TITLE = (("offer", "name"), ("offer", "title"), ("offer_title",), ("offer_name",))
# The terms of a purchase: how it is billed, trials, amounts in minor units, its end.
BILLING = (("offer_type",), ("offer", "type"), ("payment_type",), ("purchase", "payment_type"), ("billing",))
INTERVAL = (("interval",), ("subscription", "interval"), ("purchase", "interval"), ("offer", "interval"))
INTERVAL_COUNT = (("interval_count",), ("subscription", "interval_count"), ("purchase", "interval_count"))
TRIAL_DAYS = (("trial_period_days",), ("trial_days",), ("subscription", "trial_period_days"))
TRIAL_END = (
    ("trial_ends_at",),
    ("trial_end",),
    ("trial_end_date",),
    ("subscription", "trial_ends_at"),
    ("subscription", "trial_end"),
)
QUANTITY = (("quantity",), ("purchase", "quantity"), ("seats",))
STARTS = (("effective_start_at",), ("starts_at",), ("purchase", "effective_start_at"))
SUBSCRIPTION = (("subscription_id",), ("subscription", "id"))
AMOUNT = (
    ("amount_in_cents",),
    ("purchase", "amount_in_cents"),
    ("amount_paid",),
    ("payment_transaction", "amount_paid"),
)
REFUNDED = (
    ("amount_refunded_in_cents",),
    ("refunded_amount_in_cents",),
    ("refund", "amount_in_cents"),
    ("purchase", "amount_refunded_in_cents"),
    ("amount_refunded",),
)
PERIOD_END = (
    ("current_period_end",),
    ("subscription", "current_period_end"),
    ("purchase", "current_period_end"),
    ("subscription", "ends_at"),
    ("subscription_end_date",),
    ("period_end",),
    ("ends_at",),
    ("access_ends_at",),
)


def buyer(body: Mapping[str, Any], *, kind: str) -> Buyer:
    """Return the person in `body`; `kind` is that of their id, since a relay's "mem_1" is no in-app 1."""
    first, last = first_text(body, _FIRST_NAME), first_text(body, _LAST_NAME)
    if not first and not last:
        first, _space, last = first_text(body, _NAME).partition(" ")
    return Buyer(
        email=first_text(body, _EMAIL),
        first_name=first,
        last_name=last.strip(),
        identities={kind: first_text(body, MEMBER_ID)},
    )
