"""The state of a subscription, as a pure function of its facts: the union of its purchases that run.

The facts are taken in the order in which they happened, whatever the order in which they were received, so any
permutation and any number of copies ends in the same state. No database, no clock: `now` is an argument.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from accounts.memberships.access_span import AccessSpan
from accounts.memberships.assignment import Rule, choose
from accounts.memberships.facts import RANK, Fact, FactKind
from accounts.memberships.purchase_facts import take
from accounts.memberships.purchase_state import Now, Purchase, Question, Status
from accounts.memberships.terms import PlanTerms

# Which status a subscription shows of several purchases: the first of these that one has.
_WITH_ACCESS = (Status.ACTIVE, Status.TRIALING, Status.PAST_DUE, Status.CANCELED, Status.PAUSED, Status.DISPUTED)
# Ranks of the kinds of member id, the best first: how messages about members name them. A subscription shows the best
# that is known; any other kind (a customer's, a contact's) is the same person's id in another book, learnt on the way.
_MEMBER_IDS = {"relay": 0, "member": 1}
_OTHER_IDS = 2
_OF_A_BOOK = ("member", "member_kind", "offer")


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """A fact, the keys of the purchases that took it, why these, and what staff should decide about it ("" nothing)."""

    fact: Fact
    purchases: Sequence[str]
    rule: Rule
    question: str = ""


@dataclass(frozen=True, kw_only=True)
class State(AccessSpan):
    """A subscription's columns at one moment; the access is that of all its purchases together."""

    status: str = ""
    changed_at: datetime | None = None
    started_at: datetime | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    canceled_at: datetime | None = None
    access_from: datetime | None = None
    access_until: datetime | None = None
    next_change_at: datetime | None = None
    references: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class History:
    """The purchases of one subscription, after facts in their order."""

    plan: PlanTerms
    purchases: list[Purchase] = field(default_factory=list)
    assigned: list[Assigned] = field(default_factory=list)

    def take(self, fact: Fact) -> Assigned:
        choice = choose(fact, self.purchases)
        question = ""
        if choice is None:
            is_grant = fact.kind == FactKind.EXTENDED
            purchases = [Purchase(key=fact.key, plan=self.plan, is_grant=is_grant)]
            self.purchases += purchases
            rule = Rule.NEW
        else:
            purchases, rule = list(choice.purchases), choice.rule
            question = Question.WHICH_PURCHASE if choice.needs_review else ""
        for purchase in purchases:
            take(purchase, fact)
            question = question or purchase.question
        assigned = Assigned(fact=fact, purchases=[one.key for one in purchases], rule=rule, question=question)
        self.assigned.append(assigned)
        return assigned

    def at(self, now: datetime) -> State:
        """Return the subscription at `now`, by the facts that were taken."""
        if not self.purchases:
            return State()
        known = [(purchase, purchase.at(now)) for purchase in self.purchases]
        best, state = max(known, key=lambda pair: _weight(*pair, now=now))
        starts = [start for purchase in self.purchases if (start := purchase.started_at or purchase.canceled_at)]
        changes = [one.next_change_at for _purchase, one in known if one.next_change_at]
        access_from, access_until, end = _access([one for _purchase, one in known], state, now)
        return State(
            status=state.status,
            changed_at=state.changed_at,
            started_at=min(starts, default=None),
            period_start=best.periods[-1].start if best.periods else None,
            period_end=end,
            canceled_at=best.canceled_at,
            access_from=access_from,
            access_until=access_until,
            next_change_at=min(changes, default=None),
            references=_references(self.assigned, best),
        )

    def deciding(self, now: datetime) -> Purchase | None:
        """Return the purchase that says why there is access at `now` until its end, or why there is none.

        Of several that run it is the one that lasts longest; where none runs, the one whose status is shown.
        """
        if not self.purchases:
            return None
        known = [(purchase, purchase.at(now)) for purchase in self.purchases]
        best, _state = max(known, key=lambda pair: _weight(*pair, now=now))
        state = self.at(now)
        if not state.is_open(now) or best.at(now).access_until == state.access_until:
            return best
        return next((purchase for purchase, one in known if one.access_until == state.access_until), best)


def state_of(facts: Iterable[Fact], *, plan: PlanTerms, now: datetime) -> State:
    """Return the state at `now` that `facts` amount to, in any order; copies (by key) count once."""
    return history_of(facts, plan=plan).at(now)


def history_of(facts: Iterable[Fact], *, plan: PlanTerms) -> History:
    """Return the purchases that the facts amount to, each fact taken once and in the order of their moments."""
    history = History(plan=plan)
    once = {fact.key: fact for fact in facts}.values()
    for fact in sorted(once, key=lambda fact: (fact.occurred_at, RANK[fact.kind], fact.key)):
        history.take(fact)
    return history


def steps(history: History) -> list[tuple[Assigned, State]]:
    """Return each fact as it was assigned, in the order in which they count, with the state that it led to."""
    replayed = History(plan=history.plan)
    return [(replayed.take(one.fact), replayed.at(one.fact.occurred_at)) for one in history.assigned]


def _weight(purchase: Purchase, state: Now, *, now: datetime) -> tuple[int, int, datetime, str]:
    """Return how well a purchase stands for its subscription: the one with access, then one to come, then the last."""
    if state.is_open(now):
        # An end that is to come, since a sender's clock is ahead, is the last of all.
        rank = -_WITH_ACCESS.index(Status(state.status)) if state.status in _WITH_ACCESS else -len(_WITH_ACCESS)
        return 2, rank, state.access_until or datetime.max.replace(tzinfo=now.tzinfo), purchase.key
    if state.status == Status.SCHEDULED:
        return 1, 0, state.changed_at, purchase.key
    is_noted_only = not purchase.periods and purchase.canceled_at is None and purchase.ended is None
    return 0, 0 if is_noted_only else 1, state.changed_at, purchase.key


def _access(
    states: Sequence[Now], shown: Now, now: datetime
) -> tuple[datetime | None, datetime | None, datetime | None]:
    """Return the access that runs at `now`, else the next that will, else the last: from, until, and the paid end."""
    spans = sorted(
        (one for one in states if one.access_from is not None),
        key=lambda one: one.access_from,  # type: ignore[arg-type, return-value]
    )
    running = [one for one in spans if one.is_open(now)]
    if not running:
        coming = [one for one in spans if one.access_from is not None and one.access_from > now]
        one = coming[0] if coming else shown
        return one.access_from, one.access_until, one.end
    start = min(one.access_from for one in running if one.access_from is not None)
    until, end = running[0].access_until, running[0].end
    for one in spans:
        if until is None or one.access_from is None or one.access_from > until:
            continue
        if one.is_open(now) or one.status == Status.SCHEDULED:
            if one.access_until is None or one.access_until > until:
                until = one.access_until
            if end is not None and (one.end is None or one.end > end):
                end = one.end
    return start, until, end


def _references(assigned: Iterable[Assigned], shown: Purchase) -> dict[str, str]:
    """Return the newest ids, but the member's and the offer's from the book whose ids are shown.

    One sale is reported from several books, each with its own ids for both; whichever came last must not change them.
    The ids of the sale and its offer are those of the purchase that is shown.
    """
    known: dict[str, str] = {}
    shown_book = _OTHER_IDS
    for one in assigned:
        fact = one.fact
        is_shown = shown.key in one.purchases
        received = {
            name: value
            for name, value in fact.references.items()
            if name != "book" and (is_shown or name in ("member", "member_kind"))
        }
        book = _MEMBER_IDS.get(received.get("member_kind", ""), _OTHER_IDS)
        if book > shown_book:
            received = {name: value for name, value in received.items() if name not in known or name not in _OF_A_BOOK}
        known |= received
        shown_book = min(shown_book, book)
    return known
