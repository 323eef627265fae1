"""Purchases and what they pay for: periods, anchors, trials, scheduled starts, lifetime."""

import pytest

from accounts.memberships.subscription_state import State, history_of
from accounts.memberships.terms import Billing, Interval, PlanTerms
from accounts.memberships.tests.builders import (
    ANNUAL,
    MONTH,
    MONTHLY,
    START,
    amounts_to,
    at,
    date,
    days_with_access,
    fact,
    paid_until,
    shown,
)

IN_A_YEAR = START.replace(year=2027)


def test_no_fact_is_no_subscription() -> None:
    assert amounts_to() == State()


def test_purchase_pays_for_a_period_of_the_plan_and_grace_days_after_it() -> None:
    state = amounts_to(fact("purchased", member="mem_1", offer="off_1"), now=1)
    assert state == State(
        status="active",
        changed_at=START,
        started_at=START,
        period_start=START,
        period_end=IN_A_YEAR,
        access_from=START,
        access_until=at(368),
        next_change_at=IN_A_YEAR,
        references={"member": "mem_1", "offer": "off_1"},
    )


@pytest.mark.parametrize("first", ["paid", "renewed", "confirmed", "purchased", "resumed"])
def test_first_message_of_whatever_kind_begins_the_purchase(first: str) -> None:
    state = amounts_to(fact(first), now=1)
    assert (state.status, state.started_at, state.period_end) == ("active", START, IN_A_YEAR)


def test_stated_interval_wins_over_the_plans() -> None:
    assert paid_until(fact("purchased", interval=Interval(unit="weeks", count=2)), now=1) == at(14)
    assert paid_until(fact("purchased", interval=Interval(unit="days", count=10)), now=1) == at(10)
    assert paid_until(fact("purchased", interval=Interval(unit="years", count=2)), now=1) == START.replace(year=2028)


def test_stated_end_wins_over_every_interval() -> None:
    assert paid_until(fact("purchased", ends=40, interval=MONTH), now=1) == at(40)


def test_stated_end_before_the_start_gives_no_access() -> None:
    assert shown(fact("purchased", ends=-400), now=1) == ("expired", False)


def test_more_seats_than_before_are_a_question_of_the_fact_that_states_them() -> None:
    facts = [
        fact("purchased", purchase="p1", quantity=2),
        fact("renewed", 365, quantity=2),
        fact("renewed", 730, quantity=3),
        fact("renewed", 1095, quantity=1),
    ]
    assert [str(one.question) for one in history_of(facts, plan=ANNUAL).assigned] == ["seats", "", "seats", ""]


def test_seats_and_price_are_those_stated_last() -> None:
    told = [fact("purchased", purchase="p1", quantity=5, amount=100), fact("renewed", 365)]
    (bought,) = history_of(told, plan=ANNUAL).purchases
    assert (bought.quantity, bought.amount) == (5, 100)
    (changed,) = history_of([*told, fact("renewed", 730, quantity=7, amount=0)], plan=ANNUAL).purchases
    assert (changed.quantity, changed.amount, len(changed.periods)) == (7, 0, 3)
    assert history_of([fact("purchased")], plan=ANNUAL).purchases[0].quantity == 1


def test_purchase_gives_access_from_its_first_moment_until_before_its_last() -> None:
    (purchase,) = history_of([fact("purchased", billing=Billing.ONCE)], plan=ANNUAL).purchases
    now = purchase.at(at(1))
    assert [now.is_open(at(day)) for day in (-0.01, 0, 364.9, 365)] == [False, True, True, False]


# The anchor -----------------------------------------------------------------------------------------------------------


def renewals(sold: str, *paid: str, plan: PlanTerms = MONTHLY) -> list[str]:
    """Return the paid end after the sale and after each renewal."""
    told, ends = [fact("purchased", sold)], []
    for day in [None, *paid]:
        told += [fact("renewed", day)] if day else []
        state = amounts_to(*told, now=(told[-1].occurred_at - START).days, plan=plan)
        assert state.period_end is not None
        ends.append(state.period_end.date().isoformat())
    return ends


@pytest.mark.parametrize(
    ("sold", "ends"),
    [
        ("2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2026-01-30", ["2026-02-28", "2026-03-30", "2026-04-30", "2026-05-30"]),
        ("2026-01-29", ["2026-02-28", "2026-03-29", "2026-04-29", "2026-05-29"]),
        ("2026-01-28", ["2026-02-28", "2026-03-28", "2026-04-28", "2026-05-28"]),
        ("2028-01-31", ["2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        ("2026-12-31", ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
        ("2026-08-31", ["2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31"]),
        ("2026-02-28", ["2026-03-28", "2026-04-28", "2026-05-28", "2026-06-28"]),
    ],
)
def test_months_are_counted_from_the_anchor_day(sold: str, ends: list[str]) -> None:
    assert renewals(sold, *ends[:3]) == ends


@pytest.mark.parametrize(
    ("months", "sold", "ends"),
    [
        (12, "2028-02-29", ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        (3, "2026-11-30", ["2027-02-28", "2027-05-30", "2027-08-30", "2027-11-30"]),
    ],
)
def test_years_and_quarters_are_counted_from_the_anchor_day(months: int, sold: str, ends: list[str]) -> None:
    assert renewals(sold, *ends[:3], plan=PlanTerms(interval=Interval(count=months))) == ends


@pytest.mark.parametrize("day", ["2026-01-31", "2026-01-30", "2026-08-31", "2028-02-29"])
@pytest.mark.parametrize("unit", ["months", "years"])
def test_anchor_day_is_kept_through_ten_years_of_renewals(day: str, unit: str) -> None:
    interval = Interval(unit=unit, count=1)
    start, number = date(day), 120 if unit == "months" else 10
    days = [interval.after(start, period).date().isoformat() for period in range(1, number)]
    told = [fact("purchased", day), *(fact("renewed", day) for day in days)]
    state = amounts_to(*told, now=(told[-1].occurred_at - START).days, plan=PlanTerms(interval=interval))
    assert state.period_end == interval.after(start, number)


@pytest.mark.parametrize("late", [0, 1, 2, 3])
def test_renewal_within_the_grace_days_keeps_the_anchor(late: int) -> None:
    state = amounts_to(fact("purchased"), fact("renewed", 31 + late), now=40, plan=MONTHLY)
    assert (state.period_start, state.period_end) == (date("2026-02-20"), date("2026-03-20"))


def test_renewal_after_the_grace_days_begins_anew_with_a_new_anchor() -> None:
    told = (fact("purchased"), fact("renewed", 36), fact("renewed", "2026-03-25"))
    state = amounts_to(*told, now=70, plan=MONTHLY)
    assert (state.period_start, state.period_end) == (date("2026-03-25"), date("2026-04-25"))
    assert state.started_at == START, "a member since the first day"
    assert days_with_access(*told[:2], plan=MONTHLY) == [0, 34, 36, 67]


def test_weeks_are_counted_in_days() -> None:
    plan = PlanTerms(interval=Interval(unit="weeks", count=1))
    told = [fact("purchased"), *(fact("renewed", 7 * week) for week in (1, 2, 3))]
    assert paid_until(*told, now=22, plan=plan) == at(28)


def test_stated_end_on_another_day_becomes_the_anchor() -> None:
    told = (fact("purchased", ends=45), fact("renewed", 45), fact("renewed", 73))
    assert paid_until(*told[:2], now=46, plan=MONTHLY) == at(45).replace(month=4)
    assert paid_until(*told, now=74, plan=MONTHLY) == at(45).replace(month=5)


def test_stated_end_a_day_off_keeps_the_anchor() -> None:
    told = (fact("purchased", "2026-01-31"), fact("renewed", "2026-02-28", ends=40), fact("renewed", "2026-04-01"))
    assert paid_until(*told[:2], now=39, plan=MONTHLY) == date("2026-03-01")
    assert paid_until(fact("purchased", ends=32), fact("renewed", 32), now=33, plan=MONTHLY) == date("2026-03-20")


def test_renewal_before_the_end_extends_from_the_old_end() -> None:
    state = amounts_to(fact("purchased"), fact("renewed", 350), now=360)
    assert (state.status, state.period_end) == ("active", START.replace(year=2028))
    assert state.period_start == IN_A_YEAR


def test_interval_stated_later_counts_from_the_next_period() -> None:
    told = (fact("purchased"), fact("renewed", 365, interval=MONTH))
    assert paid_until(*told, now=366) == IN_A_YEAR.replace(month=2)


@pytest.mark.parametrize("kind", ["purchased", "paid", "renewed"])
@pytest.mark.parametrize("bare", ["purchased", "paid", "renewed"])
@pytest.mark.parametrize("day", [0, 1])
def test_interval_that_only_one_message_about_a_sale_states_is_that_of_the_sale(kind: str, bare: str, day: int) -> None:
    """A relay often reports one charge twice at one moment, as a payment without terms and as a sale with them."""
    yearly = Interval(unit="years", count=1)
    told = fact(bare), fact(kind, day, interval=yearly, key="other")
    assert paid_until(*told, now=40, plan=MONTHLY) == IN_A_YEAR
    told = fact(kind, interval=yearly), fact(bare, day, key="other")
    assert paid_until(*told, now=40, plan=MONTHLY) == IN_A_YEAR


def test_interval_that_another_message_states_shortens_nothing() -> None:
    assert paid_until(fact("purchased"), fact("paid", interval=MONTH), now=40) == IN_A_YEAR
    assert paid_until(fact("purchased", ends=400), fact("paid", interval=MONTH), now=40) == at(400)


def test_stated_end_and_lifetime_outlast_a_stated_interval() -> None:
    yearly = fact("paid", interval=Interval(unit="years", count=1))
    assert paid_until(fact("purchased", ends=10), yearly, now=1, plan=MONTHLY) == at(10)
    assert paid_until(fact("purchased", billing=Billing.LIFETIME), yearly, now=1, plan=MONTHLY) is None


def test_interval_stated_of_an_earlier_charge_leaves_its_period() -> None:
    told = [fact("purchased", transaction="t1"), fact("renewed", 31, transaction="t2")]
    late = fact("paid", 40, interval=Interval(unit="years", count=1), transaction="t1")
    before, after = (history_of(facts, plan=MONTHLY).purchases[0] for facts in (told, [*told, late]))
    assert [(one.start, one.end) for one in after.periods] == [(one.start, one.end) for one in before.periods]


def test_interval_stated_during_a_trial_counts_from_the_first_payment() -> None:
    told = (fact("purchased", trial_days=14), fact("purchased", 1, interval=Interval(unit="years", count=1)))
    assert paid_until(*told, now=2, plan=MONTHLY) == at(14)
    assert paid_until(*told, fact("paid", 14), now=15, plan=MONTHLY) == at(14).replace(year=START.year + 1)


# Trials ---------------------------------------------------------------------------------------------------------------

TRIAL = fact("purchased", trial_days=14)


def test_trial_gives_access_until_its_end_and_the_grace_days() -> None:
    state = amounts_to(TRIAL, now=1)
    assert (state.status, state.period_end, state.next_change_at) == ("trialing", at(14), at(14))
    assert days_with_access(TRIAL) == [0, 17]


def test_trial_of_the_plan_counts_unless_the_sale_states_another() -> None:
    plan = PlanTerms(trial_days=14)
    assert shown(fact("purchased"), now=1, plan=plan) == ("trialing", True)
    assert paid_until(fact("purchased", trial_days=7), now=1, plan=plan) == at(7)
    assert shown(fact("purchased", trial_days=0), now=1, plan=plan) == ("active", True)


def test_trial_with_a_stated_end_lasts_until_it() -> None:
    assert paid_until(fact("purchased", ends=20, trial_days=14), now=1) == at(20)


def test_canceled_trial_ends_with_the_trial() -> None:
    assert days_with_access(TRIAL, fact("canceled", 3)) == [0, 14]


@pytest.mark.parametrize("kind", ["paid", "renewed"])
@pytest.mark.parametrize("day", [5, 13.9, 14])
def test_payment_in_a_trial_pays_from_its_end(kind: str, day: float) -> None:
    state = amounts_to(TRIAL, fact(kind, day), now=15)
    assert (state.status, state.period_start, state.period_end) == ("active", at(14), at(14).replace(year=2027))


def test_payment_just_after_a_trial_pays_for_a_whole_period() -> None:
    assert paid_until(TRIAL, fact("paid", 15), now=16) == at(15).replace(year=2027)
    assert paid_until(TRIAL, fact("paid", 30), now=31) == at(30).replace(year=2027)


def test_message_about_money_with_the_sale_does_not_end_the_trial() -> None:
    assert paid_until(TRIAL, fact("paid", 0.001), now=1) == at(14)
    assert paid_until(TRIAL, fact("paid", 0.001, amount=0), now=1) == at(14)


def test_money_with_the_sale_that_has_an_amount_pays_from_the_trials_end() -> None:
    assert days_with_access(TRIAL, fact("paid", 0.001, amount=29900), last=400) == [0, 14 + 365 + 3]


def test_early_paid_trial_shows_the_trial_until_its_end() -> None:
    told = (TRIAL, fact("paid", 5))
    assert shown(*told, now=10) == ("trialing", True)
    assert amounts_to(*told, now=10).next_change_at == at(14)
    state = amounts_to(*told, now=14)
    assert (state.status, state.changed_at) == ("active", at(14))


def test_month_after_a_trial_is_counted_from_the_trials_end() -> None:
    told = (TRIAL, fact("paid", 14), fact("paid", "2026-03-03"))
    assert paid_until(*told, now=45, plan=MONTHLY) == date("2026-04-03")


# Scheduled starts and lifetime ----------------------------------------------------------------------------------------


def test_scheduled_purchase_gives_access_from_its_start() -> None:
    sale = fact("purchased", starts_at=at(20))
    state = amounts_to(sale, now=5)
    assert (state.status, state.access_from, state.next_change_at) == ("scheduled", at(20), at(20))
    assert (state.started_at, state.period_end) == (at(20), at(20).replace(year=2027))
    assert days_with_access(sale) == [20, 20 + 365 + 3]
    assert amounts_to(sale, now=21).changed_at == at(20)


@pytest.mark.parametrize("end", ["refunded", "expired", "dispute_lost"])
def test_scheduled_purchase_that_ended_before_gives_no_access(end: str) -> None:
    assert days_with_access(fact("purchased", starts_at=at(20)), fact(end, 10)) == []


def test_scheduled_purchase_that_is_canceled_lasts_its_paid_period() -> None:
    sale = fact("purchased", starts_at=at(20))
    assert days_with_access(sale, fact("canceled", 10)) == [20, 385]
    assert days_with_access(sale, fact("canceled", 10, ends=15)) == []
    assert amounts_to(sale, fact("canceled", 10, ends=15), now=11).is_open(at(20)) is False


def test_clock_of_a_sender_that_is_ahead_does_not_schedule_the_purchase() -> None:
    assert shown(fact("purchased", 0.01), now=0) == ("active", True)


def test_lifetime_purchase_has_no_end() -> None:
    plan = PlanTerms(billing=Billing.LIFETIME)
    for told, terms in (((fact("purchased"),), plan), ((fact("purchased", billing=Billing.LIFETIME),), ANNUAL)):
        state = amounts_to(*told, now=9000, plan=terms)
        assert (state.status, state.period_end, state.access_until, state.next_change_at) == (
            "active",
            None,
            None,
            None,
        )
        assert state.is_open(at(9000))


def test_lifetime_purchase_ends_by_refund_and_comes_back_without_an_end() -> None:
    plan = PlanTerms(billing=Billing.LIFETIME)
    told = (fact("purchased"), fact("refunded", 10), fact("paid", 20))
    assert days_with_access(*told[:2], plan=plan) == [0, 10]
    assert amounts_to(*told, now=30, plan=plan).access_until is None
    assert shown(*told, now=9000, plan=plan) == ("active", True)


@pytest.mark.parametrize("kind", ["paid", "renewed", "confirmed", "purchased"])
def test_no_message_gives_a_lifetime_purchase_an_end(kind: str) -> None:
    told = (fact("purchased", purchase="p1"), fact(kind, 10, ends=40, purchase="p1"))
    assert shown(*told, now=9000, plan=PlanTerms(billing=Billing.LIFETIME)) == ("active", True)


def test_lifetime_purchase_with_a_stated_end_ends_then_without_grace() -> None:
    assert days_with_access(fact("purchased", ends=40), plan=PlanTerms(billing=Billing.LIFETIME)) == [0, 40]
