"""The state of one purchase, as a pure function of the facts about it, taken in the order in which they happened.

No database and no clock: what the clock does (a period ends, a grace period runs out) is said for the moment that is
asked for. The words are those of docs/glossary.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.terms import Billing, Disputes, EarlyPayments, Interval, PartialRefunds, PlanTerms

SAME_PAYMENT = timedelta(days=3)  # two messages about money within this time may be about the same money
WITHOUT_A_PERIOD = timedelta(days=30)  # access after a cancellation where no paid period is known
FIRST_PAYMENT = 0.5  # the first payment received in this part of a period paid for it
EARLY_FROM = 0.75  # a payment from here on may be the next period's, paid early
RENEWS_FROM = 0.95  # a payment in the last twentieth of a period, or later, is the next period's by its date
_SAME_DAY = timedelta(days=2)  # an end that is stated this near to the anchor's day is that day


class Status(models.TextChoices):
    """Of a purchase, and of the subscription that is computed from purchases."""

    SCHEDULED = "scheduled", _("scheduled")
    TRIALING = "trialing", _("in trial")
    ACTIVE = "active", _("active")
    PAST_DUE = "past_due", _("past due")
    PAUSED = "paused", _("paused")
    CANCELED = "canceled", _("canceled")
    EXPIRED = "expired", _("expired")
    REFUNDED = "refunded", _("refunded")
    DISPUTED = "disputed", _("disputed")


class Question(models.TextChoices):
    """Questions to staff about a fact."""

    WHICH_PURCHASE = "which_purchase", _("It could be about several purchases: which one?")
    EARLY_PAYMENT = "early_payment", _("A payment in the middle of a paid period: an instalment, or paid early?")
    PARTIAL_REFUNDS = "partial_refunds", _("Partial refunds amount to the whole price: does access end?")


@dataclass(frozen=True, kw_only=True)
class Period:
    """The time that one payment, trial or grant pays for. `end` is None where it never ends."""

    start: datetime
    end: datetime | None
    is_trial: bool = False
    is_stated: bool = False  # the provider itself named this end
    paid_at: datetime | None = None
    transactions: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Now:
    """A purchase at one moment. Access lasts from `access_from` (None: none) until `access_until` (None: no end).

    `end` is the end of what is paid; `changed_at` is when the status began, and `next_change_at` when the clock alone
    will change it.
    """

    status: str
    changed_at: datetime
    access_from: datetime | None = None
    access_until: datetime | None = None
    end: datetime | None = None
    next_change_at: datetime | None = None

    def gives_access(self, now: datetime) -> bool:
        return (
            self.access_from is not None
            and self.access_from <= now
            and (self.access_until is None or now < self.access_until)
        )


@dataclass(kw_only=True)
class Purchase:
    """One sale or grant of a plan, built fact by fact in their order. `key` is the key of its first fact."""

    key: str
    plan: PlanTerms
    is_grant: bool = False
    facts: list[Fact] = field(default_factory=list)
    ids: dict[str, dict[str, set[str]]] = field(default_factory=dict)  # name → book → ids
    billing: str = ""
    interval: Interval | None = None
    quantity: int = 1
    amount: int | None = None
    refunded_amounts: list[int] = field(default_factory=list)
    refunded_in_period: int = 0  # parts of the last period's price
    sold_at: datetime | None = None
    anchor: datetime | None = None
    periods: list[Period] = field(default_factory=list)
    canceled_at: datetime | None = None
    ends_at: datetime | None = None
    ended: tuple[str, datetime] | None = None
    cut_at: datetime | None = None  # where access ended before what was paid
    paused_at: datetime | None = None
    disputed_at: datetime | None = None
    disputed_period: int = 0  # the number of the period whose money is disputed
    disputed_from: datetime | None = None  # since when access is in doubt: later where it was paid ahead
    failed_at: datetime | None = None
    changed_at: datetime | None = None
    is_announced: bool = False  # its start was stated, and may be to come
    has_instalments: bool = False  # money in the middle of the last period that did not extend it
    question: str = ""  # what staff should look at, raised by the fact that was taken last

    @property
    def started_at(self) -> datetime | None:
        return self.periods[0].start if self.periods else None

    @property
    def paid_until(self) -> datetime | None:
        return self.periods[-1].end if self.periods else None

    def knows(self, name: str, external_id: str) -> bool:
        return any(external_id in ids for ids in self.ids.get(name, {}).values())

    def take(self, fact: Fact) -> None:
        """Apply the next fact about this purchase."""
        before = self.at(fact.occurred_at).status if self.facts else ""
        self.question = ""
        self.facts.append(fact)
        for name, external_id in fact.ids.items():
            self.ids.setdefault(name, {}).setdefault(fact.book, set()).add(external_id)
        terms = fact.terms
        self.billing = terms.billing or self.billing
        self.interval = terms.interval or self.interval
        self.quantity = terms.quantity or self.quantity
        self.amount = self.amount if terms.amount is None else terms.amount
        _TAKE[fact.kind](self, fact)
        if self.at(fact.occurred_at).status != before:
            self.changed_at = fact.occurred_at

    # Money that came in -----------------------------------------------------------------------------------------------

    def _purchased(self, fact: Fact) -> None:
        if not self.periods:
            trial_days = self.plan.trial_days if fact.terms.trial_days is None else fact.terms.trial_days
            self._begin(fact, trial_days=trial_days)
        elif not self._is_known_money(fact) and self._is_due(fact.occurred_at):
            self._begin_next(fact)  # a sender that reports each renewal as a purchase
        else:
            self._received_again(fact)

    def _paid(self, fact: Fact) -> None:
        moment = fact.occurred_at
        if not self.periods:
            self._begin(fact)
        elif self._is_known_money(fact):
            self._received_again(fact)
        elif self._has_ended(moment):
            self._begin_next(fact)
        elif self._pays_for_known(fact):
            self._received_again(fact)
        elif self._is_due(moment) or (self.periods[-1].is_trial and fact.terms.amount):
            self._begin_next(fact)
        elif self._follows_at_once(moment):
            self._received_again(fact)
        elif self.periods[-1].is_trial:
            self._begin_next(fact)
        elif self.periods[-1].paid_at is None and self._share(moment) < FIRST_PAYMENT:
            self._received_again(fact)
        elif self._extends_early(fact):
            self._begin_next(fact)
        else:
            self.has_instalments = True
            self._received_again(fact)

    def _renewed(self, fact: Fact) -> None:
        if not self.periods:
            self._begin(fact)
        elif self._is_known_money(fact):
            self._received_again(fact)
        elif not self._has_ended(fact.occurred_at) and self._is_known_renewal(fact):
            self.canceled_at = self.ends_at = None  # it says that the cancellation was taken back
            self._received_again(fact)
        else:
            self._begin_next(fact)

    def _begin(self, fact: Fact, *, trial_days: int = 0) -> None:
        start = fact.terms.starts_at or fact.occurred_at
        self.is_announced = fact.terms.starts_at is not None
        self.sold_at = fact.occurred_at
        if self._terms == Billing.LIFETIME and fact.period_end is None:
            self._add(fact, start, None)
        elif trial_days:
            self.anchor = fact.period_end or start + timedelta(days=trial_days)
            self._add(fact, start, self.anchor, is_trial=True)
        else:
            self.anchor = start
            self._add(fact, start, fact.period_end or self._length.after(start, 1))

    def _begin_next(self, fact: Fact) -> None:
        """Begin a further paid period: at the end of the last one, or anew where access had lapsed."""
        last, moment = self.periods[-1], fact.occurred_at
        if last.end is None and self.ended is None:
            self._received_again(fact)
            return
        start = last.end
        if start is None or self._has_ended(moment) or moment > start + self._grace:
            start = self.anchor = moment
        elif last.is_trial:  # a charge that is late by hours pays for a whole period
            start = self.anchor = max(start, moment)
        if fact.period_end is not None:
            self._add(fact, start, max(start, fact.period_end))
        else:
            self._add(fact, start, None if self._terms == Billing.LIFETIME else self._end_after(start))

    def _end_after(self, start: datetime) -> datetime:
        """Return the end of the period that begins at `start`: counted from the anchor where that falls on `start`.

        Any other end than the anchor's becomes the anchor.
        """
        anchor = self.anchor or start
        length = self._length.length(anchor)
        number = round((start - anchor) / length)
        if abs(self._length.after(anchor, number) - start) <= min(_SAME_DAY, length / 4):
            return self._length.after(anchor, number + 1)
        self.anchor = start
        return self._length.after(start, 1)

    def _add(self, fact: Fact, start: datetime, end: datetime | None, *, is_trial: bool = False) -> None:
        self.periods.append(
            Period(
                start=start,
                end=end,
                is_trial=is_trial,
                is_stated=fact.period_end is not None,
                paid_at=fact.occurred_at if fact.kind in (FactKind.PAID, FactKind.RENEWED) else None,
                transactions=_transactions(fact),
            )
        )
        self.has_instalments, self.refunded_in_period = False, 0
        self._revive()

    def _received_again(self, fact: Fact) -> None:
        """Note one more message about money that is known: its ids, and an end that it states."""
        last = len(self.periods) - 1
        transactions = _transactions(fact)
        number = next((i for i, known in enumerate(self.periods) if transactions & known.transactions), last)
        period = self.periods[number]
        if number == last:
            period = _with_stated_end(period, fact)
        if fact.kind != FactKind.PURCHASED and period.paid_at is None:
            period = replace(period, paid_at=fact.occurred_at)
        self.periods[number] = replace(period, transactions=period.transactions | transactions)

    def _revive(self) -> None:
        self.ended = self.cut_at = self.canceled_at = self.ends_at = self.paused_at = self.failed_at = None

    def _is_known_money(self, fact: Fact) -> bool:
        transactions = _transactions(fact)
        return any(transactions & period.transactions for period in self.periods)

    def _share(self, moment: datetime) -> float:
        """Return how much of the last period has passed at `moment`; 0 where it never ends."""
        period = self.periods[-1]
        if period.end is None:
            return 0.0
        return (moment - period.start) / (period.end - period.start) if period.end > period.start else 1.0

    def _is_due(self, moment: datetime) -> bool:
        """Return whether money at `moment` is the next period's by its date. Instalments pay for no further one."""
        if self.paid_until is None or self._terms == Billing.INSTALMENTS:
            return False
        return self._share(moment) >= (1 if self._terms == Billing.ONCE else RENEWS_FROM)

    def _has_ended(self, moment: datetime) -> bool:
        """Return whether an event ended it, or a cancellation's date has come."""
        return self.ended is not None or (self.ends_at is not None and self.ends_at <= moment)

    def _pays_for_known(self, fact: Fact) -> bool:
        """Return whether a payment says itself that it paid for no more than is known."""
        end, stated = self.paid_until, fact.period_end
        return stated is not None and end is not None and fact.occurred_at < end and stated <= end

    def _window(self) -> timedelta:
        """Return within which time two messages about the last period's money are about the same: by its length."""
        period = self.periods[-1]
        return SAME_PAYMENT if period.end is None else min(SAME_PAYMENT, (period.end - period.start) / 2)

    def _follows_at_once(self, moment: datetime) -> bool:
        begun = self.periods[-1].paid_at or (self.sold_at if len(self.periods) == 1 else None)
        return begun is not None and moment - begun <= self._window()

    def _is_known_renewal(self, fact: Fact) -> bool:
        """Return whether an explicit renewal is one more message about the period that was begun last."""
        period = self.periods[-1]
        if fact.period_end is not None and period.end is not None:  # it says itself which period it paid for
            return fact.period_end - period.end < self._window()
        if self._follows_at_once(fact.occurred_at):
            return True
        # What was paid early is renewed, for some senders, when it begins.
        return (
            len(self.periods) > 1 and period.paid_at is not None and fact.occurred_at <= period.start + self._window()
        )

    def _extends_early(self, fact: Fact) -> bool:
        """Return whether money in the middle of a paid period pays for the next one, by the purchase's terms."""
        if self._terms != Billing.SUBSCRIPTION:
            return False
        policy = self.plan.early_payments
        if policy == EarlyPayments.EXTEND or self.billing == Billing.SUBSCRIPTION:
            return True
        if policy == EarlyPayments.LAST_QUARTER and not self.has_instalments:
            if self._share(fact.occurred_at) >= EARLY_FROM:
                return True
            self.question = Question.EARLY_PAYMENT
        return False

    # What ends or interrupts it ---------------------------------------------------------------------------------------

    def _failed(self, fact: Fact) -> None:
        if self.ended is None and self.canceled_at is None:
            self.failed_at = self.failed_at or fact.occurred_at

    def _paused(self, fact: Fact) -> None:
        if self.ended is None:
            self.paused_at = self.paused_at or fact.occurred_at

    def _canceled(self, fact: Fact) -> None:
        stated, moment = fact.period_end, fact.occurred_at
        runs_until = self.paid_until
        if runs_until is not None and self.paused_at is None:
            runs_until += self._grace
        has_run_out = self.paused_at is None and runs_until is not None and runs_until <= moment
        if self.ended is not None or (has_run_out and (stated is None or stated <= moment)):
            return
        if fact.by_staff and not self.periods and self.canceled_at is None:
            return  # it gives no access
        if stated is not None and fact.by_staff:  # on all purchases: none of them is extended
            until = self.ends_at or runs_until
            self.ends_at = stated if until is None else min(stated, until)
        elif stated is not None:
            self.ends_at = stated
        elif self.canceled_at is None:
            self.ends_at = self.paid_until if self.periods else moment + WITHOUT_A_PERIOD
        self.canceled_at = self.canceled_at or moment

    def _expired(self, fact: Fact) -> None:
        if self.ended is None:
            self._end(Status.EXPIRED, fact.occurred_at)

    def _end(self, status: str, moment: datetime) -> None:
        self.ended = (status, moment)
        self.cut_at = min(self.cut_at or moment, moment)

    def _refunded(self, fact: Fact) -> None:
        self.refunded_amounts += [fact.terms.refunded] if fact.terms.refunded else []
        if self._is_refunded or self._is_earlier_money(fact):
            return
        if not self._is_partial(fact) or self.plan.partial_refunds == PartialRefunds.END:
            self._take_back(fact, is_ahead=self._is_money_paid_ahead(fact))

    def _take_back(self, fact: Fact, *, is_ahead: bool) -> None:
        """End the purchase; where only money that was paid ahead goes back, the period that runs goes on."""
        if is_ahead:
            self.periods.pop()
        else:
            self._end(Status.REFUNDED, fact.occurred_at)

    def _is_money_paid_ahead(self, fact: Fact) -> bool:
        """Return whether the fact names the charge of a last period that has not begun."""
        if self.ended is not None or len(self.periods) < 2:
            return False
        period = self.periods[-1]
        return fact.occurred_at < period.start and bool(_transactions(fact) & period.transactions)

    @property
    def _is_refunded(self) -> bool:
        return self.ended is not None and self.ended[0] == Status.REFUNDED

    def _is_earlier_money(self, fact: Fact) -> bool:
        return any(_transactions(fact) & period.transactions for period in self.periods[:-1])

    def _is_partial(self, fact: Fact) -> bool:
        """Return whether less than the price goes back; ask staff where all parts of a period's price have."""
        refunded, total = fact.terms.refunded, self.amount
        if refunded is None or not total or refunded >= total:
            return False
        self.refunded_in_period += refunded
        if self.refunded_in_period >= total:
            self.question = Question.PARTIAL_REFUNDS
        return True

    def _disputed(self, fact: Fact) -> None:
        if self.disputed_at is None and not self._is_earlier_money(fact):
            self.disputed_at, self.disputed_period = fact.occurred_at, len(self.periods) - 1
            self.disputed_from = self.periods[-1].start if self._is_money_paid_ahead(fact) else fact.occurred_at

    def _dispute_won(self, fact: Fact) -> None:
        self.disputed_at = None

    def _dispute_lost(self, fact: Fact) -> None:
        is_earlier = self._is_earlier_money(fact) or (self.disputed_at is not None and not self._is_disputed)
        is_ahead = self._is_money_paid_ahead(fact)
        if self._is_disputed and self.disputed_from is not None and self.ended is None:
            is_ahead = is_ahead or fact.occurred_at < self.disputed_from
        self.disputed_at = None
        if not is_earlier and not self._is_refunded:
            self._take_back(fact, is_ahead=is_ahead)

    @property
    def _is_disputed(self) -> bool:
        """Return whether the last period's money is disputed: a dispute about an earlier one is over by then."""
        return self.disputed_at is not None and self.disputed_period >= len(self.periods) - 1

    # What gives it back -----------------------------------------------------------------------------------------------

    def _extended(self, fact: Fact) -> None:
        """Take a grant of staff: it never shortens the one before."""
        end = fact.period_end
        if self.periods and self.ended is None and self.canceled_at is None:
            end = None if end is None or self.paid_until is None else max(end, self.paid_until)
        self._add(fact, fact.occurred_at, end)

    def _confirmed(self, fact: Fact) -> None:
        """Take that it is active at this moment: that pays for nothing, but what was granted is not over.

        Where the paid end has passed, a payment was missed: the end is that of the period which runs now.
        """
        if not self.periods:
            self._begin(fact)
            return
        period = _with_stated_end(self.periods[-1], fact)
        end = period.end
        if end is not None and end <= fact.occurred_at:
            end = self._length.first_end_after(end, fact.occurred_at)
        self.periods[-1] = replace(period, end=end)
        self._revive()
        if fact.kind == FactKind.CONFIRMED:
            self.disputed_at = None

    # The clock --------------------------------------------------------------------------------------------------------

    @property
    def _terms(self) -> str:
        return self.billing or self.plan.billing

    @property
    def _length(self) -> Interval:
        return self.interval or self.plan.interval

    @property
    def _grace(self) -> timedelta:
        """How long access lasts after a paid end whose renewal is awaited."""
        renews = not self.is_grant and self._terms == Billing.SUBSCRIPTION
        return self.plan.grace if renews else timedelta()

    def at(self, now: datetime) -> Now:
        """Return the state at `now`, by the facts that were taken."""
        start, end = self.started_at, self.paid_until
        if start is not None and not self.is_announced:  # the clock of a sender may be ahead
            start = min(start, now)
        changed = self.changed_at or (self.facts[0].occurred_at if self.facts else now)
        if self.ended is not None:
            status, moment = self.ended
            cut = self.cut_at or moment
            until = cut if end is None else min(end, cut)
            begun = start if start is not None and start < until else None
            return Now(status=status, changed_at=moment, access_from=begun, access_until=until, end=until)
        if start is None and self.canceled_at is not None:
            return _until(self.ends_at, Status.CANCELED, now, changed, start=self.canceled_at)
        if start is None:  # only notes about a purchase that nobody has reported
            return Now(status=Status.EXPIRED, changed_at=changed)
        if now < start:
            then = self.at(start)
            status = Status.SCHEDULED if then.gives_access(start) else then.status
            return replace(then, status=status, changed_at=changed, next_change_at=start)
        if self.canceled_at is not None:
            known = _until(self.ends_at, Status.CANCELED, now, changed, start=start)
        elif self.paused_at is not None:
            # What is paid runs out, but a pause does not expire: it goes on when it is resumed.
            known = replace(_until(end, Status.PAUSED, now, changed, start=start), status=Status.PAUSED)
        else:
            known = self._running(start, end, now, changed)
        if self.disputed_at is None or not self._is_disputed or known.status == Status.EXPIRED:
            return known
        known = replace(known, status=Status.DISPUTED, changed_at=self.disputed_at)
        if self.plan.disputes == Disputes.KEEP:
            return known
        until = min(filter(None, (self.disputed_from, known.access_until)))
        changes = [moment for moment in (until, known.next_change_at) if moment is not None and moment > now]
        return replace(known, access_until=until, next_change_at=min(changes, default=None))

    def _running(self, start: datetime, end: datetime | None, now: datetime, changed: datetime) -> Now:
        """Return the state of a purchase that has begun, and that nothing but the clock ends."""
        paid = next((period.start for period in self.periods if not period.is_trial), None)
        begun = self.changed_at or changed
        known = Now(status=Status.ACTIVE, changed_at=begun, access_from=start, end=end, next_change_at=end)
        known = replace(known, access_until=None if end is None else end + self._grace)
        if end is not None and now >= end + self._grace:
            return replace(known, status=Status.EXPIRED, changed_at=end + self._grace, next_change_at=None)
        if end is not None and now >= end:
            moment = min(end, self.failed_at or end)
            return replace(known, status=Status.PAST_DUE, changed_at=moment, next_change_at=end + self._grace)
        if self.failed_at is not None:
            return replace(known, status=Status.PAST_DUE, changed_at=self.failed_at)
        if self.periods[0].is_trial:
            if paid is None or now < paid:
                return replace(known, status=Status.TRIALING, next_change_at=paid or end)
            return replace(known, changed_at=max(begun, paid))
        return replace(known, changed_at=max(begun, start))


def _until(until: datetime | None, status: str, now: datetime, changed: datetime, *, start: datetime) -> Now:
    """Return what has `status` until that end, and has expired then."""
    known = Now(
        status=status, changed_at=changed, access_from=start, access_until=until, end=until, next_change_at=until
    )
    if until is not None and until <= now:
        return replace(known, status=Status.EXPIRED, changed_at=until, next_change_at=None)
    return known


def _with_stated_end(period: Period, fact: Fact) -> Period:
    """Return the period with the end that a message about it states.

    What is stated corrects what was counted, but shortens neither an end that was stated before nor what a renewal
    paid for. An end before the period's start is that of an earlier one.
    """
    stated = fact.period_end
    if stated is None or period.end is None or stated <= period.start:
        return period
    if period.is_stated or fact.kind == FactKind.RENEWED:
        stated = max(period.end, stated)
    return replace(period, end=stated, is_stated=True)


def _transactions(fact: Fact) -> frozenset[str]:
    return frozenset({fact.references.get("transaction", "")} - {""})


_TAKE: Mapping[str, Callable[[Purchase, Fact], None]] = {
    FactKind.PURCHASED: Purchase._purchased,
    FactKind.PAID: Purchase._paid,
    FactKind.RENEWED: Purchase._renewed,
    FactKind.PAYMENT_FAILED: Purchase._failed,
    FactKind.PAUSED: Purchase._paused,
    FactKind.CANCELED: Purchase._canceled,
    FactKind.EXPIRED: Purchase._expired,
    FactKind.DISPUTED: Purchase._disputed,
    FactKind.DISPUTE_WON: Purchase._dispute_won,
    FactKind.DISPUTE_LOST: Purchase._dispute_lost,
    FactKind.REFUNDED: Purchase._refunded,
    FactKind.EXTENDED: Purchase._extended,
    FactKind.RESUMED: Purchase._confirmed,
    FactKind.CONFIRMED: Purchase._confirmed,
}
