"""Money that comes in: one sale reported twice, first payments, renewals, early payments, instalments."""

import pytest

from accounts.memberships.purchase_state import Question
from accounts.memberships.terms import Billing, EarlyPayments, Interval, PlanTerms
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
    shown,
)

SALE = fact("purchased")
IN_A_YEAR, IN_TWO_YEARS = START.replace(year=2027), START.replace(year=2028)

# One sale, several messages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "days"),
    [("purchased", 0), ("purchased", 1), ("purchased", 3), ("paid", 0), ("paid", 3), ("paid", 30), ("paid", 180)]
    + [("renewed", 0), ("renewed", 1), ("renewed", 3)],
)
def test_sale_reported_twice_without_a_common_id_pays_for_one_period(second: str, days: float) -> None:
    state = amounts_to(fact("purchased", purchase="p1"), fact(second, days, transaction="t1"), now=181)
    assert state.period_end == IN_A_YEAR
    assert state.references == {"purchase": "p1", "transaction": "t1"}


@pytest.mark.parametrize("days", [3.1, 30, 180, 364])
def test_sale_on_a_later_day_is_a_purchase_of_its_own(days: float) -> None:
    told = (fact("purchased", purchase="p1"), fact("purchased", days, transaction="t1"))
    assert paid_until(*told, now=days) == at(days).replace(year=at(days).year + 1)
    assert days_with_access(*told, fact("expired", days + 1, purchase="p1"), last=300 + int(days)) == [0]


def test_sale_known_by_its_id_pays_once_however_late_it_is_reported_again() -> None:
    for kind in ("paid", "purchased", "renewed"):
        told = (fact("paid", transaction="t1"), fact(kind, 300, transaction="t1"))
        assert paid_until(*told, now=301) == IN_A_YEAR
        assert paid_until(*told, fact(kind, 364, transaction="t1"), now=364.5) == IN_A_YEAR


def test_sale_reported_again_states_the_end_that_was_not_known() -> None:
    told = (fact("purchased", purchase="p1"), fact("purchased", 1, purchase="p1", ends=31))
    assert paid_until(*told, now=2) == at(31)
    longer, shorter = (fact("purchased", 2, purchase="p1", ends=ends) for ends in (40, 20))
    assert paid_until(*told, longer, now=3) == at(40)
    assert paid_until(*told, shorter, now=3) == at(31), "what was stated is not shortened"


def test_sale_reported_again_leaves_the_period_that_was_paid_ahead() -> None:
    told = (fact("purchased", purchase="p1"), fact("renewed", 350), fact("purchased", 351, purchase="p1", ends=365))
    assert paid_until(*told, now=352) == IN_TWO_YEARS


# Renewals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [0, 1, 24, 72])
def test_renewal_reported_twice_with_other_ids_renews_once(hours: int) -> None:
    told = (SALE, fact("renewed", 365, transaction="a"), fact("renewed", 365 + hours / 24, transaction="b"))
    assert paid_until(*told, now=369) == IN_TWO_YEARS


def test_renewal_and_its_payment_are_one() -> None:
    for first, second in (("renewed", "paid"), ("paid", "renewed")):
        told = (SALE, fact(first, 365), fact(second, 365.5))
        assert paid_until(*told, now=369) == IN_TWO_YEARS


def test_renewal_more_than_three_days_after_the_last_is_another() -> None:
    assert paid_until(SALE, fact("renewed", 4), now=5) == IN_TWO_YEARS


@pytest.mark.parametrize("days", [350, 400])
@pytest.mark.parametrize("kind", ["renewed", "paid", "purchased"])
def test_renewal_that_names_the_purchase_extends_it(kind: str, days: float) -> None:
    state = amounts_to(fact("purchased", purchase="p1"), fact(kind, days, purchase="p1"), now=410)
    assert (state.status, state.is_open(at(410))) == ("active", True)


def test_payment_of_weeks_is_not_taken_for_the_last_one() -> None:
    weekly = PlanTerms(interval=Interval(unit="days", count=2))
    told = [SALE, *(fact("renewed", 2 * day) for day in (1, 2, 3))]
    assert paid_until(*told, now=7, plan=weekly) == at(8)


@pytest.mark.parametrize(("stated", "end"), [(365, 365), (367, 367), (368, 368), (400, 400), (730, 730)])
def test_renewal_that_states_its_end_says_which_period_it_paid_for(stated: int, end: int) -> None:
    assert paid_until(SALE, fact("renewed", 350, ends=stated), now=351) == at(end)


def test_renewal_with_an_early_stated_end_shortens_nothing() -> None:
    assert paid_until(SALE, fact("renewed", 300, ends=330), now=301) == IN_A_YEAR


def test_renewal_after_the_end_with_a_stated_end_lasts_until_it() -> None:
    assert days_with_access(SALE, fact("renewed", 400, ends=430)) == [0, 368, 400, 433]


@pytest.mark.parametrize("day", [365, 368])
def test_renewal_of_what_was_paid_early_is_the_same_money(day: int) -> None:
    assert paid_until(SALE, fact("paid", 340), fact("renewed", day), now=369) == IN_TWO_YEARS


def test_renewal_well_into_what_was_paid_early_is_another() -> None:
    assert paid_until(SALE, fact("paid", 340), fact("renewed", 369), now=370) == START.replace(year=2029)


@pytest.mark.parametrize("kind", ["paid", "purchased"])
def test_payment_in_the_last_twentieth_is_the_next_periods(kind: str) -> None:
    plan = PlanTerms(interval=Interval(unit="days", count=100), early_payments=EarlyPayments.IGNORE)
    sale = fact("purchased", purchase="p1")
    assert paid_until(sale, fact(kind, 95, purchase="p1"), now=96, plan=plan) == at(200)
    assert paid_until(sale, fact(kind, 94, purchase="p1"), now=96, plan=plan) == at(100)


def test_payment_that_states_the_known_end_pays_for_no_more() -> None:
    told = (SALE, fact("paid", 360, ends=365))
    assert paid_until(*told, now=361) == IN_A_YEAR
    assert paid_until(*told, fact("paid", 364, ends=730), now=364.5) == at(730)


# Early payments -------------------------------------------------------------------------------------------------------

FIRST = (SALE, fact("paid", 1))


def early(day: float, *before: float, policy: str = EarlyPayments.LAST_QUARTER, **terms: str) -> tuple[int, str]:
    """Return how many years are paid after a payment on that day (and on days before), and the question asked."""
    told = (*FIRST, *(fact("paid", one, **terms) for one in (*before, day)))
    plan = PlanTerms(early_payments=policy)
    end = paid_until(*told, now=day, plan=plan)
    assert end is not None
    return end.year - START.year, last_assigned(*told, plan=plan).question


def test_early_payment_extends_in_the_last_quarter_and_is_a_question_before() -> None:
    assert early(335) == (2, "")
    assert early(274) == (2, "")
    assert early(273) == (1, Question.EARLY_PAYMENT)
    assert early(30) == (1, Question.EARLY_PAYMENT)


def test_payments_every_month_are_instalments_to_the_end() -> None:
    assert early(280, 30, 60, 90) == (1, ""), "staff were asked about the first of them"
    assert early(360, 30, 60, 90) == (2, ""), "by its date it is the next period's"


def test_early_payment_always_extends_where_the_plan_says_so() -> None:
    assert early(30, policy=EarlyPayments.EXTEND) == (2, "")
    assert early(335, policy=EarlyPayments.EXTEND) == (2, "")


def test_early_payment_never_extends_where_the_plan_says_so() -> None:
    assert early(335, policy=EarlyPayments.IGNORE) == (1, "")
    assert early(30, policy=EarlyPayments.IGNORE) == (1, "")


@pytest.mark.parametrize("policy", EarlyPayments)
def test_early_payment_extends_a_sale_that_says_it_is_a_subscription(policy: str) -> None:
    assert early(30, policy=policy, billing=Billing.SUBSCRIPTION) == (2, "")


@pytest.mark.parametrize("policy", EarlyPayments)
@pytest.mark.parametrize("billing", [Billing.INSTALMENTS, Billing.ONCE])
@pytest.mark.parametrize("day", [30, 335, 360])
def test_further_payment_of_instalments_extends_nothing(policy: str, billing: str, day: float) -> None:
    assert early(day, policy=policy, billing=billing) == (1, "")


def test_first_payment_may_come_in_the_first_half_of_its_period() -> None:
    assert paid_until(SALE, fact("paid", 182), now=183) == IN_A_YEAR
    assert last_assigned(SALE, fact("paid", 182)).question == ""
    assert last_assigned(SALE, fact("paid", 183)).question == Question.EARLY_PAYMENT


def test_a_year_of_weekly_instalments_pays_for_the_year() -> None:
    told = [fact("purchased", billing=Billing.INSTALMENTS), *(fact("paid", 7 * week) for week in range(1, 53))]
    assert days_with_access(*told) == [0, 365]


def test_instalments_after_their_period_give_no_further_one() -> None:
    assert shown(fact("purchased", billing=Billing.INSTALMENTS), fact("paid", 370), now=371) == ("expired", False)
    assert shown(fact("purchased", billing=Billing.INSTALMENTS), fact("renewed", 370), now=371) == ("active", True)


def test_second_payment_of_a_single_sale_after_its_end_gives_a_period() -> None:
    assert days_with_access(fact("purchased", billing=Billing.ONCE), fact("paid", 370)) == [0, 365, 370, 735]


def test_months_paid_on_their_days_leave_no_gap() -> None:
    told = [fact("purchased", "2026-01-31"), *(fact("paid", day) for day in ("2026-02-28", "2026-03-31"))]
    assert paid_until(*told, now=71, plan=MONTHLY) == date("2026-04-30")
    assert days_with_access(*told, plan=MONTHLY, last=70) == [11]
