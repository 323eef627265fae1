"""Comparison of a provider's purchase with our subscription."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from accounts.memberships.facts import FactKind
from accounts.memberships.models import Subscription
from accounts.memberships.purchase_state import Status
from integrations.contracts.membership_events import DisputeOpened, MembershipEvent, OfferPurchased, PurchaseRefunded
from integrations.contracts.pull import PulledRecord, PurchaseStatus, RemotePurchase
from integrations.reconcile.models import SyncFinding

Kind = SyncFinding.Kind
_BEST_FIRST = (
    PurchaseStatus.ACTIVE,
    PurchaseStatus.CANCELED,
    PurchaseStatus.DISPUTED,
    PurchaseStatus.REFUNDED,
    PurchaseStatus.EXPIRED,
)


def best_purchase(purchases: Iterable[RemotePurchase]) -> RemotePurchase | None:
    """Return the purchase of a plan that gives most, None where there is none."""
    return min(purchases, key=lambda purchase: (_BEST_FIRST.index(purchase.status), not purchase.renews), default=None)


def purchases_in(records: Sequence[PulledRecord]) -> list[RemotePurchase]:
    """Return a person's purchases; one whose newest transaction is a full refund, or a dispute, is that.

    Of what was refunded in part, or in a part that is not known, the provider does not say whether access ends:
    `details` names it, and what we decided is no difference.
    """
    newest: dict[str, MembershipEvent] = {}
    prices: dict[str, int | None] = {}
    for record in records:
        if record.purchase is not None:
            sales = (pulled.event for pulled in record.events if isinstance(pulled.event, OfferPurchased))
            prices |= {sale.purchase_id: sale.amount for sale in sales}
            continue
        for event in (pulled.event for pulled in record.events):
            if isinstance(event, MembershipEvent) and event.purchase_id:
                known = newest.get(event.purchase_id, event)
                newest[event.purchase_id] = max(known, event, key=lambda each: (each.occurred_at, type(each).__name__))
    purchases = []
    for purchase in (record.purchase for record in records if record.purchase is not None):
        money = newest.get(purchase.purchase_id)
        status = _status_by_money(money, prices.get(purchase.purchase_id))
        if status is not None and purchase.status.gives_access:
            purchase = replace(purchase, status=status, details={**purchase.details, "status": status.value})
        elif isinstance(money, PurchaseRefunded):
            purchase = replace(purchase, details={**purchase.details, "refunded": money.refunded})
        purchases.append(purchase)
    return purchases


def _status_by_money(newest: MembershipEvent | None, price: int | None) -> PurchaseStatus | None:
    """Return what the newest transaction makes of its purchase; None for nothing that it says for certain."""
    if isinstance(newest, DisputeOpened):
        return PurchaseStatus.DISPUTED
    if not isinstance(newest, PurchaseRefunded):
        return None
    is_full = newest.refunded is None or (price is not None and newest.refunded >= price)
    return PurchaseStatus.REFUNDED if is_full else None


def _bought(subscription: Subscription) -> set[str]:
    """Return the statuses of what was bought and gives access now, or will; what staff gave runs beside it."""
    purchases = subscription.purchases.all()
    if not purchases:  # computed before purchases were stored
        return {subscription.status} if subscription.has_access else set()
    return {
        purchase.status
        for purchase in purchases
        if not purchase.is_grant and (purchase.has_access or purchase.status == Status.SCHEDULED)
    }


def difference(
    purchase: RemotePurchase | None, subscription: Subscription | None, *, provider: str
) -> SyncFinding.Kind | None:
    """Return the kind of difference, None where there is none.

    Canceled here and active at the provider is no difference: most providers do not report cancellations, and the
    access is the same. Canceled at the provider and active here is one.
    """
    if purchase is not None and purchase.status is PurchaseStatus.DISPUTED:
        return None  # whether it gives access meanwhile is a setting of the plan
    bought = _bought(subscription) if subscription else set()
    if purchase is None:
        return Kind.UNKNOWN_THERE if bought and subscription and subscription.provider == provider else None
    if not purchase.status.gives_access:
        return Kind.ENDED_THERE if bought else None
    if subscription is None:
        return Kind.MISSING_HERE
    if bought:
        is_canceled = purchase.status is PurchaseStatus.CANCELED
        return Kind.STATUS if is_canceled and Status.CANCELED not in bought else None
    if subscription.status == Status.REFUNDED:
        return None if "refunded" in purchase.details else Kind.REFUNDED_HERE
    # A one-time purchase stays active at the provider for ever; here it gives access for the period that it paid for.
    if not purchase.renews and not subscription.facts.filter(kind=FactKind.EXPIRED).exists():
        return None
    return Kind.ENDED_HERE
