"""The state of one purchase: a pure function of the facts about it, which `purchase_facts.take` applies in their order.

No database and no clock: what the clock does (a period ends, a grace period runs out) is said for the moment that is
asked for. The words are those of docs/glossary.md.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.memberships.access_span import AccessSpan
from accounts.memberships.facts import Fact
from accounts.memberships.terms import Disputes, Interval, PlanTerms

SAME_PAYMENT = timedelta(days=3)  # two messages about money within this time may be about the same money


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


def status_label(status: str) -> str:
    """Return a status in the reader's language, "none" for no subscription; a provider's own word as it is."""
    return str({"none": _("none"), **dict(Status.choices)}.get(status, status))


class Question(models.TextChoices):
    """Questions to staff about a fact."""

    WHICH_PURCHASE = "which_purchase", _("It could be about several purchases: which one?")
    EARLY_PAYMENT = "early_payment", _("A payment in the middle of a paid period: an instalment, or paid early?")
    PARTIAL_REFUNDS = "partial_refunds", _("Partial refunds amount to the whole price: does access end?")
    REFUND_OF_UNKNOWN = "refund_of_unknown", _("An amount was refunded, and the price is not known: does access end?")
    SEATS = "seats", _("Several seats were bought, and only the buyer has an account: who are the others?")


@dataclass(frozen=True, kw_only=True)
class Period:
    """The time that one payment, trial or grant pays for. `end` is None where it never ends."""

    start: datetime
    end: datetime | None
    is_trial: bool = False
    reported_at: datetime  # by the fact that began it
    is_stated: bool = False  # the provider itself named this end
    paid_at: datetime | None = None
    transactions: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Now(AccessSpan):
    """A purchase at one moment.

    `end` is the end of what is paid; `changed_at` is when the status began, and `next_change_at` when the clock alone
    will change it.
    """

    status: str
    changed_at: datetime
    access_from: datetime | None = None
    access_until: datetime | None = None
    end: datetime | None = None
    next_change_at: datetime | None = None


@dataclass(kw_only=True)
class Purchase:
    """One sale or grant of a plan, built fact by fact in their order. `key` is the key of its first fact."""

    key: str
    plan: PlanTerms
    terms: PlanTerms = PlanTerms()  # the plan's, with what the facts state instead: those that hold
    is_grant: bool = False
    facts: list[Fact] = field(default_factory=list)
    ids: dict[str, dict[str, set[str]]] = field(default_factory=dict)  # name → book → ids
    billing: str = ""  # as stated, and so is the interval
    interval: Interval | None = None
    quantity: int = 1
    amount: int | None = None
    refunded_amounts: list[int] = field(default_factory=list)
    refunded_in_period: int = 0  # parts of the last period's price
    sold_at: datetime | None = None
    started_at: datetime | None = None  # when its first period begins
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
    def paid_until(self) -> datetime | None:
        return self.periods[-1].end if self.periods else None

    def knows(self, name: str, external_id: str) -> bool:
        return any(external_id in ids for ids in self.ids.get(name, {}).values())

    def has_ended(self, moment: datetime) -> bool:
        """Return whether an event ended it, or a cancellation's date has come."""
        return self.ended is not None or (self.ends_at is not None and self.ends_at <= moment)

    @property
    def is_refunded(self) -> bool:
        return self.ended is not None and self.ended[0] == Status.REFUNDED

    @property
    def is_disputed(self) -> bool:
        """Return whether the last period's money is disputed: a dispute about an earlier one is over by then."""
        return self.disputed_at is not None and self.disputed_period >= len(self.periods) - 1

    def at(self, now: datetime) -> Now:
        """Return the state at `now`, by the facts that were taken."""
        start, end = self.started_at, self.paid_until
        if start is not None and not self.is_announced:  # the clock of a sender may be ahead
            start = min(start, now)
        changed = self.changed_at or now
        if self.ended is not None:
            status, moment = self.ended
            until = min(filter(None, (end, self.cut_at)))
            begun = start if start is not None and start < until else None
            return Now(status=status, changed_at=moment, access_from=begun, access_until=until, end=until)
        if start is None and self.canceled_at is not None:
            return _until(self.ends_at, Status.CANCELED, now, changed, start=self.canceled_at)
        if start is None:  # only notes about a purchase that nobody has reported
            return Now(status=Status.EXPIRED, changed_at=changed)
        if now < start:
            then = self.at(start)
            status = Status.SCHEDULED if then.is_open(start) else then.status
            return replace(then, status=status, changed_at=changed, next_change_at=start)
        if self.canceled_at is not None:
            known = _until(self.ends_at, Status.CANCELED, now, changed, start=start)
        elif self.paused_at is not None:
            # What is paid runs out, but a pause does not expire: it goes on when it is resumed.
            known = replace(_until(end, Status.PAUSED, now, changed, start=start), status=Status.PAUSED)
        else:
            known = self._running(start, end, now, changed)
        if self.disputed_at is None or not self.is_disputed or known.status == Status.EXPIRED:
            return known
        known = replace(known, status=Status.DISPUTED, changed_at=self.disputed_at)
        if self.terms.disputes == Disputes.KEEP:
            return known
        until = min(filter(None, (self.disputed_from, known.access_until)))
        changes = [moment for moment in (until, known.next_change_at) if moment is not None and moment > now]
        return replace(known, access_until=until, next_change_at=min(changes, default=None))

    def _running(self, start: datetime, end: datetime | None, now: datetime, changed: datetime) -> Now:
        """Return the state of a purchase that has begun, and that nothing but the clock ends."""
        paid = next((period.start for period in self.periods if not period.is_trial), None)
        known = Now(status=Status.ACTIVE, changed_at=changed, access_from=start, end=end, next_change_at=end)
        known = replace(known, access_until=None if end is None else end + self.terms.grace)
        if end is not None and now >= end + self.terms.grace:
            return replace(known, status=Status.EXPIRED, changed_at=end + self.terms.grace, next_change_at=None)
        if end is not None and now >= end:
            moment = min(end, self.failed_at or end)
            return replace(known, status=Status.PAST_DUE, changed_at=moment, next_change_at=end + self.terms.grace)
        if self.failed_at is not None:
            return replace(known, status=Status.PAST_DUE, changed_at=self.failed_at)
        if self.periods[0].is_trial:
            if paid is None or now < paid:
                return replace(known, status=Status.TRIALING, next_change_at=paid or end)
            return replace(known, changed_at=max(changed, paid))
        return replace(known, changed_at=max(changed, start))


def _until(until: datetime | None, status: str, now: datetime, changed: datetime, *, start: datetime) -> Now:
    """Return what has `status` until that end, and has expired then."""
    known = Now(
        status=status, changed_at=changed, access_from=start, access_until=until, end=until, next_change_at=until
    )
    if until is not None and until <= now:
        return replace(known, status=Status.EXPIRED, changed_at=until, next_change_at=None)
    return known
