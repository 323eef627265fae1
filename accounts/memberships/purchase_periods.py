"""Periods of a purchase: how one begins, what follows it, and what further messages about its money say."""

from dataclasses import replace
from datetime import datetime, timedelta

from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.purchase_state import Period, Purchase
from accounts.memberships.terms import Billing

_SAME_DAY = timedelta(days=2)  # an end that is stated this near to the anchor's day is that day


def begin(purchase: Purchase, fact: Fact, *, trial_days: int = 0) -> None:
    start, stated = fact.terms.starts_at or fact.occurred_at, fact.period_end
    purchase.is_announced = fact.terms.starts_at is not None
    purchase.sold_at = fact.occurred_at
    if purchase.terms.billing == Billing.LIFETIME and stated is None:
        add(purchase, fact, start, None)
    elif trial_days:
        purchase.anchor = stated or start + timedelta(days=trial_days)
        add(purchase, fact, start, purchase.anchor, is_trial=True)
    else:
        purchase.anchor = start
        add(purchase, fact, start, stated or purchase.terms.interval.after(start, 1))


def begin_next(purchase: Purchase, fact: Fact) -> None:
    """Begin a further paid period: at the end of the last one, or anew where access had lapsed."""
    last, moment = purchase.periods[-1], fact.occurred_at
    if last.end is None and purchase.ended is None:
        received_again(purchase, fact)
        return
    start = last.end
    if start is None or purchase.has_ended(moment) or moment > start + purchase.terms.grace:
        start = purchase.anchor = moment
    elif last.is_trial:  # a charge that is late by hours pays for a whole period
        start = purchase.anchor = max(start, moment)
    if fact.paid_until is not None:
        add(purchase, fact, start, fact.paid_until)
    else:
        add(purchase, fact, start, None if purchase.terms.billing == Billing.LIFETIME else _end_after(purchase, start))


def _end_after(purchase: Purchase, start: datetime) -> datetime:
    """Return the end of the period that begins at `start`: counted from the anchor where that falls on `start`.

    Any other end than the anchor's becomes the anchor.
    """
    anchor = purchase.anchor = purchase.anchor or start
    length = purchase.terms.interval.length(anchor)
    number = round((start - anchor) / length)
    if abs(purchase.terms.interval.after(anchor, number) - start) <= min(_SAME_DAY, length / 4):
        return purchase.terms.interval.after(anchor, number + 1)
    purchase.anchor = start
    return purchase.terms.interval.after(start, 1)


def add(purchase: Purchase, fact: Fact, start: datetime, end: datetime | None, *, is_trial: bool = False) -> None:
    purchase.periods.append(
        Period(
            start=start,
            end=end,
            is_trial=is_trial,
            reported_at=fact.occurred_at,
            is_stated=end is not None and end == fact.period_end,
            paid_at=fact.occurred_at if fact.kind in (FactKind.PAID, FactKind.RENEWED) else None,
            transactions=fact.transactions,
        )
    )
    purchase.started_at = purchase.started_at or start
    purchase.has_instalments, purchase.refunded_in_period = False, 0
    revive(purchase)


def received_again(purchase: Purchase, fact: Fact) -> None:
    """Note one more message about money that is known: its ids, and an end or an interval that it states."""
    last = len(purchase.periods) - 1
    transactions = fact.transactions
    number = next((i for i, known in enumerate(purchase.periods) if transactions & known.transactions), last)
    period = purchase.periods[number]
    if fact.terms.interval and number == last:
        period = _with_stated_interval(purchase, period)
    period = with_stated_end(period, fact)
    if fact.kind != FactKind.PURCHASED and period.paid_at is None:
        period = replace(period, paid_at=fact.occurred_at)
    purchase.periods[number] = replace(period, transactions=period.transactions | transactions)


def revive(purchase: Purchase) -> None:
    """Take back whatever ended or interrupted it."""
    purchase.ended = purchase.cut_at = None
    purchase.canceled_at = purchase.ends_at = None
    purchase.paused_at = purchase.failed_at = None


def _with_stated_interval(purchase: Purchase, period: Period) -> Period:
    """Return the last period at least as long as the interval that a message about it states.

    Of two messages about one sale the first may lack what it was sold for; then the plan's interval was counted.
    """
    if period.end is None or period.is_stated or period.is_trial:
        return period
    return replace(period, end=max(period.end, _end_after(purchase, period.start)))


def with_stated_end(period: Period, fact: Fact) -> Period:
    """Return the period with the end that a message about it states.

    What is stated corrects what was counted, but shortens neither an end that was stated before nor what a renewal
    paid for. An end before the period's start is that of an earlier one.
    """
    stated = fact.paid_until
    if stated is None or period.end is None or stated <= period.start:
        return period
    if period.is_stated or fact.kind == FactKind.RENEWED:
        stated = max(period.end, stated)
    return replace(period, end=stated, is_stated=True)
