"""Kajabi's purchases, transactions and customers, off its lists → what reconciliation applies."""

from datetime import datetime

from django.utils import timezone

from core.moments import iso
from integrations.contracts.events import (
    Buyer,
    MembershipEvent,
    OfferPurchased,
    PaymentSucceeded,
    PurchaseRefunded,
    SubscriptionCanceled,
    SubscriptionExpired,
)
from integrations.contracts.pull import PulledItem, Standing, Told
from integrations.providers.kajabi import transactions
from integrations.providers.kajabi.json_api import Resource, related_ids
from integrations.toolkit.reading import moment_at, read_moment, text_at

CUSTOMER = "customer"
_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_STARTED = (("attributes", "effective_start_at"), ("attributes", "created_at"))
_CHANGED = (("attributes", "updated_at"), ("attributes", "created_at"))
_MONEY_WENT_BACK = ("refund", "chargeback", "dispute")
_PAID_ONCE = {"single", "one-time", "one_time", "free"}


def buyer(customer: Resource) -> Buyer:
    """The person whom a customer is."""
    first, _space, last = text_at(customer, "attributes", "name").partition(" ")
    return Buyer(
        email=text_at(customer, "attributes", "email"),
        first_name=first,
        last_name=last.strip(),
        identities={CUSTOMER: text_at(customer, "id")},
    )


def purchase(resource: Resource) -> PulledItem:
    """A purchase: bought, and where it was deactivated, ended.

    `deactivation_reason` is free text; where it speaks of money that went back, the purchase was refunded. A
    deactivation to come is a cancellation. The status of a subscription is not in the specification's schema, but in
    its text: where it stands there and says that it was canceled, it is believed.
    """
    purchase_id, customer_id = text_at(resource, "id"), _one(resource, "customer")
    key = f"purchase:{purchase_id}"
    started, changed = moment_at(resource, _STARTED), moment_at(resource, _CHANGED)
    offers = tuple(filter(None, (*related_ids(resource, "offer"), *related_ids(resource, "products"))))
    ended = read_moment(text_at(resource, "attributes", "deactivated_at"))
    problem = _problem(customer_id, started)
    standing, told = Standing.ACTIVE, []
    if not problem and started:
        about = {"buyer": Buyer(email="", identities={CUSTOMER: customer_id}), "offers": offers}
        is_free = text_at(resource, "attributes", "amount_in_cents") in ("0", "0.0")
        bought = OfferPurchased(occurred_at=started, purchase_id=purchase_id, **about)  # type: ignore[arg-type]
        # A grant by hand or for a coupon of 100 % fires no hook.
        told.append(Told(key=key, event=bought, hook="" if is_free else "purchase"))
        standing, end = _end(resource, ended, changed or started)
        if end is not None:
            event_class, moment, until, name = end
            event = event_class(
                occurred_at=moment,
                purchase_id=purchase_id,
                period_end=until,
                **about,  # type: ignore[arg-type]
            )
            told.append(Told(key=f"{key}:{name}", event=event))
    return PulledItem(
        key=key,
        person_id=customer_id,
        changed_at=changed or started or _LONG_AGO,
        told=tuple(told),
        offers=offers,
        standing=standing,
        ended_at=ended if not standing.gives_access else None,
        renews=text_at(resource, "attributes", "payment_type").lower() not in _PAID_ONCE,
        problem=problem,
        shown={
            "id": purchase_id,
            "offer_id": offers[0] if offers else "",
            "status": standing.value,
            "payment_type": text_at(resource, "attributes", "payment_type"),
            "started_at": iso(started),
            "deactivated_at": iso(ended),
            "deactivation_reason": text_at(resource, "attributes", "deactivation_reason"),
        },
    )


def transaction(resource: Resource) -> PulledItem:
    """A transaction: money that came in or went back, for each purchase that it covers; any other tells nothing.

    `offer` is deprecated and empty for bundles: then the offers are those of the purchase.
    """
    transaction_id, customer_id = text_at(resource, "id"), _one(resource, "customer")
    key = f"transaction:{transaction_id}"
    when = moment_at(resource, (("attributes", "created_at"),))
    money = transactions.moved(resource, otherwise=when or _LONG_AGO)
    happened = transactions.meaning(resource)
    if money is None or happened is None:
        return PulledItem(key=key, person_id=customer_id, changed_at=when or _LONG_AGO, told=())
    offers = tuple(filter(None, related_ids(resource, "offer")))
    covered = money.purchase_ids or ("",)
    problem = _problem(customer_id, when) or ("" if offers or covered[0] else "it names neither offer nor purchase")
    told = [
        Told(
            key=key if len(covered) == 1 else f"{key}/{purchase_id}",
            event=happened(
                occurred_at=when or _LONG_AGO,
                buyer=Buyer(email="", identities={CUSTOMER: customer_id}),
                offers=offers if len(covered) == 1 else (),
                purchase_id=purchase_id,
                transaction_id=transaction_id,
            ),
            hook="payment_succeeded" if happened is PaymentSucceeded else "",
        )
        for purchase_id in covered
    ]
    return PulledItem(
        key=key,
        person_id=customer_id,
        changed_at=when or _LONG_AGO,
        told=() if problem else tuple(told),
        problem=problem,
        money=money,
    )


_End = tuple[type[MembershipEvent], datetime, datetime | None, str]


def _end(resource: Resource, ended: datetime | None, changed: datetime) -> tuple[Standing, _End | None]:
    """Return what a purchase is now, and the event of its end: class, when, the end of access it states, a name for its
    key.

    The name holds the moment, so that a purchase which is reactivated and ended again has two ends.
    """
    if ended is not None and ended > timezone.now():
        return Standing.CANCELED, (SubscriptionCanceled, changed, ended, f"ends:{ended.isoformat()}")
    if ended is not None:
        reason = text_at(resource, "attributes", "deactivation_reason").lower()
        if any(word in reason for word in _MONEY_WENT_BACK):
            return Standing.REFUNDED, (PurchaseRefunded, ended, None, f"ended:{ended.isoformat()}")
        return Standing.EXPIRED, (SubscriptionExpired, ended, None, f"ended:{ended.isoformat()}")
    if text_at(resource, "attributes", "status").lower() in ("canceled", "cancelled"):
        return Standing.CANCELED, (SubscriptionCanceled, changed, None, "canceled")
    return Standing.ACTIVE, None


def _one(resource: Resource, name: str) -> str:
    return next(iter(related_ids(resource, name)), "")


def _problem(customer_id: str, when: datetime | None) -> str:
    if not customer_id:
        return "it names no customer"
    return "" if when else "it has no date"
