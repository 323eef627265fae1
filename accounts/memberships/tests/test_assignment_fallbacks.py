"""Which purchase money is about where little is said, or where nothing fits well: it is taken, and never lost."""

import pytest

from accounts.memberships.tests.builders import fact
from accounts.memberships.tests.test_assignment import BARE_A, A, B, rule


@pytest.mark.parametrize("end", ["refunded", "canceled", "expired"])
@pytest.mark.parametrize("kind", ["renewed", "paid"])
def test_payment_after_everything_ended_is_of_the_nearest(kind: str, end: str) -> None:
    told = (A, B, fact(end, 120, purchase="p1"), fact(end, 121, purchase="p2"))
    assert rule(*told, fact(kind, 364)) == ("A", "nearest", False)
    assert rule(*told, fact(kind, 464)) == ("B", "nearest", False)


def test_payment_is_of_the_refunded_sale_rather_than_of_a_note() -> None:
    note = fact("payment_failed", 1, key="N", purchase="p9", book="relay")
    assert rule(note, A, fact("refunded", 10, purchase="p1"), fact("paid", 20)) == ("A", "only", False)


def test_payment_without_an_id_is_of_what_is_due_rather_than_of_what_was_just_sold() -> None:
    new = fact("purchased", 364, purchase="p2", book="relay", key="B")
    assert rule(A, new, fact("paid", 365)) == ("A", "nearest", False)
    assert rule(A, new, fact("paid", 365, purchase="981", book="api"))[:2] == ("B", "same_sale")


def test_offer_decides_nothing_where_all_are_of_it() -> None:
    one, other = fact("purchased", key="A", offer="o1"), fact("purchased", 100, key="B", offer="o1")
    assert rule(one, fact("renewed", 364, offer="o1")) == ("A", "only", False)
    assert rule(one, other, fact("renewed", 364, offer="o1")) == ("A", "nearest", False)


def test_sale_reported_again_without_its_charge_is_the_same() -> None:
    sold = fact("purchased", key="A", transaction="t1", book="relay")
    assert rule(sold, fact("purchased", 1, book="relay")) == ("A", "same_sale", False)
    assert rule(BARE_A, fact("purchased", 1, transaction="t1", book="relay")) == ("A", "same_sale", False)
