"""Facts that end or interrupt a purchase, and those that give it back."""

from dataclasses import replace
from datetime import datetime, timedelta

from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.purchase_periods import add, begin, revive, with_stated_end
from accounts.memberships.purchase_state import Purchase, Question, Status
from accounts.memberships.terms import PartialRefunds

WITHOUT_A_PERIOD = timedelta(days=30)  # access after a cancellation where no paid period is known


def failed(purchase: Purchase, fact: Fact) -> None:
    purchase.failed_at = purchase.failed_at or fact.occurred_at


def paused(purchase: Purchase, fact: Fact) -> None:
    purchase.paused_at = fact.occurred_at


def canceled(purchase: Purchase, fact: Fact) -> None:
    stated, moment = fact.period_end, fact.occurred_at
    runs_until = purchase.paid_until
    if runs_until is not None and purchase.paused_at is None:
        runs_until += purchase.terms.grace
    has_run_out = purchase.paused_at is None and runs_until is not None and runs_until <= moment
    if purchase.ended is not None or (has_run_out and (stated is None or stated <= moment)):
        return
    if fact.by_staff and not purchase.periods and purchase.canceled_at is None:
        return  # it gives no access
    if stated is not None and fact.by_staff:  # on all purchases: none of them is extended
        until = purchase.ends_at or runs_until
        purchase.ends_at = stated if until is None else min(stated, until)
    elif stated is not None:
        purchase.ends_at = stated
    elif purchase.canceled_at is None:
        purchase.ends_at = purchase.paid_until if purchase.periods else moment + WITHOUT_A_PERIOD
    purchase.canceled_at = purchase.canceled_at or moment


def expired(purchase: Purchase, fact: Fact) -> None:
    if purchase.ended is None:
        _end(purchase, Status.EXPIRED, fact.occurred_at)


def _end(purchase: Purchase, status: str, moment: datetime) -> None:
    purchase.ended = (status, moment)
    purchase.cut_at = min(purchase.cut_at or moment, moment)


def refunded(purchase: Purchase, fact: Fact) -> None:
    purchase.refunded_amounts += [fact.terms.refunded] if fact.terms.refunded else []
    if purchase.is_refunded or _is_earlier_money(purchase, fact):
        return
    if _is_full(purchase, fact) or purchase.terms.partial_refunds == PartialRefunds.END:
        _take_back(purchase, fact, is_ahead=_is_money_paid_ahead(purchase, fact))
    else:
        _refunded_in_part(purchase, fact.terms.refunded or 0)


def _take_back(purchase: Purchase, fact: Fact, *, is_ahead: bool) -> None:
    """End the purchase; where only money that was paid ahead goes back, the period that runs goes on."""
    if is_ahead and purchase.ended is None:
        purchase.periods.pop()
    else:
        _end(purchase, Status.REFUNDED, fact.occurred_at)


def _is_money_paid_ahead(purchase: Purchase, fact: Fact) -> bool:
    """Return whether the fact names the charge of a last period that has not begun."""
    if len(purchase.periods) < 2:
        return False
    period = purchase.periods[-1]
    return fact.occurred_at < period.start and bool(fact.transactions & period.transactions)


def _is_earlier_money(purchase: Purchase, fact: Fact) -> bool:
    return any(fact.transactions & period.transactions for period in purchase.periods[:-1])


def _is_full(purchase: Purchase, fact: Fact) -> bool:
    """Return whether the whole price went back: no amount is stated, or no less than the price of sale or plan."""
    price = purchase.amount or purchase.terms.price
    return fact.terms.refunded is None or (price is not None and fact.terms.refunded >= price)


def _refunded_in_part(purchase: Purchase, refunded: int) -> None:
    """Leave access. Ask staff where all parts of a period's price went back, or what was paid is not known."""
    purchase.refunded_in_period += refunded
    if not purchase.amount:
        purchase.question = Question.REFUND_OF_UNKNOWN
    elif purchase.refunded_in_period >= purchase.amount:
        purchase.question = Question.PARTIAL_REFUNDS


def disputed(purchase: Purchase, fact: Fact) -> None:
    if purchase.disputed_at is None and not _is_earlier_money(purchase, fact):
        purchase.disputed_at, purchase.disputed_period = fact.occurred_at, len(purchase.periods) - 1
        purchase.disputed_from = (
            purchase.periods[-1].start if _is_money_paid_ahead(purchase, fact) else fact.occurred_at
        )


def dispute_won(purchase: Purchase, fact: Fact) -> None:
    purchase.disputed_at = purchase.disputed_from = None


def dispute_lost(purchase: Purchase, fact: Fact) -> None:
    is_earlier = _is_earlier_money(purchase, fact) or (purchase.disputed_at is not None and not purchase.is_disputed)
    is_about_ahead = purchase.disputed_from is not None and fact.occurred_at < purchase.disputed_from
    is_ahead = is_about_ahead or _is_money_paid_ahead(purchase, fact)
    purchase.disputed_at = purchase.disputed_from = None
    if not is_earlier and not purchase.is_refunded:
        _take_back(purchase, fact, is_ahead=is_ahead)


def extended(purchase: Purchase, fact: Fact) -> None:
    """Take a grant of staff: it never shortens what runs, be it paid or left by a cancellation."""
    end = fact.period_end
    if purchase.ended is None and (purchase.periods or purchase.canceled_at is not None):
        runs_until = purchase.paid_until if purchase.canceled_at is None else purchase.ends_at
        end = None if end is None or runs_until is None else max(end, runs_until)
    add(purchase, fact, fact.occurred_at, end)


def confirmed(purchase: Purchase, fact: Fact) -> None:
    """Take that it is active at this moment: that pays for nothing, but what was granted is not over.

    Where the paid end has passed, a payment was missed: the end is that of the period which runs now.
    """
    if not purchase.periods:
        begin(purchase, fact)
        return
    period = with_stated_end(purchase.periods[-1], fact)
    end = period.end
    if end is not None:
        end = purchase.terms.interval.first_end_after(end, fact.occurred_at)
    purchase.periods[-1] = replace(period, end=end)
    revive(purchase)
    if fact.kind == FactKind.CONFIRMED:
        purchase.disputed_at = purchase.disputed_from = None
