"""Answers of staff where a fact was assigned, but its meaning is open. Each is a fact of theirs beside it."""

from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from accounts.memberships import subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import SubscriptionFact
from accounts.memberships.purchase_state import Purchase
from accounts.memberships.subscriptions import Recorded
from core.cause import Cause


def confirm(row: SubscriptionFact, *, cause: Cause) -> Recorded:
    """Leave everything as it is: the payment was an instalment, the refunds leave access."""
    return subscriptions.decide(row, purchase=row.purchase, cause=cause)


def paid_early(row: SubscriptionFact, *, cause: Cause) -> Recorded:
    """Give the fact's purchase one more period. Raises LookupError where it has no end that could be moved."""
    purchase = _purchase_of(row)
    until = _next_end(purchase) if purchase is not None else None
    if purchase is None or until is None:
        raise LookupError("There is no purchase with an end.")
    return _answer(row, FactKind.EXTENDED, purchase, cause=cause, period_end=until)


def end_purchase(row: SubscriptionFact, *, cause: Cause) -> Recorded:
    """End the fact's purchase as refunded, and no other. Raises LookupError where there is none."""
    purchase = _purchase_of(row)
    if purchase is None:
        raise LookupError("There is no purchase.")
    return _answer(row, FactKind.REFUNDED, purchase, cause=cause)


def _answer(
    row: SubscriptionFact, kind: FactKind, purchase: Purchase, *, cause: Cause, period_end: datetime | None = None
) -> Recorded:
    """Record staff's fact about the purchase, and close the question; both or neither."""
    fact = Fact(
        key=f"staff:{uuid4()}", kind=kind, occurred_at=timezone.now(), period_end=period_end, chosen=purchase.key
    )
    subscription = row.subscription
    with transaction.atomic():
        recorded = subscriptions.record(subscription.user, subscription.plan, fact, cause=cause)
        confirm(row, cause=cause)
    return recorded


def _purchase_of(row: SubscriptionFact) -> Purchase | None:
    history = subscriptions.history_by_facts(row.subscription)
    return next((one for one in history.purchases if any(fact.key == row.key for fact in one.facts)), None)


def _next_end(purchase: Purchase) -> datetime | None:
    """Return the end of the period after the paid one, counted from the anchor."""
    paid_until = purchase.paid_until
    if paid_until is None:
        return None
    return purchase.terms.interval.first_end_after(purchase.anchor or paid_until, paid_until)
