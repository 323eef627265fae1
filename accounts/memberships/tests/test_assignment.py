"""Which purchase a fact is about: the rules row by row, each with its neighbours."""

import pytest

from accounts.memberships.facts import Fact
from accounts.memberships.purchase_state import Question
from accounts.memberships.tests.builders import days_with_access, fact, last_assigned, staff

A = fact("purchased", purchase="p1", book="relay", key="A")
B = fact("purchased", 100, purchase="p2", book="relay", key="B")
BARE_A, BARE_B = fact("purchased", key="A"), fact("purchased", 100, key="B")
ENDS = ["payment_failed", "paused", "canceled", "expired", "disputed", "refunded"]


def rule(*facts: Fact) -> tuple[str, str, bool]:
    """Return the keys of the purchases that took the last fact, the rule, and whether staff are asked."""
    taken = last_assigned(*facts)
    return "".join(taken.purchases), taken.rule, taken.question == Question.WHICH_PURCHASE


# Ids ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["purchase", "subscription", "order", "transaction"])
@pytest.mark.parametrize("kind", [*ENDS, "paid", "renewed", "purchased", "resumed", "confirmed", "dispute_lost"])
def test_fact_that_names_an_id_is_about_its_purchase(name: str, kind: str) -> None:
    one = fact("purchased", key="A", **{name: "x"})
    other = fact("purchased", 100, key="B", **{name: "y"})
    assert rule(one, other, fact(kind, 150, key="F", **{name: "x"})) == ("A", "id", False)
    assert rule(one, other, fact(kind, 150, key="F", **{name: "y"})) == ("B", "id", False)


def test_more_exact_id_decides() -> None:
    one = fact("purchased", key="A", purchase="p1", subscription="s1", transaction="t1")
    other = fact("purchased", 100, key="B", purchase="p2", subscription="s2", transaction="t2")
    assert rule(one, other, fact("refunded", 150, purchase="p1", subscription="s2", transaction="t2"))[0] == "A"
    assert rule(one, other, fact("refunded", 150, subscription="s1", transaction="t2"))[0] == "A"


def test_id_of_another_book_is_the_same_id() -> None:
    assert rule(A, B, fact("refunded", 150, purchase="p1", book="api")) == ("A", "id", False)


def test_id_that_two_purchases_have_is_about_one() -> None:
    answered = fact("renewed", 150, purchase="p1", book="relay", chosen="B")
    assert rule(A, B, answered, fact("refunded", 160, purchase="p1", book="relay"))[:2] == ("B", "id")


def test_id_learnt_on_the_way_is_known() -> None:
    renewal = fact("renewed", 150, purchase="p1", subscription="s1", book="relay")
    assert rule(A, B, renewal, fact("canceled", 160, subscription="s1", book="relay")) == ("A", "id", False)


@pytest.mark.parametrize("shared", ["order", "transaction"])
@pytest.mark.parametrize("kind", ["purchased", "refunded", "canceled", "renewed"])
def test_two_purchases_of_one_order_or_charge_are_two(shared: str, kind: str) -> None:
    one = fact("purchased", key="A", purchase="p1", **{shared: "x"})
    assert rule(one, fact(kind, 0.001, key="F", purchase="p2", **{shared: "x"})) == ("F", "new", False)


def test_new_purchase_id_of_a_known_subscription_is_the_subscriptions() -> None:
    one = fact("purchased", key="A", purchase="p1", subscription="s1")
    assert rule(one, fact("renewed", 360, purchase="p2", subscription="s1"))[:2] == ("A", "id")


@pytest.mark.parametrize("kind", ENDS)
def test_unknown_id_of_the_same_book_is_of_another_purchase(kind: str) -> None:
    unknown = fact(kind, 150, key="F", purchase="p9", book="relay")
    assert rule(A, unknown) == ("F", "new", False)
    assert days_with_access(A, unknown)[:1] == [0]
    assert 368 in days_with_access(A, unknown)


@pytest.mark.parametrize("kind", ["renewed", "paid", "purchased"])
def test_payment_of_an_unknown_purchase_of_the_same_book_begins_one(kind: str) -> None:
    assert rule(A, fact(kind, 150, key="F", purchase="p9", book="relay")) == ("F", "new", False)


@pytest.mark.parametrize("kind", [*ENDS, "renewed", "paid"])
def test_unknown_id_of_another_book_can_be_the_only_purchase(kind: str) -> None:
    assert rule(A, fact(kind, 150, purchase="981", book="api")) == ("A", "only", False)


# One sale or two ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 0.003, 3])
def test_sales_of_three_days_without_contradicting_ids_are_one(days: float) -> None:
    assert rule(BARE_A, fact("purchased", days, key="F")) == ("A", "same_sale", False)
    assert rule(BARE_A, fact("purchased", days, key="F", purchase="p1")) == ("A", "same_sale", False)
    assert rule(A, fact("purchased", days, key="F", purchase="981", book="api")) == ("A", "same_sale", False)
    assert rule(A, fact("renewed", days, key="F", purchase="981", book="api")) == ("A", "same_sale", False)


def test_sales_more_than_three_days_apart_are_two() -> None:
    assert rule(BARE_A, fact("purchased", 3.01, key="F")) == ("F", "new", False)


@pytest.mark.parametrize("name", ["purchase", "subscription", "transaction"])
def test_sales_with_other_ids_of_one_book_are_two(name: str) -> None:
    one = fact("purchased", key="A", book="relay", **{name: "x"})
    assert rule(one, fact("purchased", 0.003, key="F", book="relay", **{name: "y"})) == ("F", "new", False)


def test_sales_of_two_offers_are_two() -> None:
    one = fact("purchased", key="A", offer="o1", book="relay")
    assert rule(one, fact("purchased", 1, key="F", offer="o2", book="relay")) == ("F", "new", False)
    assert rule(one, fact("purchased", 1, key="F", offer="41", book="api")) == ("A", "same_sale", False)
    assert rule(one, fact("purchased", 1, key="F", book="relay")) == ("A", "same_sale", False)


@pytest.mark.parametrize("end", ["refunded", "expired"])
def test_sale_after_the_first_ended_is_another(end: str) -> None:
    assert rule(BARE_A, fact(end, 1), fact("purchased", 2, key="F")) == ("F", "new", False)


def test_sale_is_the_nearest_of_two() -> None:
    other = fact("purchased", 2, key="B", purchase="p2", book="relay")
    assert rule(A, other, fact("purchased", 2.5, key="F", purchase="981", book="api"))[0] == "B"
    assert rule(A, other, fact("purchased", 3, key="F", purchase="981", book="api"))[0] == "B"


# Renewals and payments without ids ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["renewed", "paid"])
def test_payment_without_ids_is_of_the_only_purchase(kind: str) -> None:
    for day in (10, 200, 365, 500):
        assert rule(A, fact(kind, day)) == ("A", "only", False)
    assert rule(A, fact("expired", 10), fact(kind, 20)) == ("A", "only", False)
    assert rule(fact(kind, 20, key="F")) == ("F", "new", False)


@pytest.mark.parametrize("kind", ["renewed", "paid"])
def test_payment_without_ids_is_of_the_purchase_that_ends_nearest(kind: str) -> None:
    assert rule(A, B, fact(kind, 364)) == ("A", "nearest", False)
    assert rule(A, B, fact(kind, 464)) == ("B", "nearest", False)


def test_payment_that_two_purchases_await_is_taken_by_one_and_is_a_question() -> None:
    near = fact("purchased", 2, key="B", purchase="p2", book="relay")
    assert rule(A, near, fact("renewed", 365)) == ("A", "nearest", True)
    assert rule(A, near, fact("renewed", 380)) == ("B", "nearest", True)
    near = fact("purchased", 3, key="B", purchase="p2", book="relay")
    assert rule(A, near, fact("renewed", 365)) == ("A", "nearest", True)
    near = fact("purchased", 4, key="B", purchase="p2", book="relay")
    assert rule(A, near, fact("renewed", 365)) == ("A", "nearest", False)


def test_payment_is_of_the_purchase_with_its_offer() -> None:
    one, other = fact("purchased", key="A", offer="o1"), fact("purchased", 100, key="B", offer="o2")
    assert rule(one, other, fact("renewed", 364, offer="o2")) == ("B", "offer", False)
    assert rule(one, other, fact("renewed", 464, offer="o1")) == ("A", "offer", False)
    assert rule(one, other, fact("renewed", 364, offer="o9")) == ("A", "nearest", False)


@pytest.mark.parametrize("end", ["refunded", "canceled", "expired"])
def test_payment_is_not_of_what_ended_while_another_runs(end: str) -> None:
    assert rule(A, B, fact(end, 120, purchase="p1"), fact("renewed", 364))[0] == "B"
    assert rule(A, B, fact(end, 120, purchase="p2"), fact("renewed", 464))[0] == "A"


def test_payment_is_of_what_expired_rather_than_of_what_was_refunded() -> None:
    told = (A, B, fact("refunded", 120, purchase="p1"), fact("expired", 130, purchase="p2"))
    assert rule(*told, fact("renewed", 364))[0] == "B"


def test_payment_is_of_a_sale_rather_than_of_a_note() -> None:
    note = fact("refunded", 1, key="N", purchase="p9", book="relay")
    assert rule(A, note, fact("renewed", 365)) == ("A", "only", False)
    assert rule(note, fact("renewed", 365)) == ("N", "only", False)


# What happens to a purchase, without ids ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ENDS)
def test_event_without_ids_is_about_the_only_purchase(kind: str) -> None:
    assert rule(A, fact(kind, 150)) == ("A", "only", False)
    assert rule(fact(kind, 150, key="F")) == ("F", "new", False)


@pytest.mark.parametrize("kind", ENDS)
def test_event_that_could_be_about_two_ends_neither(kind: str) -> None:
    assert rule(A, B, fact(kind, 150)) == ("", "unclear", True)
    assert days_with_access(A, B, fact(kind, 150)) == [0, 468]


@pytest.mark.parametrize("kind", ENDS)
def test_event_is_not_about_what_it_cannot_happen_to(kind: str) -> None:
    ended = fact("refunded", 120, purchase="p1")
    expected = ("", "unclear", True) if kind == "disputed" else ("B", "only", False)
    assert rule(A, B, ended, fact(kind, 150)) == expected


@pytest.mark.parametrize(("kind", "is_other"), [("canceled", True), ("paused", True), ("payment_failed", True)])
def test_event_is_not_about_what_is_canceled_already(kind: str, is_other: bool) -> None:
    assert rule(A, B, fact("canceled", 120, purchase="p1"), fact(kind, 150))[0] == ("B" if is_other else "")


@pytest.mark.parametrize("kind", ["refunded", "expired", "disputed"])
def test_what_is_canceled_can_still_be_ended(kind: str) -> None:
    assert rule(A, B, fact("canceled", 120, purchase="p1"), fact(kind, 150)) == ("", "unclear", True)


def test_cancellation_is_not_of_what_has_run_out() -> None:
    assert rule(A, B, fact("canceled", 400)) == ("B", "only", False)
    assert rule(A, B, fact("paused", 400)) == ("B", "only", False)
    assert rule(A, B, fact("canceled", 366)) == ("", "unclear", True)


def test_expiry_is_of_the_purchase_that_ends_then() -> None:
    assert rule(A, B, fact("expired", 365)) == ("A", "nearest", False)
    assert rule(A, B, fact("expired", 368)) == ("A", "nearest", False)
    assert rule(A, B, fact("expired", 464)) == ("B", "nearest", False)
    assert rule(A, B, fact("expired", 300)) == ("", "unclear", True)


def test_expiry_is_of_the_purchase_whose_cancellation_ends_then() -> None:
    assert rule(A, B, fact("canceled", 120, ends=200, purchase="p2"), fact("expired", 200)) == ("B", "nearest", False)


def test_expiry_at_the_end_of_two_is_a_question() -> None:
    near = fact("purchased", 1, key="B", purchase="p2", book="relay")
    assert rule(A, near, fact("expired", 365)) == ("", "unclear", True)


def test_event_is_about_the_purchase_of_its_offer() -> None:
    one, other = fact("purchased", key="A", offer="o1"), fact("purchased", 100, key="B", offer="o2")
    assert rule(one, other, fact("refunded", 150, offer="o1")) == ("A", "offer", False)
    assert rule(one, other, fact("refunded", 150, offer="o9")) == ("", "unclear", True)
    third = fact("purchased", 120, key="C", offer="o2")
    assert rule(one, other, third, fact("refunded", 150, offer="o2")) == ("", "unclear", True)
    assert rule(one, other, third, fact("resumed", 150, offer="o2")) == ("C", "unclear", True)


def test_resumption_that_could_be_of_two_of_its_offer_is_a_question() -> None:
    sold = [fact("purchased", 4 * number, key=key, offer=f"o{number % 2}") for number, key in enumerate("ABCD")]
    ended = staff("expired", 100)
    assert rule(*sold, ended, fact("resumed", 150, offer="o1")) == ("B", "unclear", True)
    assert rule(*sold, ended, fact("refunded", 150, offer="o1")) == ("", "unclear", True)


def test_offer_of_another_book_says_nothing() -> None:
    one = fact("purchased", key="A", offer="o1", book="relay")
    assert rule(one, fact("refunded", 150, offer="41", book="api")) == ("A", "only", False)


def test_event_of_an_offer_that_the_only_purchase_is_not_of_is_a_question() -> None:
    one = fact("purchased", key="A", offer="o1")
    assert rule(one, fact("refunded", 150, offer="o9")) == ("", "unclear", True)
    assert rule(one, fact("confirmed", 150, offer="o9")) == ("A", "unclear", True)


def test_event_that_fits_nothing_is_noted_on_the_only_purchase_and_else_is_a_question() -> None:
    assert rule(A, fact("canceled", 10), fact("canceled", 12)) == ("A", "only", False)
    both = (A, B, fact("canceled", 120, purchase="p1"), fact("canceled", 121, purchase="p2"))
    assert rule(*both, fact("canceled", 130)) == ("", "unclear", True)


@pytest.mark.parametrize("kind", ["dispute_won", "dispute_lost"])
def test_end_of_a_dispute_is_of_the_disputed_purchase(kind: str) -> None:
    assert rule(A, B, fact("disputed", 120, purchase="p1"), fact(kind, 150)) == ("A", "only", False)
    assert rule(A, B, fact("disputed", 120, purchase="p2"), fact(kind, 150)) == ("B", "only", False)
    assert rule(A, B, fact("disputed", 120, purchase="p2"), fact("disputed", 150))[0] == "A"


@pytest.mark.parametrize("end", ["canceled", "paused", "expired", "refunded"])
def test_resumption_is_of_what_was_interrupted(end: str) -> None:
    assert rule(A, B, fact(end, 120, purchase="p1"), fact("resumed", 150)) == ("A", "only", False)


def test_resumption_is_not_of_what_was_refunded_while_another_was_interrupted() -> None:
    told = (A, B, fact("refunded", 120, purchase="p1"), fact("canceled", 110, purchase="p2"))
    assert rule(*told, fact("resumed", 150)) == ("B", "only", False)


def test_resumption_that_could_be_of_two_gives_access_and_is_a_question() -> None:
    told = (A, B, fact("expired", 120, purchase="p1"), fact("expired", 110, purchase="p2"))
    assert rule(*told, fact("resumed", 150)) == ("A", "unclear", True)
    assert days_with_access(*told, fact("resumed", 150))[:4] == [0, 120, 150, 368]


def test_confirmation_is_of_what_runs() -> None:
    for end in ("refunded", "expired"):
        assert rule(A, B, fact(end, 120, purchase="p1"), fact("confirmed", 150)) == ("B", "only", False)
    told = (A, B, fact("refunded", 120, purchase="p2"), fact("expired", 130, purchase="p1"))
    assert rule(*told, fact("confirmed", 150)) == ("A", "only", False)
    assert rule(A, B, fact("confirmed", 150)) == ("B", "unclear", True)


def test_event_is_never_about_a_grant() -> None:
    grant = staff("extended", 1, ends=300)
    assert rule(grant, A, fact("expired", 100))[0] == "A"
    assert rule(grant, fact("renewed", 100, key="F"))[0] == "F"
    assert days_with_access(grant, fact("canceled", 100, key="F"))[0] == 1
