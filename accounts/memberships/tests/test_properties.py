"""Properties of every history: order, copies, the union; no payment and no other purchase shortens access."""

from datetime import datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.memberships.facts import Fact
from accounts.memberships.subscription_state import history_of, state_of
from accounts.memberships.terms import PlanTerms
from accounts.memberships.tests.histories import DAY, HISTORIES, LAST, PLANS, history, make, story
from accounts.memberships.tests.reference import DAY_0
from tests.harness.environment import IS_LONG

MANY = hypothesis_settings(max_examples=5000 if IS_LONG else 40)
MOMENTS = st.integers(0, 2 * LAST).map(lambda half_days: DAY_0 + half_days * DAY / 2)
FOREVER = datetime.max.replace(tzinfo=DAY_0.tzinfo)


@MANY
@given(HISTORIES, PLANS, MOMENTS, st.data())
def test_any_order_and_any_copies_amount_to_the_same(
    facts: list[Fact], plan: PlanTerms, now: datetime, data: Any
) -> None:
    copies = data.draw(st.lists(st.sampled_from(facts), max_size=4)) if facts else []
    received = data.draw(st.permutations([*facts, *copies]))
    assert state_of(received, plan=plan, now=now) == state_of(facts, plan=plan, now=now)
    assert history_of(received, plan=plan).assigned == history_of(facts, plan=plan).assigned


@MANY
@given(HISTORIES, PLANS, MOMENTS)
def test_access_is_that_of_any_purchase(facts: list[Fact], plan: PlanTerms, now: datetime) -> None:
    known = history_of([fact for fact in facts if fact.occurred_at <= now], plan=plan)
    state = known.at(now)
    giving = [one.at(now) for one in known.purchases if one.at(now).is_open(now)]
    assert state.is_open(now) == bool(giving)
    if giving:
        assert (state.access_until or FOREVER) >= max(one.access_until or FOREVER for one in giving)
    assert (state.status == "") == (not known.purchases)


@MANY
@given(HISTORIES, PLANS, MOMENTS, st.integers(1, 2 * LAST))
def test_state_holds_until_the_change_that_it_names(
    facts: list[Fact], plan: PlanTerms, now: datetime, half_days: int
) -> None:
    known = history_of([fact for fact in facts if fact.occurred_at <= now], plan=plan)
    state, later = known.at(now), now + half_days * DAY / 2
    assume(state.next_change_at is None or later < state.next_change_at)
    then = known.at(later)
    assert (then.status, then.is_open(later)) == (state.status, state.is_open(later))
    assert state.next_change_at is None or state.next_change_at > now


@MANY
@given(story(0), story(1), PLANS)
def test_what_happens_to_one_purchase_does_not_touch_the_other(
    facts: list[Fact], others: list[Fact], plan: PlanTerms
) -> None:
    """Facts that all name their purchase leave another purchase as it was without them."""
    one, other = named(facts, "a"), named(others, "b")
    beside = history_of([*one, *other], plan=plan)
    for alone in (history_of(one, plan=plan), history_of(other, plan=plan)):
        for purchase in alone.purchases:
            same = next(known for known in beside.purchases if known.key == purchase.key)
            assert same == purchase


@MANY
@given(HISTORIES, PLANS, st.integers(0, LAST), st.sampled_from(["refunded", "expired", "canceled", "disputed"]))
def test_end_without_ids_ends_no_more_than_one_purchase(
    facts: list[Fact], plan: PlanTerms, day: int, kind: str
) -> None:
    facts = [fact for fact in facts if fact.occurred_at <= DAY_0 + day * DAY]
    before, after = history_of(facts, plan=plan), history_of([*facts, make(kind, day, "~end")], plan=plan)
    old = {one.key: one for one in before.purchases}
    assert sum(one != old[one.key] for one in after.purchases if one.key in old) <= 1


@MANY
@given(history(), PLANS, st.integers(0, LAST), st.sampled_from(["renewed", "paid"]), st.data())
def test_payment_never_shortens_access(facts: list[Fact], plan: PlanTerms, day: int, kind: str, data: Any) -> None:
    moment = DAY_0 + day * DAY
    facts = [fact for fact in facts if fact.occurred_at <= moment]
    purchase = data.draw(st.sampled_from(["", "purchase0", "purchase1"]))
    ends = data.draw(st.sampled_from([None, None, day + 5, day + 365])) if kind == "renewed" else None
    paid = make(kind, day, "~paid", ends=ends, ids={"purchase": purchase, "book": "relay"})
    before, after = history_of(facts, plan=plan), history_of([*facts, paid], plan=plan)
    for later in range(0, 400, 9):
        now = moment + later * DAY
        assert after.at(now).is_open(now) or not before.at(now).is_open(now)


@MANY
@given(HISTORIES, PLANS, st.integers(0, LAST), st.integers(1, 400))
def test_grant_never_shortens_access(facts: list[Fact], plan: PlanTerms, day: int, days: int) -> None:
    moment = DAY_0 + day * DAY
    facts = [fact for fact in facts if fact.occurred_at <= moment]
    given_by_staff = make("extended", day, "staff:~", ends=day + days)
    before, after = history_of(facts, plan=plan), history_of([*facts, given_by_staff], plan=plan)
    for later in range(0, 400, 9):
        now = moment + later * DAY
        expected = before.at(now).is_open(now) or later < days
        assert after.at(now).is_open(now) or not expected


def named(facts: list[Fact], purchase: str) -> list[Fact]:
    """Return the facts with the id of their purchase, and none by staff."""
    return [
        Fact(
            key=f"{purchase}{fact.key.removeprefix('staff:')}",
            kind=fact.kind,
            occurred_at=fact.occurred_at,
            period_end=fact.period_end,
            references={**fact.references, "purchase": purchase, "book": "relay"},
            terms=fact.terms,
        )
        for fact in facts
    ]
