"""Reference model of a subscription: slow, obvious, and written from the rules in words, apart from the code.

It lives through a history day by day. A purchase is a list of periods, a period is the numbers of its first day and of
the day after its last; a year is a year of the calendar. Nothing of purchase_state, assignment or subscription_state is
used here: where the two disagree, one of them misreads the rules, and a person decides which.

Every fact happens at the beginning of its day, and access on a day is what there is after that day's facts.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from accounts.memberships.facts import Fact
from accounts.memberships.terms import Interval, PlanTerms

DAY_0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
FOREVER = 10**6
# The order of the facts of one day: that of a purchase's life.
ORDER = ["purchased", "paid", "renewed", "payment_failed", "paused", "canceled", "expired", "disputed"]
ORDER += ["dispute_won", "dispute_lost", "refunded", "extended", "resumed", "confirmed"]
SALES = ("purchased", "paid", "renewed")
IDS = ("purchase", "subscription", "order", "transaction")


def day_of(moment: datetime) -> int:
    return (moment - DAY_0) // timedelta(days=1)


def later(day: int, interval: Interval, times: int) -> int:
    """Return the day that lies so many intervals after `day`: in a shorter month its last day."""
    steps = interval.count * times
    if interval.unit in ("days", "weeks"):
        return day + steps * (7 if interval.unit == "weeks" else 1)
    date = (DAY_0 + timedelta(days=day)).date()
    month = date.month - 1 + steps * (12 if interval.unit == "years" else 1)
    year, month = date.year + month // 12, month % 12 + 1
    moment = datetime(year, month, min(date.day, monthrange(year, month)[1]), 12, tzinfo=UTC)
    return day_of(moment)


@dataclass
class Span:
    first: int
    after: int
    reported: int
    trial: bool = False
    stated: bool = False
    paid: int | None = None
    charges: set[str] = field(default_factory=set)


@dataclass
class Bought:
    """One purchase. `over` is "" while nothing ended it, else "expired" or "refunded"."""

    plan: PlanTerms
    grant: bool = False
    facts: list[Fact] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    anchor: int | None = None
    sold: int | None = None
    billing: str = ""
    interval: Interval | None = None
    price: int | None = None
    over: str = ""
    canceled: int | None = None
    leaves: int | None = None  # the day on which a cancellation ends access
    paused: bool = False
    disputed: int | None = None  # since that day
    disputed_span: int = -1
    disputed_ahead: bool = False
    instalments: bool = False

    # What is known of it ----------------------------------------------------------------------------------------------

    def ids(self, name: str, book: str | None = None) -> set[str]:
        return {f.references[name] for f in self.facts if f.references.get(name) and book in (None, f.book)}

    @property
    def how(self) -> str:
        return self.billing or self.plan.billing

    @property
    def length(self) -> Interval:
        return self.interval or self.plan.interval

    @property
    def grace(self) -> int:
        return self.plan.grace.days if self.how == "subscription" and not self.grant else 0

    @property
    def paid_until(self) -> int:
        return self.spans[-1].after

    @property
    def suspended(self) -> bool:
        """Return whether the money of the last period is disputed, and the plan gives no access meanwhile."""
        return self.disputed is not None and self.disputed_span >= len(self.spans) - 1 and self.plan.disputes != "keep"

    def opens(self, day: int) -> bool:
        """Return whether this purchase gives access on a day, as things stand on it."""
        if self.over:
            return False
        if not self.spans:  # a cancellation of what nobody has reported: thirty days
            return self.leaves is not None and day < self.leaves
        if day < self.spans[0].first:
            return False
        if self.suspended and not (self.disputed_ahead and day < self.spans[-1].first):
            return False
        if self.paused and self.canceled is None and self.paid_until <= day:
            return False
        return not self.done(day)

    def done(self, day: int) -> bool:
        """Return whether it is over, by an event or by the clock; what is paused waits for its resumption."""
        if self.over:
            return True
        if not self.spans:
            return self.leaves is None or self.leaves <= day
        day = max(day, self.spans[0].first)
        if self.canceled is not None:
            assert self.leaves is not None
            return self.leaves <= day
        return not self.paused and self.paid_until + self.grace <= day

    # Money ------------------------------------------------------------------------------------------------------------

    def share(self, day: int) -> float:
        span = self.spans[-1]
        if span.after == FOREVER:
            return 0
        return (day - span.first) / (span.after - span.first) if span.after > span.first else 1

    def add(self, span: Span) -> None:
        self.spans.append(span)
        self.instalments = False
        self.revive()

    def revive(self) -> None:
        self.over, self.canceled, self.leaves, self.paused = "", None, None, False

    def next_end(self, start: int) -> int:
        """Return the end of the period from `start`: on the anchor's day, where `start` is one of those."""
        if self.anchor is None:
            self.anchor = start
        for number in range(1000):
            day = later(self.anchor, self.length, number)
            span = later(self.anchor, self.length, 48) - self.anchor
            if abs(day - start) <= min(2, span / 48 / 4):
                return later(self.anchor, self.length, number + 1)
            if day > start + 2:
                break
        self.anchor = start
        return later(start, self.length, 1)

    def begin(self, fact: Fact, day: int, trial: int) -> None:
        start = day_of(fact.terms.starts_at) if fact.terms.starts_at else day
        self.sold, self.anchor = day, start
        stated = day_of(fact.period_end) if fact.period_end else None
        paid = day if fact.kind in ("paid", "renewed") else None
        span = Span(start, FOREVER, day, stated=stated is not None, paid=paid, charges=charge(fact))
        if stated is not None:
            span.after = stated
        elif self.how != "lifetime":
            span.after = start + trial if trial else later(start, self.length, 1)
        if trial and (stated is not None or self.how != "lifetime"):
            span.trial, self.anchor = True, stated if stated is not None else span.after
        self.add(span)

    def begin_next(self, fact: Fact, day: int) -> None:
        last = self.spans[-1]
        ended = self.stopped(day)
        if last.after == FOREVER and not self.over:
            self.again(fact, day)
            return
        start = last.after
        if ended or last.after == FOREVER or day > start + self.grace:
            start = self.anchor = day  # lapsed: it begins anew
        elif last.trial:
            start = self.anchor = max(start, day)
        stated = stated_by(fact)
        if stated is not None and stated > start:
            after = stated
        else:
            stated = None
            after = FOREVER if self.how == "lifetime" else self.next_end(start)
        paid = day if fact.kind in ("paid", "renewed") else None
        self.add(Span(start, after, day, stated=stated is not None, paid=paid, charges=charge(fact)))

    def again(self, fact: Fact, day: int) -> None:
        """Note a further message about money that is known."""
        span = next((one for one in self.spans if one.charges & charge(fact)), self.spans[-1])
        is_counted = span.after != FOREVER and not span.stated and not span.trial
        if fact.terms.interval and is_counted and span is self.spans[-1]:
            span.after = max(span.after, self.next_end(span.first))  # it was sold for that long
        restate(span, fact)
        if span.paid is None and fact.kind != "purchased":
            span.paid = day
        span.charges |= charge(fact)

    def stopped(self, day: int) -> bool:
        return bool(self.over) or (self.leaves is not None and self.leaves <= day)

    def knows_money(self, fact: Fact) -> bool:
        return any(one.charges & charge(fact) for one in self.spans)

    def window(self) -> float:
        span = self.spans[-1]
        return min(3, (span.after - span.first) / 2)

    def at_once(self, day: int) -> bool:
        span = self.spans[-1]
        return day - (span.reported if span.paid is None else span.paid) <= self.window()

    def no_more_than_known(self, fact: Fact) -> bool:
        stated = stated_by(fact)
        return stated is not None and self.paid_until != FOREVER and stated <= self.paid_until

    def due(self, day: int) -> bool:
        if self.how == "instalments" or self.paid_until == FOREVER:
            return False
        return self.share(day) >= (1 if self.how == "once" else 0.95)

    def purchased(self, fact: Fact, day: int) -> None:
        if not self.spans:
            trial = fact.terms.trial_days
            self.begin(fact, day, self.plan.trial_days if trial is None else trial)
        elif self.due(day) and not self.knows_money(fact) and not self.no_more_than_known(fact):
            self.begin_next(fact, day)
        else:
            self.again(fact, day)

    def paid(self, fact: Fact, day: int) -> None:
        if not self.spans:
            return self.begin(fact, day, 0)
        if self.knows_money(fact):
            return self.again(fact, day)
        if self.stopped(day):
            return self.begin_next(fact, day)
        if self.no_more_than_known(fact):
            return self.again(fact, day)  # it says that it paid for what is known
        if self.due(day):
            return self.begin_next(fact, day)
        trial = self.spans[-1].trial
        if trial and (fact.terms.amount or not self.at_once(day)):
            return self.begin_next(fact, day)
        of_its_book = self.spans[-1].charges & self.ids("transaction", fact.book)
        other = bool(charge(fact) and of_its_book)
        if self.at_once(day) or (self.spans[-1].paid is None and not other and self.share(day) < 0.5):
            return self.again(fact, day)
        if self.extends_early(day):
            return self.begin_next(fact, day)
        self.instalments = True
        return self.again(fact, day)

    def extends_early(self, day: int) -> bool:
        if self.how != "subscription":
            return False
        if self.billing == "subscription" or self.plan.early_payments == "extend":
            return True
        return self.plan.early_payments == "last_quarter" and not self.instalments and self.share(day) >= 0.75

    def renewed(self, fact: Fact, day: int) -> None:
        if not self.spans:
            return self.begin(fact, day, 0)
        span = self.spans[-1]
        if self.knows_money(fact):
            return self.again(fact, day)
        if not self.stopped(day):
            stated = stated_by(fact)
            if stated is not None and span.after != FOREVER:
                known = stated - span.after < self.window()
            else:
                known = day <= max(span.first, span.reported) + self.window()
            if known:
                self.canceled = self.leaves = None
                return self.again(fact, day)
        return self.begin_next(fact, day)

    # Ends and interruptions -------------------------------------------------------------------------------------------

    def earlier(self, fact: Fact) -> bool:
        return any(one.charges & charge(fact) for one in self.spans[:-1])

    def cancel(self, fact: Fact, day: int) -> None:
        stated = day_of(fact.period_end) if fact.period_end else None
        staff = fact.by_staff
        if self.over or (staff and not self.spans and self.canceled is None):
            return
        lasts = None
        if self.spans:
            lasts = self.paid_until + (0 if self.paused else self.grace)
            if not self.paused and lasts <= day and (stated is None or stated <= day):
                return
        if stated is not None and staff:
            self.leaves = min(
                one for one in (stated, self.leaves if self.leaves is not None else lasts) if one is not None
            )
        elif stated is not None:
            self.leaves = stated
        elif self.canceled is None:
            self.leaves = self.paid_until if self.spans else day + 30
        if self.canceled is None:
            self.canceled = day

    def ahead(self, fact: Fact, day: int) -> bool:
        """Return whether it names the charge of the last period, which was paid ahead and has not begun."""
        return not self.over and len(self.spans) > 1 and day < self.spans[-1].first and self.names_last(fact)

    def names_last(self, fact: Fact) -> bool:
        return bool(self.spans and self.spans[-1].charges & charge(fact))

    def refund(self, fact: Fact, day: int) -> None:
        if self.over == "refunded" or self.earlier(fact):
            return
        back, price = fact.terms.refunded, self.price
        if not price and self.interval in (None, self.plan.interval):
            price = self.plan.price
        partial = back is not None and (not price or back < price)
        if partial and self.plan.partial_refunds == "keep":
            return
        if self.ahead(fact, day):
            self.spans.pop()
        else:
            self.over = "refunded"

    def dispute(self, fact: Fact, day: int) -> None:
        if self.disputed is None and not self.earlier(fact):
            self.disputed, self.disputed_span = day, len(self.spans) - 1
            self.disputed_ahead = self.ahead(fact, day)

    def lose_dispute(self, fact: Fact, day: int) -> None:
        is_open, about_last = self.disputed is not None, self.disputed_span >= len(self.spans) - 1
        self.disputed = None
        if self.earlier(fact) or (is_open and not about_last) or self.over == "refunded":
            return
        known_ahead = is_open and self.disputed_ahead and not self.over and day < self.spans[-1].first
        if self.ahead(fact, day) or known_ahead:
            self.spans.pop()
        else:
            self.over = "refunded"

    def confirm(self, fact: Fact, day: int) -> None:
        if not self.spans:
            self.begin(fact, day, 0)
            return
        span = self.spans[-1]
        restate(span, fact)
        if span.after <= day:  # a payment was missed: the period that runs on this day
            number, end = 0, span.after
            while later(end, self.length, number) <= day:
                number += 1
            span.after = later(end, self.length, number)
        self.revive()
        if fact.kind == "confirmed":
            self.disputed = None

    def take(self, fact: Fact) -> None:
        day, terms = day_of(fact.occurred_at), fact.terms
        self.facts.append(fact)
        self.billing, self.interval = terms.billing or self.billing, terms.interval or self.interval
        self.price = self.price if terms.amount is None else terms.amount
        match fact.kind:
            case "purchased":
                self.purchased(fact, day)
            case "paid":
                self.paid(fact, day)
            case "renewed":
                self.renewed(fact, day)
            case "paused":
                self.paused = True
            case "canceled":
                self.cancel(fact, day)
            case "expired":
                self.over = self.over or "expired"
            case "refunded":
                self.refund(fact, day)
            case "disputed":
                self.dispute(fact, day)
            case "dispute_won":
                self.disputed = None
            case "dispute_lost":
                self.lose_dispute(fact, day)
            case "extended":
                assert fact.period_end is not None
                after = day_of(fact.period_end)
                if self.canceled is not None and not self.over:
                    assert self.leaves is not None
                    after = max(after, self.leaves)
                elif self.spans and not self.over:
                    after = max(after, self.paid_until)
                self.add(Span(day, after, day, stated=after == day_of(fact.period_end), charges=charge(fact)))
            case "resumed" | "confirmed":
                self.confirm(fact, day)


def charge(fact: Fact) -> set[str]:
    return {fact.references["transaction"]} if fact.references.get("transaction") else set()


def stated_by(fact: Fact) -> int | None:
    """Return the day until which a message says that it is paid; a day that had passed by then is no such day."""
    if fact.period_end is None or fact.period_end <= fact.occurred_at:
        return None
    return day_of(fact.period_end)


def restate(span: Span, fact: Fact) -> None:
    """Set the end that a message states; what was stated before or renewed is not shortened, nor what never ends."""
    stated = stated_by(fact)
    if stated is not None and span.after != FOREVER and stated > span.first:
        span.after = max(span.after, stated) if span.stated or fact.kind == "renewed" else stated
        span.stated = True
