"""What happened, in our words: frozen, in the past tense, naming no provider's field.

Every fact carries `occurred_at`, when it happened there; a dialect that does not say gives the time of receipt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


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
class ContactReported(Event):
    """A provider's record of a person, as it was at `occurred_at`. What is left out was not told.

    `identities`: kind of id → id; the first is the record that `fields` are read from, and "contact" is the one that
    the provider's API can be asked for. `company` is the account there that the person belongs to, where accounts are
    companies of ours. `fields` are named as our contact's columns. `tags` and `offers` ({"id",
    "title"}) are whole lists; `tags_added` and `tags_removed` are changes. `is_whole`: there is nothing more to read.
    `changed_at` is when the record was last changed there, where it says so.
    """

    email: str = ""
    aliases: tuple[str, ...] = ()
    identities: Mapping[str, str] = field(default_factory=dict)
    company: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    custom_fields: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] | None = None
    tags_added: tuple[str, ...] = ()
    tags_removed: tuple[str, ...] = ()
    offers: tuple[Mapping[str, str], ...] | None = None
    is_whole: bool = False
    changed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ContactGone(Event):
    """A provider's record of a person was deleted there, or made part of another one."""

    contact_id: str


@dataclass(frozen=True, kw_only=True)
class CompanyReported(Event):
    """An account there, which is a company of ours, as it was at `occurred_at`.

    `administrators` are {"id", "name", "email"} each; None and "" where they were not told.
    """

    account_id: str
    name: str = ""
    administrators: tuple[Mapping[str, str], ...] | None = None


@dataclass(frozen=True, kw_only=True)
class CompanyClosed(Event):
    """An account there is gone, for good."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class AboutSomebody(Event):
    """Something that belongs to a contact, who is named by ids, kind → id, or an e-mail."""

    external_id: str
    email: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    """`total` in minor units of the order's currency."""

    external_id: str
    title: str = ""
    offer_id: str = ""
    quantity: int = 1
    total: int = 0


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(AboutSomebody):
    """Amounts in minor units of `currency`."""

    number: str = ""
    currency: str
    total: int
    tax: int = 0
    discount: int = 0
    lines: tuple[OrderLine, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MoneyMoved(AboutSomebody):
    """A transaction: `kind` is charge, refund or dispute; `amount` in minor units, negative where it left us."""

    kind: str
    state: str = ""
    amount: int
    tax: int = 0
    currency: str
    order_id: str = ""
    purchase_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CompletedCourse:
    """A course as somebody's answers name it; "" and None where they do not say."""

    course: str = ""
    completed_on: date | None = None
    certificate_url: str = ""
    student_name: str = ""


@dataclass(frozen=True, kw_only=True)
class FormSubmitted(AboutSomebody):
    """Somebody answered a form; `answers` by the names of its fields.

    `completed` is what the answers say of a course; whether the form tells of completed courses is
    decided by staff.
    """

    form_id: str = ""
    form_title: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    completed: CompletedCourse = CompletedCourse()


@dataclass(frozen=True, kw_only=True)
class PolicyReported(AboutSomebody):
    """An insurance policy, or a quote for one, as it was at `occurred_at`. "" and None were not told.

    `external_id` is "" where the provider names it by its `number` alone. `premium` in minor units of `currency`.
    """

    is_quote: bool = False
    number: str = ""
    line_of_business: str = ""
    carrier: str = ""
    premium: int | None = None
    currency: str
    effective_on: date | None = None
    expires_on: date | None = None


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
