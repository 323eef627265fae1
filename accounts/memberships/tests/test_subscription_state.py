"""A subscription is the union of its purchases, the same in whatever order its facts are received and however often."""

import pytest

from accounts.memberships.facts import Fact
from accounts.memberships.subscription_state import State, history_of, steps
from accounts.memberships.terms import PlanTerms
from accounts.memberships.tests.builders import (
    ANNUAL,
    MONTHLY,
    START,
    amounts_to,
    at,
    days_with_access,
    fact,
    paid_until,
    shown,
    staff,
)

A, B = fact("purchased", purchase="p1"), fact("purchased", 100, purchase="p2")

# The union ------------------------------------------------------------------------------------------------------------


def test_access_lasts_until_the_latest_end() -> None:
    state = amounts_to(A, B, now=150)
    assert (state.started_at, state.period_start, state.period_end) == (START, at(100), at(465))
    assert (state.access_from, state.access_until) == (START, at(468))


@pytest.mark.parametrize("kind", ["refunded", "expired", "canceled", "paused", "disputed", "dispute_lost"])
@pytest.mark.parametrize(("purchase", "until"), [("p1", 468), ("p2", 368)])
def test_end_of_one_purchase_leaves_the_other(kind: str, purchase: str, until: int) -> None:
    told = (A, B, fact(kind, 150, purchase=purchase))
    assert shown(*told, now=160) == ("active", True)
    assert days_with_access(*told)[0] == 0
    assert days_with_access(*told)[-1] in (until, 465)


def test_switch_keeps_the_new_purchase() -> None:
    told = (A, fact("purchased", 362, purchase="p2"), fact("expired", 365, purchase="p1"))
    assert shown(*told, now=370) == ("active", True)
    assert paid_until(*told, now=370) == at(362).replace(year=2028)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ((A, fact("canceled", 10, purchase="p1"), B), "active"),
        ((A, fact("canceled", 10, purchase="p1"), fact("purchased", 20, purchase="p2", trial_days=200)), "trialing"),
        ((A, fact("canceled", 10, purchase="p1"), B, fact("payment_failed", 110, purchase="p2")), "past_due"),
        ((A, fact("paused", 10, purchase="p1"), B, fact("canceled", 110, purchase="p2")), "canceled"),
        ((A, fact("disputed", 10, purchase="p1"), B, fact("paused", 110, purchase="p2")), "paused"),
        ((A, fact("expired", 10, purchase="p1"), B, fact("disputed", 110, purchase="p2")), "disputed"),
    ],
)
def test_best_purchase_with_access_is_shown(facts: tuple, status: str) -> None:  # type: ignore[type-arg]
    assert shown(*facts, now=120, plan=PlanTerms(disputes="keep")) == (status, True)


def test_scheduled_purchase_is_shown_where_none_gives_access() -> None:
    told = (A, fact("expired", 10, purchase="p1"), fact("purchased", 20, purchase="p2", starts_at=at(60)))
    state = amounts_to(*told, now=30)
    assert (state.status, state.access_from, state.next_change_at) == ("scheduled", at(60), at(60))
    assert days_with_access(*told)[:3] == [0, 10, 60]
    assert amounts_to(A, told[2], now=30).status == "active"


def test_last_purchase_is_shown_where_none_gives_access() -> None:
    told = (A, fact("refunded", 50, purchase="p1"), B, fact("expired", 120, purchase="p2"))
    assert amounts_to(*told, now=200).status == "expired"
    assert amounts_to(*told, fact("refunded", 130, purchase="p2"), now=200).status == "refunded"


def test_note_about_an_unknown_purchase_is_not_shown_before_a_purchase() -> None:
    told = (A, fact("payment_failed", 400, purchase="p9", key="note"), fact("refunded", 10, purchase="p1"))
    assert amounts_to(*told, now=500).status == "refunded"


def test_purchase_that_follows_at_once_makes_one_span_of_access() -> None:
    told = (A, fact("purchased", 10, purchase="p2", starts_at=at(366), ends=700))
    state = amounts_to(*told, now=50)
    assert (state.access_until, state.period_end, state.status) == (at(703), at(700), "active")
    gap = (A, fact("purchased", 10, purchase="p2", starts_at=at(400), ends=700))
    assert amounts_to(*gap, now=50).access_until == at(368)
    assert amounts_to(*gap, now=380).access_from == at(400)


def test_shorter_purchase_that_began_later_ends_nothing() -> None:
    state = amounts_to(A, fact("purchased", 10, purchase="p2", ends=40), now=20)
    assert (state.access_until, state.period_end) == (at(368), at(365))
    assert state.references == {"purchase": "p1"}, "the longer one stands for both"
    longer = amounts_to(A, fact("purchased", 10, purchase="p2", ends=400), now=20)
    assert (longer.access_until, longer.references) == (at(403), {"purchase": "p2"})


def test_end_that_is_in_dispute_is_not_what_is_paid() -> None:
    told = (A, B, fact("disputed", 150, purchase="p2"))
    state = amounts_to(*told, now=160)
    assert (state.status, state.access_until, state.period_end) == ("active", at(368), at(365))


def test_scheduled_purchase_is_shown_also_after_another_expired() -> None:
    told = (fact("purchased", purchase="p1", ends=30), fact("purchased", 20, purchase="p2", starts_at=at(60)))
    assert amounts_to(*told, now=40).status == "scheduled"


def test_note_about_an_unknown_purchase_keeps_its_time() -> None:
    assert amounts_to(fact("payment_failed", 3, purchase="p9"), now=10).changed_at == at(3)


def test_purchase_that_the_clock_ended_is_shown_before_an_unknown_one() -> None:
    sold, canceled = fact("purchased", purchase="p1", ends=30), fact("canceled", 20, purchase="p1")
    note = fact("payment_failed", 200, purchase="p9")
    for told in ((sold,), (sold, canceled)):
        state = amounts_to(*told, note, now=300)
        assert state.references == {"purchase": "p1"}
    assert amounts_to(note, fact("expired", 100, purchase="p8"), now=300).references == {"purchase": "p8"}
    assert amounts_to(note, fact("canceled", 100, purchase="p8"), now=300).references == {"purchase": "p8"}


def deciding(*facts: Fact, now: float) -> str:
    purchase = history_of(facts, plan=ANNUAL).deciding(at(now))
    return purchase.facts[0].references["purchase"] if purchase else ""


def test_deciding_purchase_is_the_one_that_lasts_longest_or_the_last() -> None:
    longer = (fact("purchased", 5, purchase="p2", ends=450), fact("payment_failed", 10, purchase="p2"))
    told = (fact("purchased", purchase="p1", ends=400), *longer)
    assert amounts_to(*told, now=50).status == "active"
    assert deciding(*told, now=50) == "p2", "past due, but it lasts longer than the active one"
    assert deciding(*told, fact("refunded", 20, purchase="p2"), now=50) == "p1"
    assert deciding(*told, fact("refunded", 20, purchase="p1"), fact("refunded", 30, purchase="p2"), now=50) == "p2"
    assert deciding(now=50) == ""


def test_access_without_an_end_wins() -> None:
    state = amounts_to(A, fact("purchased", 10, purchase="p2", billing="lifetime"), now=50)
    assert (state.period_end, state.access_until, state.next_change_at) == (None, None, at(365))


def test_next_change_is_the_first_of_all_purchases() -> None:
    assert amounts_to(A, B, now=150).next_change_at == at(365)
    assert amounts_to(A, B, now=366).next_change_at == at(368)
    assert amounts_to(A, B, now=369).next_change_at == at(465)
    assert amounts_to(A, B, now=500).next_change_at is None


def test_has_access_from_its_first_moment_until_before_its_last() -> None:
    state = amounts_to(A, fact("canceled", 10), now=20)
    assert [state.is_open(at(day)) for day in (-0.01, 0, 364.9, 365)] == [False, True, True, False]
    assert State().is_open(at(0)) is False


def test_started_at_is_the_first_start_that_has_come() -> None:
    told = (fact("purchased", starts_at=at(50), purchase="p1"), fact("purchased", 10, purchase="p2"))
    assert amounts_to(*told, now=20).started_at == at(10)
    assert amounts_to(told[0], now=20).started_at == at(50)
    assert amounts_to(fact("canceled", 10), now=20).started_at == at(10)


def test_member_again_is_a_member_since_the_first_day() -> None:
    told = (A, fact("refunded", 10, purchase="p1"), B)
    assert amounts_to(*told, now=120).started_at == START
    assert amounts_to(*told, now=120).changed_at == at(100)


# Changes of status ----------------------------------------------------------------------------------------------------


def test_time_of_a_change_is_that_of_the_fact_or_of_the_clock() -> None:
    told = (fact("purchased"), fact("canceled", 10), fact("resumed", 20), fact("renewed", 30))
    assert [amounts_to(*told[:number], now=32, plan=MONTHLY).changed_at for number in (1, 2, 3, 4)] == [
        at(31),
        at(31),
        at(31),
        at(20),
    ]
    assert [amounts_to(*told[:number], now=21, plan=MONTHLY).changed_at for number in (1, 2, 3)] == [
        at(0),
        at(10),
        at(20),
    ]


def test_steps_show_the_state_after_each_fact_in_order() -> None:
    facts = (fact("refunded", 30), fact("purchased"), fact("canceled", 10))
    taken = steps(history_of(facts, plan=ANNUAL))
    assert [(one.fact.kind, state.status) for one, state in taken] == [
        ("purchased", "active"),
        ("canceled", "canceled"),
        ("refunded", "refunded"),
    ]
    assert len(history_of([*facts, *facts], plan=ANNUAL).assigned) == 3


def test_facts_of_one_moment_count_in_the_order_of_a_purchases_life() -> None:
    for facts in ((fact("expired", 5), fact("purchased", 5)), (fact("purchased", 5), fact("expired", 5))):
        assert shown(*facts, now=6) == ("expired", False)
    assert shown(fact("resumed", 5), fact("canceled", 5), fact("purchased"), now=6) == ("active", True)


def test_staffs_action_without_a_purchase_changes_nothing() -> None:
    assert amounts_to(staff("expired", 10), now=20) == State()


# Ids ------------------------------------------------------------------------------------------------------------------

RELAY = {"member": "mem_1", "member_kind": "relay", "offer": "off_1"}
CUSTOMER = {"member": "981", "member_kind": "customer", "offer": "41"}


@pytest.mark.parametrize("kind", ["purchased", "paid", "renewed", "canceled", "expired", "refunded", "confirmed"])
@pytest.mark.parametrize("days", [-2, 2])
def test_ids_of_another_book_change_neither_member_nor_offer(kind: str, days: float) -> None:
    facts = [fact("purchased", **RELAY), fact(kind, days, purchase="p_1", **CUSTOMER)]
    for told in (facts, facts[::-1]):
        references = amounts_to(*told, now=3).references
        assert (references["member"], references["offer"]) == ("mem_1", "off_1")


def test_ids_of_another_book_are_shown_where_no_better_are_known() -> None:
    assert amounts_to(fact("purchased", **CUSTOMER), now=1).references["member"] == "981"


def test_new_purchase_brings_its_offer_from_whatever_book() -> None:
    told = (fact("purchased", **RELAY), fact("purchased", 400, **{**CUSTOMER, "offer": "77"}))
    references = amounts_to(*told, now=401).references
    assert (references["member"], references["offer"]) == ("mem_1", "77")


def test_ids_are_those_of_the_purchase_that_is_shown() -> None:
    told = (A, B, fact("refunded", 150, purchase="p2", transaction="t9"))
    references = amounts_to(*told, now=160).references
    assert references == {"purchase": "p1"}
    assert "book" not in amounts_to(fact("purchased", book="relay", purchase="p1"), now=1).references


def test_newest_ids_of_the_best_book_are_shown() -> None:
    told = (fact("purchased", **RELAY), fact("renewed", 365, **{**RELAY, "member": "mem_2", "transaction": "t2"}))
    assert amounts_to(*told, now=366).references["member"] == "mem_2"
    shown_ids = amounts_to(*told, fact("paid", 366, **CUSTOMER, transaction="t3"), now=367).references
    assert (shown_ids["member"], shown_ids["member_kind"], shown_ids["transaction"]) == ("mem_2", "relay", "t3")


def test_id_of_a_member_is_shown_before_that_of_a_customer() -> None:
    member = {"member": "7", "member_kind": "member"}
    for told in (
        (fact("purchased", **CUSTOMER), fact("paid", 1, **member)),
        (fact("purchased", **member), fact("paid", 1, **CUSTOMER)),
    ):
        references = amounts_to(*told, now=2).references
        assert (references["member"], references["member_kind"]) == ("7", "member")
