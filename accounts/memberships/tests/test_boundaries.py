"""The edges of the rules: at the very moment, at the exact amount, and what is remembered on the way."""

import pytest

from accounts.memberships.facts import Fact
from accounts.memberships.purchase_state import Question
from accounts.memberships.subscription_state import history_of
from accounts.memberships.terms import Interval, PlanTerms
from accounts.memberships.tests.builders import (
    MONTHLY,
    START,
    amounts_to,
    at,
    date,
    days_with_access,
    fact,
    last_assigned,
    paid_until,
    staff,
)

SALE = fact("purchased", purchase="p1")
IN_A_YEAR, IN_TWO_YEARS = START.replace(year=2027), START.replace(year=2028)
WEEKLY = PlanTerms(interval=Interval(unit="weeks", count=1))


@pytest.mark.parametrize(("stated", "next_end"), [(33, date("2026-03-20")), (34, at(34).replace(month=3))])
def test_stated_end_within_two_days_of_the_anchor_is_the_anchors_day(stated: int, next_end: object) -> None:
    assert paid_until(fact("purchased", ends=stated), fact("renewed", stated), now=35, plan=MONTHLY) == next_end


@pytest.mark.parametrize(("stated", "next_end"), [(8.5, 14), (9, 16)])
def test_week_leaves_less_room_for_a_stated_end(stated: float, next_end: float) -> None:
    assert paid_until(fact("purchased", ends=stated), fact("renewed", stated), now=10, plan=WEEKLY) == at(next_end)


def test_new_anchor_keeps_its_own_day() -> None:
    ends = (date("2026-05-31") - START).days
    told = (fact("purchased", ends=ends), fact("renewed", "2026-05-31"), fact("renewed", "2026-06-30"))
    assert paid_until(*told[:2], now=ends, plan=MONTHLY) == date("2026-06-30")
    assert paid_until(*told, now=ends + 31, plan=MONTHLY) == date("2026-07-31")


def test_stated_period_begins_where_the_last_one_ended() -> None:
    state = amounts_to(SALE, fact("renewed", 360, ends=800), now=361)
    assert (state.period_start, state.period_end) == (IN_A_YEAR, at(800))


def test_payment_that_states_the_known_end_begins_no_period() -> None:
    state = amounts_to(SALE, fact("paid", 360, ends=365), now=361)
    assert (state.period_start, state.period_end) == (START, IN_A_YEAR)


def test_payment_at_the_moment_of_a_cancellations_end_begins_anew() -> None:
    assert days_with_access(SALE, fact("canceled", 10, ends=60), fact("paid", 60)) == [0, 60 + 365 + 3]


def test_second_message_about_a_renewal_is_about_the_last_period() -> None:
    told = (fact("paid", transaction="t1"), fact("paid", 365, transaction="t2"), fact("renewed", 366, ends=732))
    assert paid_until(*told, now=367) == at(732)


def test_message_about_an_earlier_charge_does_not_state_the_last_end() -> None:
    told = (fact("paid", transaction="t1"), fact("paid", 365, transaction="t2"))
    assert paid_until(*told, fact("paid", 366, transaction="t1", ends=900), now=367) == IN_TWO_YEARS


def test_charge_learnt_from_a_second_message_is_known() -> None:
    told = (SALE, fact("paid", 0.1, transaction="t1"), fact("paid", 364, transaction="t1"))
    assert paid_until(*told, now=364.5) == IN_A_YEAR


def test_sale_reported_again_is_no_payment() -> None:
    again = fact("purchased", 100, purchase="p1")
    assert last_assigned(SALE, again, fact("paid", 150)).question == ""
    assert last_assigned(SALE, fact("paid", 100), fact("paid", 150)).question == Question.EARLY_PAYMENT


def test_parts_short_of_the_price_by_a_cent_are_no_question() -> None:
    sale = fact("purchased", amount=29900)
    parts = (fact("refunded", 10, refunded=14900), fact("refunded", 20, refunded=14999))
    assert last_assigned(sale, *parts).question == ""


@pytest.mark.parametrize(("hours", "end"), [(23, 4), (25, 6)])
def test_messages_within_half_a_short_period_are_about_one_payment(hours: int, end: int) -> None:
    two_days = PlanTerms(interval=Interval(unit="days", count=2))
    told = (SALE, fact("renewed", 2), fact("renewed", 2 + hours / 24))
    assert paid_until(*told, now=3.5, plan=two_days) == at(end)


def test_stated_end_a_window_later_is_the_next_periods() -> None:
    assert amounts_to(SALE, fact("renewed", 350, ends=367.9), now=351).period_start == START
    assert amounts_to(SALE, fact("renewed", 350, ends=368), now=351).period_start == IN_A_YEAR


def test_payment_at_the_start_of_the_last_quarter_extends() -> None:
    plan = PlanTerms(interval=Interval(unit="days", count=100))
    assert paid_until(SALE, fact("paid", 1), fact("paid", 75), now=76, plan=plan) == at(200)
    assert paid_until(SALE, fact("paid", 1), fact("paid", 74), now=76, plan=plan) == at(100)


@pytest.mark.parametrize("cancellation", [fact("canceled", 368), fact("canceled", 400, ends=400)])
def test_cancellation_at_the_moment_of_the_end_changes_nothing(cancellation: Fact) -> None:
    assert amounts_to(SALE, cancellation, now=401).canceled_at is None


def test_cancellation_of_an_unknown_purchase_shows_its_own_time() -> None:
    assert amounts_to(fact("canceled", 10), now=20).changed_at == at(10)


def test_lifetime_purchase_is_shortened_by_staff() -> None:
    told = (fact("purchased", billing="lifetime"), staff("canceled", 10, ends=50))
    assert days_with_access(*told) == [0, 50]


def test_every_refund_is_counted_and_none_invented() -> None:
    parts = [fact("refunded", 10, refunded=20), fact("refunded", 20, refunded=30), fact("refunded", 30)]
    (purchase,) = history_of([fact("purchased", amount=100), *parts], plan=MONTHLY).purchases
    assert purchase.refunded_amounts == [20, 30]


def test_ended_purchase_shows_when_it_gave_access() -> None:
    state = amounts_to(SALE, fact("refunded", 10), now=20)
    assert (state.access_from, state.access_until) == (START, at(10))
    assert amounts_to(SALE, fact("refunded", 0), now=20).access_from is None


def test_confirmation_after_many_months_means_the_month_that_runs() -> None:
    told = (fact("purchased", "2025-12-31"), fact("confirmed", "2027-01-15"))
    assert paid_until(*told, now=361, plan=MONTHLY) == date("2027-01-31")


def test_scheduled_purchase_shows_when_it_was_sold_and_no_start_that_will_not_come() -> None:
    sale = fact("purchased", 1, starts_at=at(20))
    assert amounts_to(sale, now=5).changed_at == at(1)
    assert amounts_to(sale, fact("canceled", 10, ends=15), now=11).status == "expired"


def test_fact_that_begins_a_purchase_asks_nothing() -> None:
    assert last_assigned(SALE).question == ""


def test_earliest_of_two_scheduled_starts_is_announced() -> None:
    told = (
        fact("purchased", 1, purchase="p1", starts_at=at(10)),
        fact("purchased", 2, purchase="p2", starts_at=at(20)),
    )
    assert amounts_to(*told, now=5).access_from == at(10)


def test_purchase_that_starts_at_the_end_of_another_prolongs_access() -> None:
    told = (SALE, fact("purchased", 10, purchase="p2", starts_at=at(368), ends=700))
    assert amounts_to(*told, now=50).access_until == at(703)
