"""A purchase there compared with our subscription: one place decides what is different."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from accounts.memberships.facts import FactKind
from accounts.memberships.models import Subscription
from accounts.memberships.purchase_state import Status
from integrations.contracts.events import MembershipEvent, PurchaseRefunded
from integrations.contracts.pull import PulledRecord, PurchaseStatus, RemotePurchase
from integrations.reconcile.models import SyncFinding

Kind = SyncFinding.Kind
_BEST_FIRST = (PurchaseStatus.ACTIVE, PurchaseStatus.CANCELED, PurchaseStatus.REFUNDED, PurchaseStatus.EXPIRED)


def best(purchases: Iterable[RemotePurchase]) -> RemotePurchase | None:
    """Return the purchase that counts of several of one plan: the one that gives most."""
    return min(purchases, key=lambda one: (_BEST_FIRST.index(one.status), not one.renews), default=None)


def purchases_in(records: Sequence[PulledRecord]) -> list[RemotePurchase]:
    """Return a person's purchases; those are refunded of which the newest transaction is that the money went back."""
    newest: dict[str, MembershipEvent] = {}
    for record in records:
        events = () if record.purchase else record.events
        for event in (one.event for one in events):
            if isinstance(event, MembershipEvent) and event.purchase_id:
                known = newest.get(event.purchase_id, event)
                newest[event.purchase_id] = max(known, event, key=lambda one: (one.occurred_at, type(one).__name__))
    refunded = {purchase_id for purchase_id, event in newest.items() if isinstance(event, PurchaseRefunded)}
    return [
        replace(one, status=PurchaseStatus.REFUNDED, details={**one.details, "status": "refunded"})
        if one.purchase_id in refunded
        else one
        for one in (record.purchase for record in records)
        if one is not None
    ]


def _bought(subscription: Subscription) -> set[str]:
    """Return the statuses of what was bought and gives access now; what staff gave runs beside it."""
    purchases = subscription.purchases.all()
    if not purchases:  # computed before purchases were stored
        return {subscription.status} if subscription.has_access else set()
    return {purchase.status for purchase in purchases if not purchase.is_grant and purchase.has_access}


def difference(
    purchase: RemotePurchase | None, subscription: Subscription | None, *, provider: str
) -> SyncFinding.Kind | None:
    """Return what is different, or None.

    Canceled here and active there is no difference: most providers do not say it, and the access is the same. Canceled
    there and active here is one.
    """
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
        return Kind.REFUNDED_HERE
    # What is paid once stays active there for ever; here it gives access for the period that it paid for.
    if not purchase.renews and not subscription.facts.filter(kind=FactKind.EXPIRED).exists():
        return None
    return Kind.ENDED_HERE
