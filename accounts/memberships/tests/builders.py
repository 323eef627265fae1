"""Facts in a line each, for the specifications of memberships: days are counted from START."""

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.subscription_state import Assigned, History, State, history_of, state_of
from accounts.memberships.terms import Interval, PlanTerms, StatedTerms

START = datetime(2026, 1, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TERMS = frozenset(StatedTerms.__dataclass_fields__)
MONTH = Interval(count=1)
MONTHLY = PlanTerms(interval=MONTH)
ANNUAL = PlanTerms()


def at(days: float) -> datetime:
    return START + days * DAY


def date(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(hour=12, tzinfo=UTC)


def fact(kind: str, when: float | str = 0, *, ends: float | None = None, key: str = "", **named: Any) -> Fact:
    """Return a fact of a day (or a date); `named` are its terms and its ids."""
    terms = StatedTerms(**{name: value for name, value in named.items() if name in TERMS})
    references = {name: value for name, value in named.items() if name not in TERMS and name != "chosen"}
    return Fact(
        key=key or f"{kind}-{when}-{sorted(references.items())}",
        kind=FactKind(kind),
        occurred_at=date(when) if isinstance(when, str) else at(when),
        period_end=None if ends is None else at(ends),
        references=references,
        terms=terms,
        chosen=named.get("chosen", ""),
    )


def staff(kind: str, days: float, *, ends: float | None = None) -> Fact:
    return fact(kind, days, ends=ends, key=f"staff:{kind}-{days}")


def amounts_to(*facts: Fact, now: float = 1000, plan: PlanTerms = ANNUAL) -> State:
    return state_of(facts, plan=plan, now=at(now))


def shown(*facts: Fact, now: float, plan: PlanTerms = ANNUAL) -> tuple[str, bool]:
    """Return status and access at `now`."""
    state = amounts_to(*facts, now=now, plan=plan)
    return state.status, state.is_open(at(now))


def paid_until(*facts: Fact, now: float, plan: PlanTerms = ANNUAL) -> datetime | None:
    return amounts_to(*facts, now=now, plan=plan).period_end


def days_with_access(*facts: Fact, plan: PlanTerms = ANNUAL, last: int = 800) -> list[int]:
    """Return the days on which access began or ended, as the days went by.

    Only days with a fact, or with a change that the state announced, are looked at (test_properties.py: it announces
    all of them).
    """
    history, changes, had, day = History(plan=plan), [], False, 0
    left = [one.fact for one in assigned(*facts, plan=plan)]
    while day < last:
        while left and left[0].occurred_at <= at(day):
            history.take(left.pop(0))
        state = history.at(at(day))
        if state.is_open(at(day)) != had:
            changes.append(day)
            had = not had
        coming = [ceil((one.occurred_at - START) / DAY) for one in left[:1]]
        coming += [ceil((state.next_change_at - START) / DAY)] if state.next_change_at else []
        day = max(day + 1, min(coming, default=last))
    return changes


def assigned(*facts: Fact, plan: PlanTerms = ANNUAL) -> list[Assigned]:
    return history_of(facts, plan=plan).assigned


def last_assigned(*facts: Fact, plan: PlanTerms = ANNUAL) -> Assigned:
    return assigned(*facts, plan=plan)[-1]
