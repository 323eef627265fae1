"""Facts of a purchase, taken one by one in the order in which they happened."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from accounts.memberships import purchase_endings, purchase_payments
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.purchase_state import Purchase, Question
from accounts.memberships.terms import Billing


def take(purchase: Purchase, fact: Fact) -> None:
    """Apply the next fact about this purchase."""
    before = purchase.at(fact.occurred_at).status if purchase.facts else ""
    stated, plan = fact.terms, purchase.plan
    purchase.question = Question.SEATS if (stated.quantity or 1) > purchase.quantity else ""
    purchase.facts.append(fact)
    for name, external_id in fact.ids.items():
        purchase.ids.setdefault(name, {}).setdefault(fact.book, set()).add(external_id)
    purchase.quantity = stated.quantity or purchase.quantity
    purchase.amount = purchase.amount if stated.amount is None else stated.amount
    purchase.billing = stated.billing or purchase.billing
    purchase.interval = stated.interval or purchase.interval
    billing, interval = purchase.billing or plan.billing, purchase.interval or plan.interval
    is_renewed = billing == Billing.SUBSCRIPTION and not purchase.is_grant
    purchase.terms = replace(
        plan,
        billing=billing,
        interval=interval,
        grace=plan.grace if is_renewed else timedelta(),
        price=plan.price if interval == plan.interval else None,  # a month of a yearly plan costs something else
    )
    _TAKE[fact.kind](purchase, fact)
    if purchase.at(fact.occurred_at).status != before:
        purchase.changed_at = fact.occurred_at


_TAKE: Mapping[str, Callable[[Purchase, Fact], None]] = {
    FactKind.PURCHASED: purchase_payments.purchased,
    FactKind.PAID: purchase_payments.paid,
    FactKind.RENEWED: purchase_payments.renewed,
    FactKind.PAYMENT_FAILED: purchase_endings.failed,
    FactKind.PAUSED: purchase_endings.paused,
    FactKind.CANCELED: purchase_endings.canceled,
    FactKind.EXPIRED: purchase_endings.expired,
    FactKind.DISPUTED: purchase_endings.disputed,
    FactKind.DISPUTE_WON: purchase_endings.dispute_won,
    FactKind.DISPUTE_LOST: purchase_endings.dispute_lost,
    FactKind.REFUNDED: purchase_endings.refunded,
    FactKind.EXTENDED: purchase_endings.extended,
    FactKind.RESUMED: purchase_endings.confirmed,
    FactKind.CONFIRMED: purchase_endings.confirmed,
}
