"""Facts about a buyer's membership, with the rules of `integrations.contracts.events`."""

from dataclasses import dataclass, field
from datetime import datetime

from integrations.contracts.bounds import Bounded, Email, Ids, IdsByKind, Line, SaleId
from integrations.contracts.events import Event


@dataclass(frozen=True, kw_only=True)
class Buyer(Bounded):
    """The person an event is about. `identities`: kind of id → id; ids of different kinds are not comparable."""

    email: Email
    first_name: Line = ""
    last_name: Line = ""
    identities: IdsByKind = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MembershipEvent(Event):
    """A fact about a buyer's subscription.

    `offers` are the ids of the offer and its products, the most exact first; empty where the event names none.
    `book` says of which set of the provider's ids these are: ids of two books are not comparable. `period_end` is the
    end of the paid period, where the event states it; `interval` ("month", 3). `billing` is subscription, instalments,
    once or lifetime, "" where it is not said. `amount` is the price of the sale and `refunded` what went back, in minor
    units.
    """

    buyer: Buyer
    offers: Ids = ()
    offer_title: Line = ""
    book: str = ""
    purchase_id: SaleId = ""
    transaction_id: SaleId = ""
    subscription_id: SaleId = ""
    order_id: SaleId = ""
    period_end: datetime | None = None
    billing: str = ""
    interval: tuple[str, int | None] | None = None
    trial_days: int | None = None
    quantity: int | None = None
    starts_at: datetime | None = None
    amount: int | None = None
    refunded: int | None = None


class OfferPurchased(MembershipEvent):
    """A person bought an offer, or was granted it."""


class PaymentSucceeded(MembershipEvent):
    """Money came in for an offer: its first payment, an instalment or a renewal."""


class SubscriptionRenewed(MembershipEvent):
    """A further period was paid."""


class SubscriptionCanceled(MembershipEvent):
    """It will not be renewed; access stays until the end of what is paid."""


class SubscriptionExpired(MembershipEvent):
    """It ended, and access with it."""


class PurchaseRefunded(MembershipEvent):
    """Money went back: all of it, where the event says nothing else."""


class PaymentFailed(MembershipEvent):
    """A charge did not succeed, and is tried again."""


class SubscriptionPaused(MembershipEvent):
    """It is not charged for a time."""


class SubscriptionResumed(MembershipEvent):
    """A cancellation, a pause or an end was taken back."""


class DisputeOpened(MembershipEvent):
    """The buyer's bank takes the money back for the time being."""


class DisputeWon(MembershipEvent):
    """The disputed money stays."""


class DisputeLost(MembershipEvent):
    """The disputed money is gone."""


class PurchaseConfirmed(MembershipEvent):
    """The provider's own list has it as active at this moment, whatever was received before."""
