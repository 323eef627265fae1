"""Money of a purchase that came in: which period it pays for, or which one it was known to have paid for."""

from datetime import datetime, timedelta

from accounts.memberships.facts import Fact
from accounts.memberships.purchase_periods import begin, begin_next, received_again
from accounts.memberships.purchase_state import SAME_PAYMENT, Purchase, Question
from accounts.memberships.terms import Billing, EarlyPayments

FIRST_PAYMENT = 0.5  # the first payment received in this part of a period paid for it
EARLY_FROM = 0.75  # a payment from here on may be the next period's, paid early
RENEWS_FROM = 0.95  # a payment in the last twentieth of a period, or later, is the next period's by its date


def purchased(purchase: Purchase, fact: Fact) -> None:
    if not purchase.periods:
        trial_days = purchase.terms.trial_days if fact.terms.trial_days is None else fact.terms.trial_days
        begin(purchase, fact, trial_days=trial_days)
    elif _is_known_money(purchase, fact) or _pays_for_known(purchase, fact):
        received_again(purchase, fact)
    elif _is_due(purchase, fact.occurred_at):
        begin_next(purchase, fact)  # a sender that reports each renewal as a purchase
    else:
        received_again(purchase, fact)


def paid(purchase: Purchase, fact: Fact) -> None:
    moment = fact.occurred_at
    if not purchase.periods:
        begin(purchase, fact)
    elif _is_known_money(purchase, fact):
        received_again(purchase, fact)
        return
    elif purchase.has_ended(moment):
        begin_next(purchase, fact)
    elif _pays_for_known(purchase, fact):
        received_again(purchase, fact)
    elif _is_due(purchase, moment) or (purchase.periods[-1].is_trial and fact.terms.amount):
        begin_next(purchase, fact)
    elif _follows_at_once(purchase, moment):
        received_again(purchase, fact)
    elif purchase.periods[-1].is_trial:
        begin_next(purchase, fact)
    elif _is_first_payment(purchase, fact):
        received_again(purchase, fact)
    elif _extends_early(purchase, fact):
        begin_next(purchase, fact)
    else:
        purchase.has_instalments = True
        received_again(purchase, fact)
    purchase.failed_at = None  # money that came in after a failure settles it, whatever it pays for


def renewed(purchase: Purchase, fact: Fact) -> None:
    if not purchase.periods:
        begin(purchase, fact)
    elif _is_known_money(purchase, fact):
        received_again(purchase, fact)
    elif not purchase.has_ended(fact.occurred_at) and _is_known_renewal(purchase, fact):
        purchase.canceled_at = purchase.ends_at = purchase.failed_at = None  # it says that both are over
        received_again(purchase, fact)
    else:
        begin_next(purchase, fact)


def _is_known_money(purchase: Purchase, fact: Fact) -> bool:
    return any(fact.transactions & period.transactions for period in purchase.periods)


def _share(purchase: Purchase, moment: datetime) -> float:
    """Return how much of the last period has passed at `moment`; 0 where it never ends."""
    period = purchase.periods[-1]
    if period.end is None:
        return 0.0
    return (moment - period.start) / (period.end - period.start) if period.end > period.start else 1.0


def _is_due(purchase: Purchase, moment: datetime) -> bool:
    """Return whether money at `moment` is the next period's by its date. Instalments pay for no further one."""
    if purchase.terms.billing == Billing.INSTALMENTS:
        return False
    return _share(purchase, moment) >= (1 if purchase.terms.billing == Billing.ONCE else RENEWS_FROM)


def _pays_for_known(purchase: Purchase, fact: Fact) -> bool:
    """Return whether a payment says itself that it paid for no more than is known."""
    end, stated = purchase.paid_until, fact.paid_until
    return stated is not None and end is not None and stated <= end


def _window(purchase: Purchase) -> timedelta:
    """Return within which time two messages about the last period's money are about the same: by its length."""
    period = purchase.periods[-1]
    return SAME_PAYMENT if period.end is None else min(SAME_PAYMENT, (period.end - period.start) / 2)


def _follows_at_once(purchase: Purchase, moment: datetime) -> bool:
    period = purchase.periods[-1]
    return moment - (period.paid_at or period.reported_at) <= _window(purchase)


def _is_first_payment(purchase: Purchase, fact: Fact) -> bool:
    """Return whether a payment is the one that the last period was reported before, without its money."""
    period = purchase.periods[-1]
    of_its_book = period.transactions & purchase.ids.get("transaction", {}).get(fact.book, set())
    is_other_charge = bool(fact.transactions and of_its_book)
    return period.paid_at is None and not is_other_charge and _share(purchase, fact.occurred_at) < FIRST_PAYMENT


def _is_known_renewal(purchase: Purchase, fact: Fact) -> bool:
    """Return whether an explicit renewal is one more message about the period that was begun last."""
    period = purchase.periods[-1]
    if fact.paid_until is not None and period.end is not None:  # it says itself which period it paid for
        return fact.paid_until - period.end < _window(purchase)
    # What was paid early is renewed, for some senders, when it begins. A payment since then was another message.
    return fact.occurred_at <= max(period.start, period.reported_at) + _window(purchase)


def _extends_early(purchase: Purchase, fact: Fact) -> bool:
    """Return whether money in the middle of a paid period pays for the next one, by the purchase's terms."""
    if purchase.terms.billing != Billing.SUBSCRIPTION:
        return False
    policy = purchase.terms.early_payments
    if policy == EarlyPayments.EXTEND or purchase.billing == Billing.SUBSCRIPTION:
        return True
    if policy == EarlyPayments.LAST_QUARTER and not purchase.has_instalments:
        if _share(purchase, fact.occurred_at) >= EARLY_FROM:
            return True
        purchase.question = Question.EARLY_PAYMENT
    return False
