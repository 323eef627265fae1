"""The state of a subscription, as a pure function of its facts.

The facts are taken in the order in which they happened, whatever the order in which they were told, so any permutation
and any number of copies ends in the same state. No database, no clock: `now` is an argument.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

from accounts.memberships.models.subscription import FactKind, Status

WITHOUT_A_PERIOD = timedelta(days=30)  # access after a cancellation where no paid period is known
SALE_LASTS = 0.5  # a purchase in the first half of a paid period tells of the sale that paid it
RENEWS_FROM = 0.95  # a payment in the last twentieth of a period, or later, renews it; one before that is an instalment
RETOLD_WITHIN = timedelta(days=3)  # an explicit renewal this soon after a payment tells of that payment

_GRANTS: Mapping[str, str] = {
    FactKind.PURCHASED: Status.ACTIVE,
    FactKind.PAID: Status.ACTIVE,
    FactKind.RENEWED: Status.ACTIVE,
}

# The table of allowed transitions: status before → fact → status after. A fact without an entry changes nothing.
TRANSITIONS: Mapping[str, Mapping[str, str]] = {
    "": {
        **_GRANTS,
        FactKind.CANCELED: Status.CANCELED,
        FactKind.EXPIRED: Status.EXPIRED,
        FactKind.REFUNDED: Status.REFUNDED,
        FactKind.EXTENDED: Status.ACTIVE,
        FactKind.CONFIRMED: Status.ACTIVE,
    },
    Status.ACTIVE: {
        **_GRANTS,
        FactKind.CANCELED: Status.CANCELED,
        FactKind.EXPIRED: Status.EXPIRED,
        FactKind.REFUNDED: Status.REFUNDED,
        FactKind.EXTENDED: Status.ACTIVE,
        FactKind.CONFIRMED: Status.ACTIVE,
    },
    Status.CANCELED: {
        **_GRANTS,
        FactKind.CANCELED: Status.CANCELED,
        FactKind.EXPIRED: Status.EXPIRED,
        FactKind.REFUNDED: Status.REFUNDED,
        FactKind.EXTENDED: Status.CANCELED,
        FactKind.CONFIRMED: Status.ACTIVE,
    },
    Status.EXPIRED: {
        **_GRANTS,
        FactKind.REFUNDED: Status.REFUNDED,
        FactKind.EXTENDED: Status.ACTIVE,
        FactKind.CONFIRMED: Status.ACTIVE,
    },
    Status.REFUNDED: {**_GRANTS, FactKind.EXTENDED: Status.ACTIVE, FactKind.CONFIRMED: Status.ACTIVE},
}

# Kinds of member id, the best first: how messages about members name them. A subscription shows the best that is known;
# any other kind (a customer's, a contact's) is the same person's id in another book, learnt on the way.
_MEMBER_IDS = ("relay", "member")
_OF_A_BOOK = ("member", "member_kind", "offer")

# Facts of one moment are taken in the order of a subscription's life.
_RANK = {kind: rank for rank, kind in enumerate(FactKind.values)}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that happened. `key` makes it the same fact however often it is told.

    `references` are the provider's ids, under the names member, offer, purchase and transaction; `member_kind` says
    of which kind the member's id is.
    """

    key: str
    kind: str
    occurred_at: datetime
    period_end: datetime | None = None
    references: Mapping[str, str] = field(default_factory=dict)

    @property
    def sale_ids(self) -> set[tuple[str, str]]:
        return {(name, self.references[name]) for name in ("purchase", "transaction") if self.references.get(name)}


@dataclass(frozen=True, kw_only=True)
class State:
    """A subscription's columns. `changed_at` is when the status last changed."""

    status: str = ""
    changed_at: datetime | None = None
    started_at: datetime | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    canceled_at: datetime | None = None
    references: Mapping[str, str] = field(default_factory=dict)


def state_of(facts: Iterable[Fact], *, period_months: int, now: datetime) -> State:
    """The state at `now` that `facts` amount to, in whatever order they are given; copies (by key) count once."""
    taken = steps(facts, period_months=period_months)
    return _expired_by(taken[-1][1] if taken else State(), now)


def steps(facts: Iterable[Fact], *, period_months: int) -> list[tuple[Fact, State]]:
    """Return the facts in the order in which they count, each once and with the state that it led to."""
    story = _Story(period_months)
    found = []
    for fact in sorted({fact.key: fact for fact in facts}.values(), key=_moment):
        story.take(fact)
        found.append((fact, story.state))
    return found


def _moment(fact: Fact) -> tuple[datetime, int, str]:
    return fact.occurred_at, _RANK[fact.kind], fact.key


def _expired_by(state: State, now: datetime) -> State:
    if state.status in (Status.ACTIVE, Status.CANCELED) and state.period_end is not None and state.period_end <= now:
        return replace(state, status=Status.EXPIRED, changed_at=state.period_end)
    return state


class _Story:
    """Walks through sorted facts and keeps what one fact must know of those before it."""

    def __init__(self, period_months: int) -> None:
        self.state = State()
        self._period = relativedelta(months=period_months)
        # The number of the period that a purchase or transaction paid, by the kind and text of its id.
        self._sales: dict[tuple[str, str], int] = {}
        self._periods = 0
        self._paid_at: datetime | None = None  # when a payment last extended the period
        self._granted_until: datetime | None = None  # the end before an expiry or refund cut it short

    def take(self, fact: Fact) -> None:
        self.state = _expired_by(self.state, fact.occurred_at)
        after = TRANSITIONS[self.state.status].get(fact.kind)
        if after is None:
            return
        if fact.kind in _GRANTS:
            self._grant(fact)
        elif fact.kind == FactKind.CANCELED:
            self._cancel(fact)
        elif fact.kind == FactKind.CONFIRMED:
            self._confirm(fact)
        elif fact.kind == FactKind.EXTENDED:
            self._granted_until = fact.period_end
            self._become(after, fact, period_end=fact.period_end, started_at=self.state.started_at or fact.occurred_at)
        elif not self._is_about_an_earlier_period(fact):
            end = self.state.period_end
            self._become(after, fact, period_end=min(end, fact.occurred_at) if end else fact.occurred_at)

    def _grant(self, fact: Fact) -> None:
        """A purchase, payment or renewal: pays for a period, unless it is one more word of a sale that is known."""
        if self._retells(fact):
            for sale in fact.sale_ids:
                self._sales.setdefault(sale, self._periods)
            if self.state.status == Status.ACTIVE and fact.period_end is not None:
                self.state = replace(self.state, period_end=fact.period_end)
                self._granted_until = fact.period_end
            self._keep_references(fact)
            return
        end = self.state.period_end
        runs = self.state.status in (Status.ACTIVE, Status.CANCELED) and self.state.started_at is not None
        start = end if runs and end is not None and end > fact.occurred_at else fact.occurred_at
        self._periods += 1
        for sale in fact.sale_ids:
            self._sales[sale] = self._periods
        self._paid_at = fact.occurred_at if fact.kind == FactKind.PAID else None
        if fact.kind == FactKind.PURCHASED and fact.references.get("offer"):  # bought anew, maybe by another offer
            kept = {name: value for name, value in self.state.references.items() if name != "offer"}
            self.state = replace(self.state, references=kept)
        self._become(
            Status.ACTIVE,
            fact,
            started_at=self.state.started_at or fact.occurred_at,
            period_start=start,
            period_end=fact.period_end or start + self._period,
            canceled_at=None,
        )
        self._granted_until = self.state.period_end

    def _retells(self, fact: Fact) -> bool:
        """Return whether a fact tells once more of a sale or renewal that is known.

        One sale is told by several events (a purchase, its payment, a relay's copy), seldom with a common id. The same
        transaction is the same money, and the same purchase is bought once, though it may be renewed. Without such an
        id, a purchase in the first half of a paid period belongs to it, and so does a payment until shortly before its
        end. A renewal is taken at its word, except shortly after the payment that was the same renewal.
        """
        telling = ("transaction", "purchase") if fact.kind == FactKind.PURCHASED else ("transaction",)
        if any(sale in self._sales for sale in fact.sale_ids if sale[0] in telling):
            return True
        state = self.state
        if (
            state.status not in (Status.ACTIVE, Status.CANCELED)
            or state.period_start is None
            or state.period_end is None
        ):
            return False
        if fact.kind == FactKind.RENEWED:
            return self._paid_at is not None and fact.occurred_at - self._paid_at <= RETOLD_WITHIN and self._periods > 1
        if fact.kind == FactKind.PURCHASED and state.status == Status.CANCELED:
            return False  # bought again
        share = SALE_LASTS if fact.kind == FactKind.PURCHASED else RENEWS_FROM
        return fact.occurred_at < state.period_start + (state.period_end - state.period_start) * share

    def _cancel(self, fact: Fact) -> None:
        end = fact.period_end or self.state.period_end or fact.occurred_at + WITHOUT_A_PERIOD
        self._become(Status.CANCELED, fact, period_end=end, canceled_at=self.state.canceled_at or fact.occurred_at)

    def _confirm(self, fact: Fact) -> None:
        """The provider says that it is active at this moment, whatever was told before.

        It pays for nothing: access lasts until the end that was granted. Where that has passed, a payment was missed,
        and the end is that of the period which runs now, counted on from the last one that is known.
        """
        start, end = self.state.period_start or fact.occurred_at, fact.period_end or self._granted_until
        if end is None:
            end = start + self._period
        while end <= fact.occurred_at:
            start, end = end, end + self._period
        self._granted_until = end
        self._become(
            Status.ACTIVE,
            fact,
            started_at=self.state.started_at or fact.occurred_at,
            period_start=start,
            period_end=end,
            canceled_at=None,
        )

    def _is_about_an_earlier_period(self, fact: Fact) -> bool:
        numbers = [self._sales[sale] for sale in fact.sale_ids if sale in self._sales]
        return bool(numbers) and max(numbers) < self._periods

    def _become(self, status: str, fact: Fact, **columns: datetime | None) -> None:
        changed_at = fact.occurred_at if status != self.state.status else self.state.changed_at
        self.state = replace(self.state, status=status, changed_at=changed_at, **columns)  # type: ignore[arg-type]
        self._keep_references(fact)

    def _keep_references(self, fact: Fact) -> None:
        """Keep the newest ids, but the member's and the offer's from the book whose ids are shown.

        One sale is told from several books, each with its own ids for both; whoever spoke last must not change them.
        """
        told = {name: value for name, value in fact.references.items() if value}
        known = self.state.references
        if _book(told) > _book(known):
            told = {name: value for name, value in told.items() if name not in known or name not in _OF_A_BOOK}
        self.state = replace(self.state, references={**known, **told})


def _book(references: Mapping[str, str]) -> int:
    """Return the rank of the book that a fact's ids are from; the lowest is shown."""
    kind = references.get("member_kind", "")
    return _MEMBER_IDS.index(kind) if kind in _MEMBER_IDS else len(_MEMBER_IDS)
