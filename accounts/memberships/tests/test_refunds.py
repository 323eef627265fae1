"""Refunds and disputes: of a charge, not of a subscription."""

import pytest

from accounts.memberships.facts import Fact
from accounts.memberships.purchase_state import Question
from accounts.memberships.terms import Disputes, Interval, PartialRefunds, PlanTerms
from accounts.memberships.tests.builders import (
    MONTH,
    START,
    amounts_to,
    at,
    days_with_access,
    fact,
    last_assigned,
    paid_until,
    shown,
)

SALE = fact("purchased", amount=29900)
TWO_YEARS = (fact("paid", transaction="t1"), fact("paid", 364, transaction="t2"))
IN_A_YEAR, IN_TWO_YEARS = START.replace(year=2027), START.replace(year=2028)


def test_full_refund_ends_access_at_once() -> None:
    state = amounts_to(SALE, fact("refunded", 10), now=20)
    assert (state.status, state.changed_at, state.period_end, state.access_until) == (
        "refunded",
        at(10),
        at(10),
        at(10),
    )
    assert days_with_access(SALE, fact("refunded", 10)) == [0, 10]


@pytest.mark.parametrize("day", [0, 0.5, 300, 365, 367])
def test_refund_of_the_running_period_ends_it_whenever_it_comes(day: float) -> None:
    assert shown(SALE, fact("refunded", day), now=367.5) == ("refunded", False)


def test_refund_before_the_sale_it_names_leaves_the_sale() -> None:
    told = (fact("refunded", -1, purchase="p1"), fact("purchased", purchase="p1"))
    assert amounts_to(told[0], now=0).status == "refunded"
    assert shown(*told, now=1) == ("active", True)


@pytest.mark.parametrize("later", ["expired", "canceled", "paused", "payment_failed", "refunded", "dispute_lost"])
def test_refunded_purchase_stays_refunded(later: str) -> None:
    assert shown(SALE, fact("refunded", 10), fact(later, 20), now=500) == ("refunded", False)
    assert amounts_to(SALE, fact("refunded", 10), fact(later, 20), now=500).changed_at == at(10)


def test_refund_of_what_expired_is_shown() -> None:
    told = (SALE, fact("expired", 5), fact("refunded", 10))
    assert (shown(*told, now=20), paid_until(*told, now=20)) == (("refunded", False), at(5))


def test_refunded_member_may_buy_again() -> None:
    assert shown(SALE, fact("refunded", 10), fact("purchased", 30), now=40) == ("active", True)


# Of which period ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["refunded", "dispute_lost"])
def test_money_of_an_earlier_period_leaves_the_running_one(kind: str) -> None:
    state = amounts_to(*TWO_YEARS, fact(kind, 370, transaction="t1"), now=380)
    assert (state.status, state.period_end) == ("active", IN_TWO_YEARS)


@pytest.mark.parametrize("kind", ["refunded", "dispute_lost"])
@pytest.mark.parametrize("transaction", ["t2", ""])
def test_money_of_the_running_period_ends_it(kind: str, transaction: str) -> None:
    told = (*TWO_YEARS, fact("refunded", 370, transaction="t1"), fact(kind, 371, transaction=transaction))
    assert shown(*told, now=380) == ("refunded", False)


@pytest.mark.parametrize("kind", ["refunded", "dispute_lost"])
def test_money_that_was_paid_ahead_leaves_the_period_that_runs(kind: str) -> None:
    ahead = (fact("paid", transaction="t1"), fact("paid", 340, transaction="t2"))
    told = (*ahead, fact(kind, 350, transaction="t2"))
    assert paid_until(*ahead, now=345) == IN_TWO_YEARS
    assert days_with_access(*told) == [0, 368]
    assert shown(*told, now=351) == ("active", True)
    assert shown(*told, fact(kind, 352, transaction="t1"), now=353) == ("refunded", False)
    assert days_with_access(*ahead, fact(kind, 365, transaction="t2")) == [0, 365], "it has begun"


def test_dispute_about_money_that_was_paid_ahead_begins_with_its_period() -> None:
    ahead = (fact("paid", transaction="t1"), fact("paid", 340, transaction="t2"))
    opened = fact("disputed", 350, transaction="t2")
    assert days_with_access(*ahead, opened) == [0, 365]
    assert amounts_to(*ahead, fact("canceled", 345, ends=360), opened, now=351).access_until == at(360)


@pytest.mark.parametrize(
    ("kind", "until"), [("refunded", 2 * 365 + 3), ("dispute_lost", 2 * 365 + 3), ("disputed", 2 * 365)]
)
def test_money_paid_ahead_is_that_of_the_last_period_and_no_other(kind: str, until: int) -> None:
    paid = [fact("paid", day, transaction=f"t{number}") for number, day in enumerate((0, 340, 700))]
    assert days_with_access(*paid, fact(kind, 715, transaction="t2")) == [0, until]


@pytest.mark.parametrize("kind", ["refunded", "dispute_lost", "disputed"])
def test_refund_that_names_no_charge_is_of_the_whole_purchase(kind: str) -> None:
    ahead = (fact("paid", transaction="t1"), fact("paid", 340, transaction="t2"))
    assert days_with_access(*ahead, fact(kind, 350)) == [0, 350]


def test_lost_dispute_about_money_that_was_paid_ahead_leaves_the_period_that_runs() -> None:
    opened = fact("disputed", 350, transaction="t2")
    told = (fact("paid", transaction="t1"), fact("paid", 340, transaction="t2"), opened)
    assert days_with_access(*told, fact("dispute_lost", 355)) == [0, 368]
    assert days_with_access(*told, fact("dispute_lost", 380)) == [0, 365]
    assert days_with_access(*told, fact("dispute_won", 380)) == [0, 365, 380, 733]


def test_money_paid_ahead_of_what_has_ended_is_refunded_with_it() -> None:
    told = (fact("paid", transaction="t1"), fact("paid", 340, transaction="t2"), fact("expired", 345))
    assert shown(*told, fact("refunded", 350, transaction="t2"), now=351) == ("refunded", False)
    lost = (fact("disputed", 350, transaction="t2"), fact("dispute_lost", 355, transaction="t2"))
    assert shown(*told, *lost, now=356) == ("refunded", False)


def test_lost_dispute_that_was_not_reported_open_is_about_the_charge_that_it_names() -> None:
    ahead = (fact("paid", transaction="t1"), fact("paid", 340, transaction="t2"))
    assert days_with_access(*ahead, fact("dispute_lost", 350, transaction="t2")) == [0, 368]


def test_dispute_that_is_opened_and_lost_in_one_moment_ends_access() -> None:
    assert shown(SALE, fact("disputed", 10), fact("dispute_lost", 10), now=11) == ("refunded", False)


def test_won_dispute_about_money_ahead_says_nothing_about_a_later_one() -> None:
    told = (fact("paid", transaction="t1"), fact("paid", 340, transaction="t2"))
    won = (fact("disputed", 350, transaction="t2"), fact("dispute_won", 352))
    assert days_with_access(*told, *won, fact("dispute_lost", 355)) == [0, 355]


# Partial --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "has_access"),
    [
        ({"refunded": 2000}, True),
        ({"refunded": 29899}, True),
        ({"refunded": 29900}, False),
        ({"refunded": 30000}, False),
        ({}, False),
        ({"refunded": 2000, "amount": 29900}, True),
        ({"refunded": 2000, "amount": 2000}, False),
        ({"refunded": 0}, True),
    ],
)
def test_refund_of_a_part_keeps_access(terms: dict[str, int], has_access: bool) -> None:
    assert shown(SALE, fact("refunded", 10, **terms), now=20)[1] is has_access


BOUGHT = fact("purchased")  # its price is not stated
PRICED = PlanTerms(price=29900)


def test_refund_of_an_amount_without_a_known_price_keeps_access_and_asks() -> None:
    part = fact("refunded", 10, refunded=2000)
    assert shown(BOUGHT, part, now=20) == ("active", True)
    assert last_assigned(BOUGHT, part).question == Question.REFUND_OF_UNKNOWN
    assert shown(fact("purchased", amount=0), part, now=20) == ("active", True), "nothing paid is nothing known"
    assert shown(BOUGHT, fact("refunded", 10, refunded=2000, amount=29900), now=20) == ("active", True)


def test_answer_of_staff_ends_what_was_refunded_without_a_known_price() -> None:
    part, answer = fact("refunded", 10, refunded=2000), fact("refunded", 12, key="staff:1", chosen=BOUGHT.key)
    assert shown(BOUGHT, part, answer, now=20) == ("refunded", False)


@pytest.mark.parametrize(
    ("bought", "refunded", "question"),
    [
        (BOUGHT, 29900, None),
        (BOUGHT, 31000, None),
        (BOUGHT, 2000, Question.REFUND_OF_UNKNOWN),  # a coupon may have made it the whole
        (fact("purchased", amount=2000), 2000, None),  # the price of the sale counts before the plan's
        (fact("purchased", amount=49900), 29900, ""),
        (fact("purchased", interval=MONTH), 29900, Question.REFUND_OF_UNKNOWN),  # the plan's price is that of a year
        (fact("purchased", interval=Interval()), 29900, None),
    ],
)
def test_price_of_the_plan_counts_where_the_sale_states_none(bought: Fact, refunded: int, question: str | None) -> None:
    part = fact("refunded", 10, refunded=refunded)
    has_access = question is not None
    assert shown(bought, part, now=20, plan=PRICED)[1] is has_access
    assert last_assigned(bought, part, plan=PRICED).question == (question or "")


def test_refund_of_a_part_ends_access_where_the_plan_says_so() -> None:
    plan = PlanTerms(partial_refunds=PartialRefunds.END)
    assert shown(SALE, fact("refunded", 10, refunded=2000), now=20, plan=plan) == ("refunded", False)


def test_parts_that_amount_to_the_whole_price_are_a_question() -> None:
    first = fact("refunded", 10, refunded=14900)
    second, rest = fact("refunded", 20, refunded=14900), fact("refunded", 20, refunded=15000)
    assert last_assigned(SALE, first).question == ""
    assert last_assigned(SALE, first, second).question == ""
    assert last_assigned(SALE, first, rest).question == Question.PARTIAL_REFUNDS
    assert shown(SALE, first, rest, now=30) == ("active", True)


def test_part_of_an_earlier_periods_money_is_no_part_of_the_running_one() -> None:
    sale, renewal = fact("paid", transaction="t1", amount=100), fact("paid", 364, transaction="t2", amount=100)
    parts = (fact("refunded", 370, transaction="t1", refunded=60), fact("refunded", 371, transaction="t2", refunded=60))
    assert last_assigned(sale, renewal, *parts).question == ""
    parts = (fact("refunded", 300, transaction="t1", refunded=60), parts[1])
    assert last_assigned(sale, renewal, *parts).question == "", "each period has its own price"


# Disputes -------------------------------------------------------------------------------------------------------------

KEEP = PlanTerms(disputes=Disputes.KEEP)


def test_open_dispute_suspends_access_and_won_restores_it() -> None:
    told = (SALE, fact("disputed", 10), fact("dispute_won", 40))
    state = amounts_to(*told[:2], now=20)
    assert (state.status, state.changed_at, state.access_until) == ("disputed", at(10), at(10))
    assert days_with_access(*told) == [0, 10, 40, 368]
    assert shown(*told, now=41) == ("active", True)


def test_open_dispute_keeps_access_where_the_plan_says_so() -> None:
    assert shown(SALE, fact("disputed", 10), now=20, plan=KEEP) == ("disputed", True)
    assert days_with_access(SALE, fact("disputed", 10), plan=KEEP) == [0, 368]


@pytest.mark.parametrize("plan", [KEEP, PlanTerms()])
def test_lost_dispute_ends_access(plan: PlanTerms) -> None:
    told = (SALE, fact("disputed", 10), fact("dispute_lost", 40))
    assert shown(*told, now=41, plan=plan) == ("refunded", False)
    assert amounts_to(*told, now=41, plan=plan).changed_at == at(40)


def test_lost_dispute_whose_opening_was_missed_ends_access() -> None:
    assert days_with_access(SALE, fact("dispute_lost", 40)) == [0, 40]


def test_won_dispute_of_nothing_changes_nothing() -> None:
    assert days_with_access(SALE, fact("dispute_won", 40)) == [0, 368]
    assert days_with_access(SALE, fact("refunded", 10), fact("dispute_won", 40)) == [0, 10]


def test_second_message_about_a_dispute_keeps_its_time() -> None:
    assert amounts_to(SALE, fact("disputed", 10), fact("disputed", 12), now=20).changed_at == at(10)


def test_disputed_purchase_expires_with_its_period() -> None:
    told = (SALE, fact("disputed", 10))
    assert amounts_to(*told, now=20).next_change_at == at(365)
    assert shown(*told, now=368) == ("expired", False)


def test_dispute_about_an_earlier_period_leaves_what_was_paid_since() -> None:
    assert shown(*TWO_YEARS, fact("disputed", 370, transaction="t1"), now=371) == ("active", True)
    told = (SALE, fact("disputed", 300), fact("renewed", 365))
    assert days_with_access(*told, last=500) == [0, 300, 365]
    assert shown(*told, fact("dispute_lost", 400), now=401) == ("active", True)
    assert shown(*told, fact("dispute_won", 400), now=401) == ("active", True)


def test_canceled_purchase_can_be_disputed() -> None:
    told = (SALE, fact("canceled", 5), fact("disputed", 10))
    assert shown(*told, now=20) == ("disputed", False)
    assert shown(*told, fact("dispute_won", 30), now=40) == ("canceled", True)
