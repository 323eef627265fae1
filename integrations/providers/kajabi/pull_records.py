"""Parsing of purchases, transactions and customers of Kajabi's lists into records for reconciliation."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from core.moments import iso
from core.phrases import Phrase
from integrations.contracts.membership_events import (
    Buyer,
    MembershipEvent,
    OfferPurchased,
    PaymentSucceeded,
    PurchaseRefunded,
    SubscriptionCanceled,
    SubscriptionExpired,
)
from integrations.contracts.pull import PulledEvent, PulledRecord, PurchaseStatus, RemotePurchase
from integrations.providers.kajabi import transactions
from integrations.providers.kajabi.json_api import Resource, related_ids
from integrations.toolkit.reading import moment_at, read_moment, text_at

_NAMES_NEITHER = Phrase("it names neither offer nor purchase")
_NO_CUSTOMER = Phrase("it names no customer")
_NO_DATE = Phrase("it has no date")

CUSTOMER = "customer"
_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_STARTED = (("attributes", "effective_start_at"), ("attributes", "created_at"))
_CHANGED = (("attributes", "updated_at"), ("attributes", "created_at"))
_MONEY_WENT_BACK = ("refund", "chargeback", "dispute")
_PAID_ONCE = {"single", "one-time", "one_time", "free"}


def buyer(customer: Resource) -> Buyer:
    """Return the person of a customer."""
    first, _space, last = text_at(customer, "attributes", "name").partition(" ")
    return Buyer(
        email=text_at(customer, "attributes", "email"),
        first_name=first,
        last_name=last.strip(),
        identities={CUSTOMER: text_at(customer, "id")},
    )


def purchase(resource: Resource) -> PulledRecord:
    """Return a purchase: bought, and where it was deactivated, ended.

    `deactivation_reason` is free text; where it speaks of money that went back, the purchase was refunded. A
    deactivation to come is a cancellation. The status of a subscription is not in the specification's schema, but in
    its text: where it stands there and says that it was canceled, it counts.
    """
    purchase_id, customer_id = text_at(resource, "id"), next(iter(related_ids(resource, "customer")), "")
    key = f"purchase:{purchase_id}"
    started, changed = moment_at(resource, _STARTED), moment_at(resource, _CHANGED)
    offers = tuple(filter(None, (*related_ids(resource, "offer"), *related_ids(resource, "products"))))
    ended = read_moment(text_at(resource, "attributes", "deactivated_at"))
    problem = _problem(customer_id, started)
    status, events = PurchaseStatus.ACTIVE, []
    if not problem and started:
        about: dict[str, Any] = {
            "buyer": Buyer(email="", identities={CUSTOMER: customer_id}),
            "book": CUSTOMER,
            "offers": offers,
            "purchase_id": purchase_id,
        }
        is_free = text_at(resource, "attributes", "amount_in_cents") in ("0", "0.0")
        # A grant by hand or for a coupon of 100 % fires no hook.
        webhook = "" if is_free else "purchase"
        sale = transactions.sale(resource, default_time=timezone.now())
        events.append(PulledEvent(event=OfferPurchased(**sale, **about), webhook=webhook))
        status, end = _end(resource, ended, changed or started)
        if end is not None:
            event_class, moment, until, name = end
            event = event_class(occurred_at=moment, period_end=until, **about)
            events.append(PulledEvent(key=f"{key}:{name}", event=event))
    payment_type = text_at(resource, "attributes", "payment_type")
    return PulledRecord(
        key=key,
        person_id=customer_id,
        changed_at=changed or started or _LONG_AGO,
        events=events,
        purchase=RemotePurchase(
            purchase_id=purchase_id,
            offers=offers,
            status=status,
            ended_at=ended if not status.gives_access else None,
            renews=payment_type.lower() not in _PAID_ONCE,
            details={
                "id": purchase_id,
                "offer_id": offers[0] if offers else "",
                "status": status.value,
                "payment_type": payment_type,
                "started_at": iso(started),
                "deactivated_at": iso(ended),
                "deactivation_reason": text_at(resource, "attributes", "deactivation_reason"),
            },
        ),
        problem=problem,
    )


def transaction(resource: Resource) -> PulledRecord:
    """Return a transaction: money that came in or went back, for each purchase that it covers, then the money itself.

    `offer` is deprecated and empty for bundles: then the offers are those of the purchase. A transaction that changes
    no subscription has no events.
    """
    transaction_id, customer_id = text_at(resource, "id"), next(iter(related_ids(resource, "customer")), "")
    key = f"transaction:{transaction_id}"
    created = moment_at(resource, (("attributes", "created_at"),))
    when = created or _LONG_AGO
    money = transactions.money_moved(resource, default_time=when)
    event_class = transactions.membership_event(resource)
    if money is None or event_class is None:
        return PulledRecord(key=key, person_id=customer_id, changed_at=when)
    offers = tuple(filter(None, related_ids(resource, "offer")))
    covered = money.purchase_ids or ("",)
    problem = _problem(customer_id, created) or ("" if offers or covered[0] else _NAMES_NEITHER())
    if problem:
        return PulledRecord(key=key, person_id=customer_id, changed_at=when, problem=problem)
    webhook = "payment_succeeded" if event_class is PaymentSucceeded else ""
    events = [
        PulledEvent(
            key=key if len(covered) == 1 else f"{key}/{purchase_id}",
            event=event_class(
                occurred_at=when,
                buyer=Buyer(email="", identities={CUSTOMER: customer_id}),
                book=CUSTOMER,
                refunded=abs(money.amount) or None if event_class is PurchaseRefunded else None,
                amount=money.amount or None if event_class is PaymentSucceeded else None,
                offers=offers if len(covered) == 1 else (),
                purchase_id=purchase_id,
                transaction_id=transaction_id,
            ),
            webhook=webhook,
        )
        for purchase_id in covered
    ]
    events.append(PulledEvent(event=money, webhook=webhook))
    return PulledRecord(key=key, person_id=customer_id, changed_at=when, events=events)


_End = tuple[type[MembershipEvent], datetime, datetime | None, str]


def _end(resource: Resource, ended: datetime | None, changed: datetime) -> tuple[PurchaseStatus, _End | None]:
    """Return a purchase's status, and the event of its end: class, when, the end of access, a name for its key.

    The name holds the moment, so that a purchase which is reactivated and ended again has two ends.
    """
    if ended is not None and ended > timezone.now():
        return PurchaseStatus.CANCELED, (SubscriptionCanceled, changed, ended, f"ends:{ended.isoformat()}")
    if ended is not None:
        reason = text_at(resource, "attributes", "deactivation_reason").lower()
        if any(word in reason for word in _MONEY_WENT_BACK):
            return PurchaseStatus.REFUNDED, (PurchaseRefunded, ended, None, f"ended:{ended.isoformat()}")
        return PurchaseStatus.EXPIRED, (SubscriptionExpired, ended, None, f"ended:{ended.isoformat()}")
    if text_at(resource, "attributes", "status").lower() in ("canceled", "cancelled"):
        return PurchaseStatus.CANCELED, (SubscriptionCanceled, changed, None, "canceled")
    return PurchaseStatus.ACTIVE, None


def _problem(customer_id: str, when: datetime | None) -> str:
    if not customer_id:
        return _NO_CUSTOMER()
    return "" if when else _NO_DATE()
