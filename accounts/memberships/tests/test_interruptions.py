"""Ends, interruptions and resumptions of a purchase: grace, cancellation, pause, expiry."""

from datetime import timedelta

import pytest

from accounts.memberships.terms import Billing, PlanTerms
from accounts.memberships.tests.builders import (
    DAY,
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

SALE = fact("purchased")
IN_A_YEAR = START.replace(year=2027)

# Grace ----------------------------------------------------------------------------------------------------------------


def test_paid_end_is_past_due_for_the_grace_days_then_expired() -> None:
    assert shown(SALE, now=364.9) == ("active", True)
    assert shown(SALE, now=365) == ("past_due", True)
    assert shown(SALE, now=367.9) == ("past_due", True)
    assert shown(SALE, now=368) == ("expired", False)


def test_clock_names_its_moments() -> None:
    due, over = amounts_to(SALE, now=366), amounts_to(SALE, now=400)
    assert (due.changed_at, due.next_change_at, due.period_end) == (at(365), at(368), at(365))
    assert (over.changed_at, over.next_change_at) == (at(368), None)


@pytest.mark.parametrize("days", [0, 1, 10])
def test_grace_is_the_plans(days: int) -> None:
    assert days_with_access(SALE, plan=PlanTerms(grace=days * DAY)) == [0, 365 + days]


@pytest.mark.parametrize("billing", [Billing.ONCE, Billing.INSTALMENTS])
def test_what_does_not_renew_has_no_grace(billing: Billing) -> None:
    assert days_with_access(fact("purchased", billing=billing)) == [0, 365]
    assert days_with_access(SALE, plan=PlanTerms(billing=billing)) == [0, 365]


def test_failed_payment_is_past_due_and_takes_no_access() -> None:
    told = (SALE, fact("payment_failed", 363))
    state = amounts_to(*told, now=364)
    assert (state.status, state.changed_at, state.next_change_at) == ("past_due", at(363), at(365))
    assert amounts_to(*told, now=366).changed_at == at(363)
    assert days_with_access(*told) == [0, 368]


def test_each_retry_is_the_same_issue() -> None:
    retries = [fact("payment_failed", day) for day in (363, 365, 366)]
    assert amounts_to(SALE, *retries, now=367).changed_at == at(363)
    assert days_with_access(SALE, *retries) == [0, 368]


@pytest.mark.parametrize("day", [365, 366, 368, 380])
@pytest.mark.parametrize("kind", ["paid", "renewed"])
def test_next_charge_resumes_the_same_subscription(kind: str, day: int) -> None:
    told = (SALE, fact("payment_failed", 364), fact(kind, day))
    assert shown(*told, now=day) == ("active", True)
    begins = IN_A_YEAR if day <= 368 else at(day)
    assert paid_until(*told, now=day) == begins.replace(year=2028)


def test_failed_payment_after_the_end_revives_nothing() -> None:
    assert shown(SALE, fact("payment_failed", 400), now=401) == ("expired", False)
    assert shown(SALE, fact("expired", 10), fact("payment_failed", 11), now=12) == ("expired", False)


def test_failed_payment_of_what_is_canceled_changes_nothing() -> None:
    assert shown(SALE, fact("canceled", 10), fact("payment_failed", 11), now=12) == ("canceled", True)


def test_failed_payment_of_an_unknown_purchase_gives_no_access() -> None:
    assert shown(fact("payment_failed", 1), now=2) == ("expired", False)
    assert shown(fact("payment_failed", 1), fact("purchased", 5), now=6) == ("active", True)


# Cancellation ---------------------------------------------------------------------------------------------------------


def test_cancellation_without_a_date_ends_with_the_paid_period_and_without_grace() -> None:
    told = (SALE, fact("canceled", 10))
    state = amounts_to(*told, now=20)
    assert (state.status, state.period_end, state.canceled_at) == ("canceled", IN_A_YEAR, at(10))
    assert (state.access_until, state.next_change_at, state.changed_at) == (IN_A_YEAR, IN_A_YEAR, at(10))
    assert days_with_access(*told) == [0, 365]
    assert amounts_to(*told, now=400).status == "expired"


def test_cancellation_of_nothing_known_ends_in_thirty_days() -> None:
    state = amounts_to(fact("canceled", 10), now=20)
    assert (state.status, state.period_end, state.canceled_at) == ("canceled", at(40), at(10))
    assert amounts_to(fact("canceled", 10), now=40).status == "expired"
    assert days_with_access(fact("canceled", 10)) == [10, 40]


@pytest.mark.parametrize("ends", [60, 400])
def test_cancellation_with_a_date_ends_then(ends: int) -> None:
    assert days_with_access(SALE, fact("canceled", 10, ends=ends)) == [0, ends]


def test_cancellation_with_a_date_that_has_come_ends_at_once() -> None:
    assert days_with_access(SALE, fact("canceled", 10, ends=10)) == [0, 10]
    assert days_with_access(SALE, fact("canceled", 10, ends=5)) == [0, 10]


def test_second_cancellation_keeps_the_time_of_the_first_and_takes_a_new_date() -> None:
    told = (SALE, fact("canceled", 10), fact("canceled", 12))
    assert amounts_to(*told, now=20).canceled_at == at(10)
    assert paid_until(SALE, fact("canceled", 10, ends=60), fact("canceled", 12), now=20) == at(60)
    later = amounts_to(SALE, fact("canceled", 10, ends=60), fact("canceled", 12, ends=70), now=20)
    assert (later.period_end, later.canceled_at) == (at(70), at(10))


def test_cancellation_after_the_end_changes_nothing() -> None:
    for told in ((SALE, fact("expired", 10), fact("canceled", 20)), (SALE, fact("canceled", 400))):
        state = amounts_to(*told, now=401)
        assert (state.status, state.canceled_at) == ("expired", None)


def test_cancellation_in_the_grace_days_ends_access() -> None:
    assert days_with_access(SALE, fact("canceled", 366)) == [0, 366]


def test_cancellation_after_the_end_with_a_date_to_come_gives_access_until_it() -> None:
    assert shown(SALE, fact("canceled", 400, ends=420), now=410) == ("canceled", True)


@pytest.mark.parametrize("kind", ["paid", "renewed"])
def test_payment_takes_a_cancellation_back(kind: str) -> None:
    state = amounts_to(SALE, fact("canceled", 10), fact(kind, 350), now=360)
    assert (state.status, state.canceled_at, state.period_end) == ("active", None, START.replace(year=2028))


@pytest.mark.parametrize("kind", ["paid", "renewed"])
def test_payment_after_a_cancellations_date_begins_anew(kind: str) -> None:
    told = (SALE, fact("canceled", 10, ends=60), fact(kind, 100))
    assert days_with_access(*told) == [0, 60, 100, 100 + 365 + 3]


@pytest.mark.parametrize("kind", ["resumed", "confirmed"])
def test_cancellation_is_taken_back_before_its_date(kind: str) -> None:
    state = amounts_to(SALE, fact("canceled", 10, ends=60), fact(kind, 20), now=30)
    assert (state.status, state.canceled_at, state.period_end) == ("active", None, IN_A_YEAR)


def test_cancellation_is_taken_back_after_its_date() -> None:
    assert days_with_access(SALE, fact("canceled", 10, ends=60), fact("resumed", 70)) == [0, 60, 70, 368]


# Expiry ---------------------------------------------------------------------------------------------------------------


def test_expiry_ends_access_at_once() -> None:
    state = amounts_to(SALE, fact("expired", 10), now=20)
    assert (state.status, state.changed_at, state.period_end, state.access_until) == ("expired", at(10), at(10), at(10))
    assert state.next_change_at is None


def test_expiry_after_the_paid_end_keeps_the_paid_end() -> None:
    assert paid_until(SALE, fact("expired", 400), now=401) == IN_A_YEAR


@pytest.mark.parametrize("kind", ["renewed", "purchased", "paid"])
def test_member_who_expired_and_pays_again_is_a_member_again(kind: str) -> None:
    state = amounts_to(SALE, fact("expired", 10), fact(kind, 30), now=40)
    assert (state.status, state.period_end, state.started_at) == ("active", at(30).replace(year=2027), START)


@pytest.mark.parametrize("kind", ["renewed", "purchased", "paid"])
@pytest.mark.parametrize("end", ["expired", "refunded"])
def test_payment_soon_after_the_end_is_another_payment(kind: str, end: str) -> None:
    assert shown(SALE, fact(end, 1), fact(kind, 2), now=3) == ("active", True)


def test_second_expiry_changes_nothing_and_one_after_a_resumption_does() -> None:
    assert amounts_to(SALE, fact("expired", 10), fact("expired", 12), now=20).changed_at == at(10)
    state = amounts_to(SALE, fact("expired", 10), fact("confirmed", 20), fact("expired", 30), now=40)
    assert (state.status, state.period_end) == ("expired", at(30))


# Pause ----------------------------------------------------------------------------------------------------------------


def test_pause_keeps_what_is_paid_and_does_not_expire() -> None:
    told = (SALE, fact("paused", 10))
    state = amounts_to(*told, now=20)
    assert (state.status, state.changed_at, state.access_until) == ("paused", at(10), IN_A_YEAR)
    assert shown(*told, now=500) == ("paused", False)
    assert days_with_access(*told) == [0, 365]


@pytest.mark.parametrize("kind", ["resumed", "confirmed"])
def test_resumption_of_a_pause_goes_on_with_what_is_paid(kind: str) -> None:
    state = amounts_to(SALE, fact("paused", 10), fact(kind, 50), now=60)
    assert (state.status, state.period_end, state.changed_at) == ("active", IN_A_YEAR, at(50))


def test_resumption_after_what_was_paid_gives_the_period_that_runs() -> None:
    assert days_with_access(fact("purchased"), fact("paused", 10), fact("resumed", 100), plan=MONTHLY) == [
        0,
        31,
        100,
        120 + 3,
    ]


def test_payment_ends_a_pause() -> None:
    assert shown(SALE, fact("paused", 10), fact("renewed", 400), now=401) == ("active", True)


def test_pause_of_what_ended_changes_nothing() -> None:
    assert shown(SALE, fact("expired", 5), fact("paused", 10), now=20) == ("expired", False)


def test_second_pause_keeps_the_time_of_the_first() -> None:
    assert amounts_to(SALE, fact("paused", 10), fact("paused", 12), now=20).changed_at == at(10)


def test_cancellation_of_a_pause_ends_it() -> None:
    assert shown(SALE, fact("paused", 10), fact("canceled", 20), now=30) == ("canceled", True)
    assert shown(SALE, fact("paused", 10), fact("canceled", 400), now=401) == ("expired", False)


# Confirmation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["canceled", "expired", "refunded", "disputed"])
def test_what_is_confirmed_as_active_has_the_access_that_was_given(ended: str) -> None:
    state = amounts_to(SALE, fact(ended, 10), fact("confirmed", 20), now=30)
    assert (state.status, state.period_end, state.canceled_at) == ("active", IN_A_YEAR, None)


def test_confirmation_pays_for_nothing() -> None:
    assert amounts_to(SALE, fact("confirmed", 20), now=30) == amounts_to(SALE, now=30)


@pytest.mark.parametrize(("day", "year"), [(365, 2028), (366, 2028), (730, 2029), (800, 2029)])
def test_confirmation_after_the_end_means_the_period_that_runs_then(day: int, year: int) -> None:
    state = amounts_to(SALE, fact("confirmed", day), now=day + 1)
    assert (state.status, state.period_end) == ("active", START.replace(year=year))


def test_confirmation_with_an_end_corrects_what_was_counted() -> None:
    assert paid_until(SALE, fact("confirmed", 20, ends=31), now=21) == at(31)
    assert paid_until(SALE, fact("confirmed", 20, ends=500), now=21) == at(500)


def test_confirmation_does_not_shorten_what_was_stated() -> None:
    assert paid_until(fact("purchased", ends=365), fact("confirmed", 20, ends=31), now=21) == at(365)


def test_confirmation_of_the_running_period_keeps_what_was_paid_ahead() -> None:
    told = (SALE, fact("renewed", 350), fact("confirmed", 352, ends=365))
    assert paid_until(*told, now=353) == START.replace(year=2028)


def test_open_dispute_outlasts_a_resumption() -> None:
    told = (SALE, fact("canceled", 5), fact("disputed", 10), fact("resumed", 20))
    assert shown(*told, now=30) == ("disputed", False)


def test_grace_is_no_time_where_the_plan_gives_none() -> None:
    plan = PlanTerms(grace=timedelta())
    assert shown(SALE, now=365, plan=plan) == ("expired", False)
    assert amounts_to(SALE, now=366, plan=plan).changed_at == IN_A_YEAR


def test_confirmation_years_after_a_short_month_means_the_period_that_runs_then() -> None:
    """February has 28 days: counted by its length, the tenth year would end months late."""
    sold, confirmed = date("2026-01-28"), date("2036-06-10")
    facts = [fact("purchased", "2026-01-28"), fact("confirmed", "2036-06-10")]
    state = amounts_to(*facts, plan=MONTHLY, now=(confirmed - START) / DAY)
    assert (state.started_at, state.period_end) == (sold, date("2036-06-28"))


@pytest.mark.parametrize(("kind", "status"), [("disputed", "disputed"), ("payment_failed", "past_due")])
def test_state_of_an_interruption_began_with_it(kind: str, status: str) -> None:
    state = amounts_to(fact("purchased"), fact(kind, 20), fact("paid", 10), now=30)
    assert (state.status, state.changed_at) == (status, at(20))
