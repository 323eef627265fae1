"""What a set of facts amounts to: the same in whatever order they are told, and however often."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.subscription_state import State, state_of
from accounts.memberships.terms import Interval, PlanTerms

START = datetime(2026, 1, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def at(days: float) -> datetime:
    return START + days * DAY


def fact(kind: str, days: float = 0, *, ends: float | None = None, **references: str) -> Fact:
    key = f"{kind}-{days}-{sorted(references.items())}"
    end = None if ends is None else at(ends)
    return Fact(key=key, kind=FactKind(kind), occurred_at=at(days), period_end=end, references=references)


def amounts_to(*facts: Fact, now: float = 1000, months: int = 12) -> State:
    return state_of(facts, plan=PlanTerms(interval=Interval(count=months)), now=at(now))


def test_nothing_told_is_no_subscription() -> None:
    assert amounts_to() == State()


def test_a_purchase_pays_for_a_period_of_the_plan() -> None:
    state = amounts_to(fact("purchased", member="mem_1", offer="off_1"), now=1)
    assert state == State(
        status="active",
        changed_at=START,
        started_at=START,
        period_start=START,
        period_end=START.replace(year=2027),
        references={"member": "mem_1", "offer": "off_1"},
    )


@pytest.mark.parametrize(
    ("sold", "ends"),
    [("2026-01-31", "2026-02-28"), ("2028-01-31", "2028-02-29"), ("2026-12-31", "2027-01-31")],
)
def test_a_month_from_the_31st_ends_on_the_last_day(sold: str, ends: str) -> None:
    sale = Fact(key="1", kind=FactKind.PURCHASED, occurred_at=datetime.fromisoformat(sold).replace(tzinfo=UTC))
    assert (
        state_of([sale], plan=PlanTerms(interval=Interval(count=1)), now=sale.occurred_at).period_end.date().isoformat()
        == ends
    )


def test_a_stated_end_wins_over_the_plans_period() -> None:
    assert amounts_to(fact("purchased", ends=40), now=1).period_end == at(40)


def test_a_renewal_before_the_end_extends_from_the_old_end() -> None:
    state = amounts_to(fact("purchased"), fact("renewed", 350), now=360)
    assert (state.status, state.period_end) == ("active", START.replace(year=2028))
    assert state.period_start == START.replace(year=2027)


def test_a_renewal_after_the_end_begins_anew() -> None:
    state = amounts_to(fact("purchased"), fact("renewed", 400), now=401)
    assert (state.status, state.period_end) == ("active", at(400).replace(year=2028))
    assert state.started_at == START, "a member since the first day"


def test_an_ended_period_expires_by_itself() -> None:
    state = amounts_to(fact("purchased"), now=366)
    assert (state.status, state.changed_at) == ("expired", START.replace(year=2027))
    assert amounts_to(fact("purchased"), now=364).status == "active"


def test_a_cancellation_without_a_date_ends_with_the_paid_period() -> None:
    state = amounts_to(fact("purchased"), fact("canceled", 10), now=20)
    assert (state.status, state.period_end, state.canceled_at) == ("canceled", START.replace(year=2027), at(10))


def test_a_cancellation_of_nothing_known_ends_in_thirty_days() -> None:
    state = amounts_to(fact("canceled", 10), now=20)
    assert (state.status, state.period_end, state.canceled_at) == ("canceled", at(40), at(10))
    assert amounts_to(fact("canceled", 10), now=40).status == "expired"


def test_a_cancellation_with_a_date_ends_then() -> None:
    assert amounts_to(fact("purchased"), fact("canceled", 10, ends=60), now=20).period_end == at(60)


def test_a_second_cancellation_keeps_the_time_of_the_first() -> None:
    assert amounts_to(fact("purchased"), fact("canceled", 10), fact("canceled", 12), now=20).canceled_at == at(10)


def test_a_renewal_takes_a_cancellation_back() -> None:
    state = amounts_to(fact("purchased"), fact("canceled", 10), fact("renewed", 350), now=360)
    assert (state.status, state.canceled_at, state.period_end) == ("active", None, START.replace(year=2028))


def test_an_expiry_ends_access_at_once() -> None:
    state = amounts_to(fact("purchased"), fact("expired", 10), now=20)
    assert (state.status, state.changed_at, state.period_end) == ("expired", at(10), at(10))


@pytest.mark.parametrize("kind", ["renewed", "purchased", "paid"])
def test_whoever_expired_and_pays_again_is_a_member_again(kind: str) -> None:
    state = amounts_to(fact("purchased"), fact("expired", 10), fact(kind, 30), now=40)
    assert (state.status, state.period_end, state.started_at) == ("active", at(30).replace(year=2027), START)


def test_a_cancellation_after_the_expiry_changes_nothing() -> None:
    state = amounts_to(fact("purchased"), fact("expired", 10), fact("canceled", 20), now=30)
    assert (state.status, state.canceled_at) == ("expired", None)


def test_a_refund_ends_access_at_once() -> None:
    state = amounts_to(fact("purchased", purchase="p1"), fact("refunded", 10, purchase="p1"), now=20)
    assert (state.status, state.changed_at, state.period_end) == ("refunded", at(10), at(10))


def test_a_refund_of_an_earlier_period_leaves_the_current_one() -> None:
    told = (
        fact("paid", transaction="t1"),
        fact("paid", 364, transaction="t2"),
        fact("refunded", 370, transaction="t1"),
    )
    state = amounts_to(*told, now=380)
    assert (state.status, state.period_end) == ("active", START.replace(year=2028))
    assert amounts_to(*told, fact("refunded", 371, transaction="t2"), now=380).status == "refunded"


def test_a_refunded_subscription_does_not_expire_and_may_be_bought_again() -> None:
    told = (fact("purchased"), fact("refunded", 10))
    assert amounts_to(*told, fact("expired", 20), now=500).status == "refunded"
    assert amounts_to(*told, fact("canceled", 20), now=500).status == "refunded"
    assert amounts_to(*told, fact("purchased", 30), now=40).status == "active"


@pytest.mark.parametrize("second", ["purchased", "paid"])
@pytest.mark.parametrize("days", [0, 0.0001, 1, 30, 180])
def test_a_sale_told_twice_without_a_common_id_pays_for_one_period(second: str, days: float) -> None:
    state = amounts_to(fact("purchased", purchase="p1"), fact(second, days, transaction="t1"), now=181)
    assert state.period_end == START.replace(year=2027)
    assert state.references == {"purchase": "p1", "transaction": "t1"}


def test_a_payment_in_the_second_half_of_a_period_is_its_renewal() -> None:
    state = amounts_to(fact("paid", transaction="t1"), fact("paid", 360, transaction="t2"), now=361)
    assert state.period_end == START.replace(year=2028)


def test_a_sale_known_by_its_id_pays_once_however_late_it_is_told_again() -> None:
    state = amounts_to(fact("paid", transaction="t1"), fact("purchased", 300, transaction="t1"), now=301)
    assert state.period_end == START.replace(year=2027)


@pytest.mark.parametrize("days", [350, 400])
def test_a_renewal_that_names_the_purchase_that_it_renews_extends_it(days: float) -> None:
    state = amounts_to(fact("purchased", purchase="p1"), fact("renewed", days, purchase="p1"), now=410)
    assert state.status == "active"


def test_another_transaction_of_the_same_purchase_a_period_later_is_a_renewal() -> None:
    told = (fact("paid", purchase="p1", transaction="t1"), fact("paid", 364, purchase="p1", transaction="t2"))
    assert amounts_to(*told, now=370).period_end == START.replace(year=2028)


def test_staff_extend_what_runs_and_what_has_ended() -> None:
    assert amounts_to(fact("purchased"), fact("extended", 10, ends=500), now=20).period_end == at(500)
    revived = amounts_to(fact("purchased"), fact("expired", 10), fact("extended", 20, ends=500), now=30)
    assert (revived.status, revived.period_end) == ("active", at(500))
    canceled = amounts_to(fact("purchased"), fact("canceled", 10), fact("extended", 20, ends=500), now=30)
    assert (canceled.status, canceled.period_end) == ("canceled", at(500))


@pytest.mark.parametrize("ended", ["canceled", "expired", "refunded"])
def test_what_is_confirmed_as_active_has_the_access_that_was_granted(ended: str) -> None:
    state = amounts_to(fact("purchased"), fact(ended, 10), fact("confirmed", 20), now=30)
    assert (state.status, state.period_end, state.canceled_at) == ("active", START.replace(year=2027), None)


def test_a_confirmation_pays_for_nothing() -> None:
    assert amounts_to(fact("purchased"), fact("confirmed", 20), now=30) == amounts_to(fact("purchased"), now=30)


def test_a_confirmation_after_the_end_means_the_period_that_runs_then() -> None:
    state = amounts_to(fact("purchased"), fact("confirmed", 800), now=801)
    assert (state.status, state.period_end) == ("active", START.replace(year=2029))


def test_an_end_after_the_confirmation_counts() -> None:
    state = amounts_to(fact("purchased"), fact("expired", 10), fact("confirmed", 20), fact("expired", 30), now=40)
    assert (state.status, state.period_end) == ("expired", at(30))


def test_a_confirmation_alone_gives_a_period() -> None:
    state = amounts_to(fact("confirmed"), now=1)
    assert (state.status, state.started_at, state.period_end) == ("active", START, START.replace(year=2027))


FACTS = st.builds(
    fact,
    kind=st.sampled_from(FactKind.values),
    days=st.integers(0, 900) | st.sampled_from([0, 0.5, 365, 366]),
    ends=st.none() | st.integers(0, 1200),
    purchase=st.sampled_from(["", "p1", "p2"]),
    transaction=st.sampled_from(["", "t1", "t2", "t3"]),
).map(lambda one: one if one.kind != FactKind.EXTENDED or one.period_end else fact("purchased"))


@hypothesis_settings(max_examples=400)
@given(st.lists(FACTS, max_size=8), st.data(), st.integers(0, 1500))
def test_any_order_and_any_copies_amount_to_the_same(facts: list[Fact], data: Any, now: int) -> None:
    facts = list({one.key: one for one in facts}.values())
    expected = amounts_to(*facts, now=now)
    copies = data.draw(st.lists(st.sampled_from(facts), max_size=8)) if facts else []
    shuffled = data.draw(st.permutations([*facts, *copies]))
    assert amounts_to(*shuffled, now=now) == expected


@hypothesis_settings(max_examples=200)
@given(st.lists(FACTS, max_size=8), st.integers(0, 1500))
def test_what_is_open_has_an_end_that_is_still_to_come(facts: list[Fact], now: int) -> None:
    facts = list({one.key: one for one in facts}.values())
    state = amounts_to(*facts, now=now)
    if state.status in ("active", "canceled"):
        assert state.period_end is not None
        assert state.period_end > at(now)
    assert (state.status == "") == (not facts)


# Ids ------------------------------------------------------------------------------------------------------------------

RELAY = {"member": "mem_1", "member_kind": "relay", "offer": "off_1"}
CUSTOMER = {"member": "981", "member_kind": "customer", "offer": "41"}


@pytest.mark.parametrize("kind", ["purchased", "paid", "renewed", "canceled", "expired", "refunded", "confirmed"])
@pytest.mark.parametrize("days", [-2, 2])
def test_ids_of_another_book_change_neither_member_nor_offer(kind: str, days: float) -> None:
    facts = [fact("purchased", **RELAY), fact(kind, days, purchase="p_1", **CUSTOMER)]
    for told in (facts, facts[::-1]):
        shown = amounts_to(*told, now=3).references
        assert (shown["member"], shown["offer"]) == ("mem_1", "off_1")


def test_ids_of_another_book_are_shown_where_no_better_are_known() -> None:
    assert amounts_to(fact("purchased", **CUSTOMER), now=1).references["member"] == "981"


def test_a_new_purchase_brings_its_offer_from_whatever_book() -> None:
    shown = amounts_to(fact("purchased", **RELAY), fact("purchased", 400, **{**CUSTOMER, "offer": "77"}), now=401)
    assert (shown.references["member"], shown.references["offer"]) == ("mem_1", "77")
