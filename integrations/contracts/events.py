"""What happened, in our words: frozen, in the past tense, naming no provider's field.

Every fact carries `occurred_at`, when it happened there; a dialect that does not say gives the time of receipt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """The person an event is about. `identities`: kind of id → id; ids of different kinds are not comparable."""

    email: str
    first_name: str = ""
    last_name: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Event:
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class MembershipEvent(Event):
    """Something about a buyer's subscription.

    `offers` are the ids of the offer and its products, the most exact first; empty where the event names none.
    `period_end` is the end of the paid period, where the event states it.
    """

    buyer: Buyer
    offers: tuple[str, ...] = ()
    purchase_id: str = ""
    transaction_id: str = ""
    period_end: datetime | None = None


class OfferPurchased(MembershipEvent):
    """Somebody bought an offer, or was granted it."""


class PaymentSucceeded(MembershipEvent):
    """Money came in for an offer: its first payment, an instalment or a renewal."""


class SubscriptionRenewed(MembershipEvent):
    """A further period was paid."""


class SubscriptionCanceled(MembershipEvent):
    """It will not be renewed; access stays until the end of what is paid."""


class SubscriptionExpired(MembershipEvent):
    """It ended, and access with it."""


class PurchaseRefunded(MembershipEvent):
    """The money went back, and access ends."""
