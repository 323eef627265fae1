"""Histories for Hypothesis: purchases with their renewals, switches, refunds and the rest, and any facts at all."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.terms import (
    Billing,
    Disputes,
    EarlyPayments,
    Interval,
    PartialRefunds,
    PlanTerms,
    StatedTerms,
)
from accounts.memberships.tests.reference import DAY_0

LAST = 460  # the last day that is looked at
DAY = timedelta(days=1)
INTERVALS = [Interval(count=1), Interval(count=12), Interval(unit="weeks", count=1), Interval(unit="days", count=10)]
INTERVALS += [Interval(count=3), Interval(unit="years", count=1)]
MIDDLE = ["paid", "payment_failed", "paused", "resumed", "canceled", "disputed", "dispute_won", "dispute_lost"]
MIDDLE += ["refunded", "renewed", "confirmed", "expired", "purchased"]

PLANS = st.builds(
    PlanTerms,
    interval=st.sampled_from(INTERVALS),
    billing=st.sampled_from([Billing.SUBSCRIPTION, Billing.SUBSCRIPTION, *Billing]).map(str),
    trial_days=st.sampled_from([0, 0, 2, 14]),
    grace=st.sampled_from([0, 3, 3, 7]).map(lambda days: days * DAY),
    partial_refunds=st.sampled_from(PartialRefunds).map(str),
    disputes=st.sampled_from(Disputes).map(str),
    early_payments=st.sampled_from(EarlyPayments).map(str),
    price=st.sampled_from([None, 150]),
)


def make(kind: str, day: int, key: str, *, ends: int | None = None, ids: Any = None, **terms: Any) -> Fact:
    return Fact(
        key=key,
        kind=FactKind(kind),
        occurred_at=DAY_0 + day * DAY,
        period_end=None if ends is None else DAY_0 + ends * DAY,
        references={name: value for name, value in (ids or {}).items() if value},
        terms=StatedTerms(**terms),
    )


@st.composite
def story(draw: st.DrawFn, number: int) -> list[Fact]:
    """Draw one purchase and what happens to it, as senders report it: with all of its ids, some or none."""
    start = draw(st.integers(0, 250))
    interval = draw(st.sampled_from([None, None, *INTERVALS]))
    length = {"days": 1, "weeks": 7, "months": 30, "years": 365}[interval.unit] * interval.count if interval else 30
    book = draw(st.sampled_from(["relay", "relay", "api"]))
    names = draw(st.sampled_from([(), ("purchase",), ("purchase", "transaction"), ("subscription",), ("transaction",)]))
    offer = draw(st.sampled_from(["", "", "o1", "o2"]))
    facts: list[Fact] = []

    def tell(kind: str, day: int, charge: int, *, ends: int | None = None, **terms: Any) -> None:
        ids = {"book": book, "offer": offer if draw(st.booleans()) else ""}
        if draw(st.integers(0, 3)):  # some senders drop them at times
            ids |= {name: f"{name}{number}" for name in names if name != "transaction"}
            ids["transaction"] = f"t{number}-{charge}" if "transaction" in names else ""
        staff = draw(st.integers(0, 19)) == 0 and kind in ("canceled", "expired")
        key = f"{'staff:' if staff else ''}{number}-{len(facts)}-{kind}"
        facts.append(make(kind, day, key, ends=ends, ids={} if staff else ids, **terms))

    price = draw(st.sampled_from([None, 299]))
    sold: dict[str, Any] = {"interval": interval, "amount": price}
    sold["trial_days"] = draw(st.sampled_from([None, None, None, 0, 7]))
    sold["billing"] = draw(st.sampled_from([None, None, None, *map(str, Billing)]))
    if draw(st.integers(0, 9)) == 0:
        sold["starts_at"] = DAY_0 + (start + draw(st.integers(0, 40))) * DAY
    stated = draw(st.sampled_from([None, None, None, start + length, start + 45]))
    tell(
        draw(st.sampled_from(["purchased", "purchased", "purchased", "paid", "renewed"])), start, 0, ends=stated, **sold
    )
    day = start
    for charge in range(1, draw(st.integers(0, 5)) + 1):
        if draw(st.booleans()):
            day += length + draw(st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4, -1, -3, -8, 9]))
            ends = draw(st.sampled_from([None, None, None, day + length, day]))
            tell(draw(st.sampled_from(["renewed", "paid", "purchased"])), max(day, start), charge, ends=ends)
        else:
            day += draw(st.integers(0, length + 4))
            kind = draw(st.sampled_from(MIDDLE))
            ends = draw(st.sampled_from([None, None, None, day, day + 5, day + length])) if kind != "refunded" else None
            terms: dict[str, Any] = {}
            if kind == "refunded":
                terms = {"refunded": draw(st.sampled_from([None, 20, 150, 299]))}
            tell(kind, max(day, start), draw(st.integers(0, charge)), ends=ends, **terms)
    return facts


@st.composite
def grant(draw: st.DrawFn) -> list[Fact]:
    day = draw(st.integers(0, 300))
    return [make("extended", day, f"staff:grant{day}", ends=day + draw(st.integers(1, 120)))]


@st.composite
def history(draw: st.DrawFn) -> list[Fact]:
    """Draw several purchases and grants; at times staff answer which purchase a fact is about."""
    facts = [fact for number in range(draw(st.integers(1, 3))) for fact in draw(story(number))]
    if draw(st.integers(0, 4)) == 0:
        facts += draw(grant())
    if len(facts) > 1 and draw(st.integers(0, 9)) == 0:
        number, chosen = draw(st.integers(0, len(facts) - 1)), draw(st.sampled_from(facts))
        one = facts[number]
        facts[number] = Fact(**{**vars(one), "chosen": chosen.key})
    return facts


ANY_FACT = st.builds(
    lambda kind, day, number, ends, ids, refunded: make(
        kind,
        day,
        f"{number}-{day}-{kind}",
        ends=day + (ends or 30) if kind == "extended" or ends else None,
        ids=ids,
        refunded=refunded,
    ),
    st.sampled_from(FactKind.values),
    st.integers(0, 400) | st.sampled_from([0, 31, 59, 62, 365, 366]),
    st.integers(0, 99),
    st.sampled_from([None, None, 1, 30, 365]),
    st.fixed_dictionaries(
        {
            "purchase": st.sampled_from(["", "p1", "p2"]),
            "transaction": st.sampled_from(["", "t1", "t2", "t3"]),
            "order": st.sampled_from(["", "", "o1"]),
            "book": st.sampled_from(["relay", "api"]),
        }
    ),
    st.sampled_from([None, 10]),
)
HISTORIES = history() | st.lists(ANY_FACT, max_size=8, unique_by=lambda fact: fact.key)
