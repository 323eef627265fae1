"""Paths of values in payloads of Kajabi's relays and in-app hooks: all under which each was seen, the best first.

Sources: the relay's own documents, and payloads recorded by integrators (`purchase.created` flat, and nested in newer
ones).
"""

from collections.abc import Mapping
from typing import Any

from integrations.contracts.events import Buyer
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


def buyer(body: Mapping[str, Any], *, kind: str) -> Buyer:
    """Return the person in `body`; `kind` is that of their id, since a relay's "mem_1" is no in-app 1."""
    first, last = first_text(body, _FIRST_NAME), first_text(body, _LAST_NAME)
    if not first and not last:
        first, _space, last = first_text(body, _NAME).partition(" ")
    return Buyer(
        email=first_text(body, _EMAIL),
        first_name=first,
        last_name=last.strip(),
        identities=identity(kind, first_text(body, MEMBER_ID)),
    )


def identity(kind: str, external_id: str) -> Mapping[str, str]:
    """Return {kind: id}, or {} for no id: Kajabi's test deliveries give everybody the id 0."""
    return {kind: external_id} if external_id not in ("", "0") else {}
