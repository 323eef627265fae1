"""Money that is known: by its charge, by its date, or by what its message states. It pays for no further period."""

import pytest

from accounts.memberships.purchase_state import Question
from accounts.memberships.terms import Billing, EarlyPayments, PlanTerms
from accounts.memberships.tests.builders import (
    ANNUAL,
    MONTHLY,
    START,
    at,
    date,
    days_with_access,
    fact,
    history_of,
    last_assigned,
    paid_until,
    shown,
)

SALE = fact("purchased")
EXTENDS = PlanTerms(early_payments=EarlyPayments.EXTEND)
IN_A_YEAR, IN_TWO_YEARS = START.replace(year=2027), START.replace(year=2028)

# By its charge --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["paid", "renewed", "purchased"])
def test_message_about_a_known_charge_states_the_end_that_was_not_known(kind: str) -> None:
    assert paid_until(fact("purchased", transaction="t1"), fact(kind, 200, transaction="t1", ends=400), now=201) == at(
        400
    )


def test_charge_of_an_earlier_period_is_no_question_and_moves_no_end() -> None:
    told = (fact("paid", transaction="t1"), fact("renewed", 365, transaction="t2"))
    again = fact("paid", 370, transaction="t1")
    assert last_assigned(*told, again).question == ""
    assert paid_until(*told, again, now=371, plan=EXTENDS) == IN_TWO_YEARS


def test_charge_that_was_taken_for_an_instalment_is_known_afterwards() -> None:
    told = (SALE, fact("paid", 1), fact("paid", 200, transaction="t2"))
    assert last_assigned(*told).question == Question.EARLY_PAYMENT
    assert paid_until(*told, fact("renewed", 210, transaction="t2"), now=211) == IN_A_YEAR


def test_charge_noted_on_a_lifetime_purchase_is_shown_with_it() -> None:
    told = [fact("purchased", billing=Billing.LIFETIME), fact("renewed", 10, transaction="t2")]
    assert history_of(told, plan=ANNUAL).purchases[0].periods[0].transactions == {"t2"}


def test_other_charge_than_the_sales_own_is_no_first_payment() -> None:
    sold = fact("purchased", transaction="t1", purchase="p1", book="relay")
    other = fact("paid", 100, transaction="t2", purchase="p1", book="relay")
    assert last_assigned(sold, other).question == Question.EARLY_PAYMENT
    assert paid_until(sold, other, now=101, plan=EXTENDS) == IN_TWO_YEARS
    for first in (
        fact("paid", 100, transaction="981", purchase="p1", book="api"),  # what one book calls t1 may be 981 in another
        fact("paid", 100, purchase="p1", book="relay"),
        fact("paid", 100, transaction="t1", purchase="p1", book="relay"),
    ):
        assert last_assigned(sold, first).question == ""
        assert paid_until(sold, first, now=101, plan=EXTENDS) == IN_A_YEAR


# By its date ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", ["purchased", "renewed", "paid"])
@pytest.mark.parametrize("again", ["purchased", "renewed", "paid"])
def test_renewal_reported_twice_in_whatever_words_renews_once(begun: str, again: str) -> None:
    told = (fact("purchased", purchase="p1"), fact(begun, 365, purchase="p1"), fact(again, 366, purchase="p1"))
    assert paid_until(*told, now=367, plan=EXTENDS) == IN_TWO_YEARS
    assert last_assigned(*told).question == ""


def test_early_renewal_reported_as_a_purchase_is_the_one_that_begins() -> None:
    told = (fact("purchased", purchase="p1"), fact("purchased", 350, purchase="p1"), fact("renewed", 365))
    assert paid_until(*told, now=366) == IN_TWO_YEARS


def test_renewal_at_a_later_start_is_the_sale_that_begins() -> None:
    assert paid_until(fact("purchased", starts_at=at(20)), fact("renewed", 20), now=21) == at(20).replace(year=2027)
    assert paid_until(fact("purchased", starts_at=at(20)), fact("renewed", 24), now=25) == at(20).replace(year=2028)


def test_late_renewal_reported_twice_renews_once() -> None:
    assert paid_until(SALE, fact("renewed", 367), fact("renewed", 369.5), now=370) == IN_TWO_YEARS


@pytest.mark.parametrize("day", [4, 4.5])
def test_payment_beside_a_renewal_takes_nothing_from_it(day: float) -> None:
    assert paid_until(SALE, fact("renewed", 4.5), now=5) == IN_TWO_YEARS
    assert paid_until(SALE, fact("paid", day), fact("renewed", 4.5), now=5) == IN_TWO_YEARS


def test_payment_in_a_period_that_a_payment_began_is_no_first_one() -> None:
    for kind in ("paid", "renewed"):
        assert last_assigned(fact(kind), fact("paid", 100)).question == Question.EARLY_PAYMENT
        assert last_assigned(SALE, fact(kind, 365), fact("paid", 465)).question == Question.EARLY_PAYMENT
    assert last_assigned(SALE, fact("purchased", 365, key="again"), fact("paid", 465)).question == ""


def test_half_of_the_period_is_too_late_for_a_first_payment() -> None:
    assert last_assigned(SALE, fact("paid", 182.4)).question == ""
    assert last_assigned(SALE, fact("paid", 182.5)).question == Question.EARLY_PAYMENT


def test_three_days_are_counted_from_the_first_message_about_the_money() -> None:
    told = (SALE, fact("paid", 2), fact("paid", 4))
    assert last_assigned(*told).question == ""
    assert last_assigned(*told, fact("paid", 6)).question == Question.EARLY_PAYMENT


def test_amount_alone_makes_no_further_period() -> None:
    assert paid_until(SALE, fact("paid", 1, amount=29900), now=2) == IN_A_YEAR
    assert paid_until(SALE, fact("paid", 100, amount=29900), now=101) == IN_A_YEAR


# By what it states ----------------------------------------------------------------------------------------------------


def test_first_payment_states_the_end_that_was_not_known() -> None:
    assert paid_until(SALE, fact("paid", 1, ends=31), now=2) == at(31)
    assert paid_until(SALE, fact("paid", 100, ends=400), now=101) == at(400)


def test_payment_that_states_the_known_end_is_no_question() -> None:
    told = (fact("purchased", ends=300), fact("paid", 1))
    assert last_assigned(*told, fact("paid", 200, ends=300)).question == ""
    assert last_assigned(*told, fact("paid", 200, ends=301)).question == Question.EARLY_PAYMENT


def test_purchase_reported_near_the_end_with_the_known_end_is_the_old_one() -> None:
    sold = fact("purchased", ends=365, purchase="p1")
    assert days_with_access(sold, fact("purchased", 360, ends=365, purchase="p1")) == [0, 368]
    assert days_with_access(sold, fact("purchased", 360, ends=730, purchase="p1"))[:2] == [0, 733]


@pytest.mark.parametrize("kind", ["paid", "renewed", "purchased"])
def test_end_that_has_passed_when_it_is_renewed_is_that_of_the_period_before(kind: str) -> None:
    sold = fact("purchased", "2026-01-31", purchase="p1")
    renewed = fact(kind, "2026-02-28", purchase="p1", ends=39)  # 28 February, noon
    assert paid_until(sold, renewed, now=40, plan=MONTHLY) == date("2026-03-31")


@pytest.mark.parametrize("kind", ["paid", "renewed", "resumed", "confirmed"])
def test_end_that_has_passed_is_not_that_of_what_goes_on_after_it_ended(kind: str) -> None:
    told = (fact("purchased", ends=30), fact("expired", 31), fact(kind, 50, ends=40))
    assert shown(*told, now=51) == ("active", True)


def test_payment_after_a_sale_that_had_ended_when_it_was_made_begins_anew() -> None:
    assert days_with_access(fact("purchased", ends=0), fact("paid", 100)) == [0, 3, 100, 468]
