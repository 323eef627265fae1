"""Actions of staff: grants beside purchases, ending all of them, shortening, and answers to questions."""

import pytest

from accounts.memberships.purchase_state import Question
from accounts.memberships.subscription_state import history_of
from accounts.memberships.tests.builders import (
    ANNUAL,
    MONTHLY,
    START,
    amounts_to,
    assigned,
    at,
    date,
    days_with_access,
    fact,
    last_assigned,
    paid_until,
    shown,
    staff,
)

SALE = fact("purchased", purchase="p1")
OTHER = fact("purchased", 100, purchase="p2")


def test_grant_runs_beside_the_purchase_and_changes_nothing_of_it() -> None:
    history = history_of([SALE, staff("extended", 10, ends=500)], plan=ANNUAL)
    assert [(one.is_grant, one.paid_until) for one in history.purchases] == [(False, at(365)), (True, at(500))]
    assert days_with_access(SALE, staff("extended", 10, ends=500)) == [0, 500]
    assert days_with_access(SALE, staff("extended", 10, ends=300)) == [0, 368]


def test_grant_alone_gives_access_until_its_end_without_grace() -> None:
    assert days_with_access(staff("extended", 10, ends=40)) == [10, 40]
    assert amounts_to(staff("extended", 10, ends=40), now=20).status == "active"


@pytest.mark.parametrize("kind", ["refunded", "expired", "canceled", "dispute_lost", "disputed", "paused"])
def test_end_of_the_purchase_leaves_the_grant(kind: str) -> None:
    told = (SALE, staff("extended", 10, ends=300), fact(kind, 20, purchase="p1"))
    assert shown(*told, now=299) == ("active", True)
    unnamed = (SALE, staff("extended", 10, ends=300), fact(kind, 20))
    assert shown(*unnamed, now=299) == ("active", True)


@pytest.mark.parametrize("kind", ["expired", "canceled", "refunded"])
def test_grant_gives_access_after_the_purchase_ended(kind: str) -> None:
    told = (SALE, fact(kind, 10), staff("extended", 20, ends=500))
    assert shown(*told, now=30) == ("active", True)
    assert paid_until(*told, now=30) == at(500)


def test_renewal_after_a_grant_is_counted_from_the_purchases_own_end() -> None:
    told = (SALE, staff("extended", 10, ends=500), fact("renewed", 365))
    assert paid_until(*told, now=370) == START.replace(year=2028)


def test_message_without_ids_never_takes_a_grant() -> None:
    told = (staff("extended", 1, ends=100), fact("expired", 10), fact("purchased", 20))
    assert [one.purchases for one in assigned(*told)] == [[one.key] for one in told]


def test_second_grant_never_shortens_the_first() -> None:
    told = (staff("extended", 1, ends=100), staff("extended", 10, ends=50))
    assert days_with_access(*told) == [1, 100]
    assert days_with_access(*told, staff("extended", 20, ends=200)) == [1, 200]
    assert (last_assigned(*told).purchases, last_assigned(*told).rule) == (["staff:extended-1"], "every")


def test_grant_after_a_grant_was_ended_lasts_until_its_own_end() -> None:
    told = (staff("extended", 1, ends=100), staff("expired", 10), staff("extended", 20, ends=50))
    assert days_with_access(*told)[-1] == 50


@pytest.mark.parametrize(("leaves", "until"), [(None, 100), (80, 80), (30, 50)])
def test_grant_never_shortens_what_a_cancellation_left(leaves: int | None, until: int) -> None:
    """A grant that is canceled runs until its end, or until the day to which staff shortened it."""
    told = (staff("extended", 1, ends=100), staff("canceled", 10, ends=leaves))
    assert days_with_access(*told, staff("extended", 20, ends=50)) == [1, until]


@pytest.mark.parametrize(("leaves", "until"), [(500, 500), (100, 400)])
def test_extension_never_shortens_a_purchase_that_a_cancellation_left_running(leaves: int, until: int) -> None:
    told = (SALE, fact("canceled", 5, ends=leaves, purchase="p1"), fact("extended", 10, ends=400, purchase="p1"))
    assert paid_until(*told, now=20) == at(until)
    unknown = (fact("canceled", 5, ends=leaves, purchase="p9"), fact("extended", 10, ends=400, purchase="p9"))
    assert paid_until(*unknown, now=20) == at(until)


def test_grant_of_days_after_an_endless_one_was_canceled_leaves_it_endless() -> None:
    endless = fact("purchased", purchase="p1", billing="lifetime")
    told = (endless, fact("canceled", 5, purchase="p1"), fact("extended", 10, ends=50, purchase="p1"))
    assert shown(*told, now=9000)[1]


def test_extension_that_names_a_purchase_never_shortens_it() -> None:
    extension = fact("extended", 10, ends=50, purchase="p1")
    assert days_with_access(SALE, extension) == [0, 368]
    endless = fact("purchased", purchase="p1", billing="lifetime")
    assert shown(endless, extension, now=9000) == ("active", True)


def test_grant_after_a_gap_begins_anew() -> None:
    told = (staff("extended", 1, ends=10), staff("extended", 20, ends=50))
    assert days_with_access(*told) == [1, 10, 20, 50]
    assert amounts_to(*told, now=30).started_at == at(1)


# Ending all -----------------------------------------------------------------------------------------------------------

BESIDE = (SALE, OTHER, staff("extended", 110, ends=600))


def test_staff_end_everything_at_once() -> None:
    told = (*BESIDE, staff("expired", 120))
    assert days_with_access(*told) == [0, 120]
    assert set(last_assigned(*told).purchases) == {SALE.key, OTHER.key, "staff:extended-110"}
    assert (last_assigned(*told).rule, last_assigned(*told).question) == ("every", "")


def test_staff_cancel_and_each_purchase_lasts_as_long_as_it_was_paid() -> None:
    assert days_with_access(*BESIDE, staff("canceled", 120)) == [0, 600]
    assert days_with_access(*BESIDE[:2], staff("canceled", 120)) == [0, 465]


@pytest.mark.parametrize("day", [130, 300, 400, 599])
def test_staff_shorten_everything_to_a_day(day: int) -> None:
    assert days_with_access(*BESIDE, staff("canceled", 120, ends=day)) == [0, day]


def test_shortening_extends_no_purchase() -> None:
    canceled = fact("canceled", 10, ends=200, purchase="p1")
    told = (SALE, canceled, OTHER, staff("canceled", 120, ends=300))
    history = history_of(told, plan=ANNUAL)
    assert [one.ends_at for one in history.purchases] == [at(200), at(300)]
    assert days_with_access(*told, fact("refunded", 210, purchase="p2")) == [0, 210]


def test_shortening_of_several_extends_the_shorter_by_nothing() -> None:
    told = (SALE, OTHER, staff("canceled", 120, ends=420))
    assert [one.ends_at for one in history_of(told, plan=ANNUAL).purchases] == [at(368), at(420)]
    assert days_with_access(*told, fact("refunded", 410, purchase="p2")) == [0, 410]


def test_shortening_of_a_paused_purchase_gives_it_no_grace_days() -> None:
    assert days_with_access(SALE, fact("paused", 10), staff("canceled", 20, ends=367)) == [0, 365]


def test_grant_without_an_end_has_none_after_one_that_had() -> None:
    told = (staff("extended", 0, ends=30), staff("extended", 1))
    assert paid_until(*told, now=50) is None
    assert shown(*told, now=50) == ("active", True)
    assert paid_until(*told, staff("extended", 2, ends=40), now=50) is None


def test_money_that_staff_assign_to_a_grant_counts_from_its_end() -> None:
    given = staff("extended", 0, ends=70)  # 31 March
    told = [given, *(fact("renewed", day, key=f"r{day}", chosen=given.key) for day in (70, 100))]
    assert paid_until(*told, now=101, plan=MONTHLY) == date("2026-05-31")


def test_shortening_in_the_grace_days_lasts_until_its_day() -> None:
    assert days_with_access(SALE, staff("canceled", 366, ends=367)) == [0, 367]


def test_shortening_gives_no_access_to_what_was_never_bought() -> None:
    note = fact("payment_failed", 1, purchase="p9")
    for action in (staff("canceled", 5, ends=50), staff("canceled", 5)):
        assert shown(note, action, now=10) == ("expired", False)


def test_shortening_counts_for_a_cancellation_of_an_unknown_purchase() -> None:
    assert days_with_access(fact("canceled", 1), staff("canceled", 5, ends=10)) == [1, 10]


def test_payment_after_staff_ended_it_gives_access_again() -> None:
    assert shown(SALE, staff("expired", 10), fact("renewed", 365), now=366) == ("active", True)


# Answers --------------------------------------------------------------------------------------------------------------

DOUBT = fact("refunded", 150, key="doubt")


def test_end_that_could_be_of_two_purchases_ends_neither_and_is_a_question() -> None:
    assert days_with_access(SALE, OTHER, DOUBT) == [0, 468]
    assert last_assigned(SALE, OTHER, DOUBT).question == Question.WHICH_PURCHASE
    assert last_assigned(SALE, OTHER, DOUBT).purchases == []


@pytest.mark.parametrize(("answer", "until"), [(SALE, 468), (OTHER, 368)])
def test_answer_of_staff_assigns_the_fact(answer: object, until: int) -> None:
    chosen = fact("refunded", 150, key="doubt", chosen=answer.key)  # type: ignore[attr-defined]
    assert days_with_access(SALE, OTHER, chosen) == [0, until]
    taken = last_assigned(SALE, OTHER, chosen)
    assert (taken.rule, taken.question) == ("staff", "")


def test_answer_wins_over_ids() -> None:
    chosen = fact("refunded", 150, purchase="p1", chosen=OTHER.key)
    assert last_assigned(SALE, OTHER, chosen).purchases == [OTHER.key]


def test_answer_may_name_any_fact_of_the_purchase() -> None:
    renewal = fact("renewed", 120, purchase="p2")
    assert last_assigned(SALE, OTHER, renewal, fact("refunded", 150, chosen=renewal.key)).purchases == [OTHER.key]


def test_answer_that_names_an_action_on_all_is_about_one_purchase() -> None:
    ended = staff("expired", 120)
    renewal = fact("renewed", 150, chosen=ended.key)
    assert last_assigned(SALE, OTHER, ended, renewal).purchases == [SALE.key]


def test_answer_that_names_no_known_fact_leaves_the_rules() -> None:
    assert last_assigned(SALE, fact("refunded", 150, chosen="gone")).rule == "only"


def test_staffs_message_with_ids_is_about_its_purchase() -> None:
    one = fact("expired", 150, key="staff:1", purchase="p1")
    assert last_assigned(SALE, OTHER, one).purchases == [SALE.key]
