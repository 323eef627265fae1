"""Orders, payments and form answers: kept once; what a later report adds is filled in."""

from typing import Any

import pytest

from accounts.commerce import orders
from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment
from accounts.people.tests.people import at, person

pytestmark = pytest.mark.django_db


def order(**columns: Any) -> Order:
    known = {"provider": "kajabi", "external_id": "7", "currency": "USD", "total": 29900, "placed_at": at(0)}
    return Order(**({"contact": person()} | known | columns))


def payment(**columns: Any) -> Payment:
    known = {"provider": "kajabi", "external_id": "8", "kind": "charge", "amount": 29900, "currency": "USD"}
    return Payment(**({"contact": person(), "occurred_at": at(0)} | known | columns))


def line(external_id: str = "1", total: int = 29900) -> OrderLine:
    return OrderLine(external_id=external_id, title="Membership", total=total)


def test_order_is_stored_once_with_its_lines() -> None:
    first, again = order(), order(total=1)
    assert orders.store_order(first, [line("1", 20000), line("2", 9900)]) is True
    assert orders.store_order(again, [line("1", 1), line("2", 1)]) is False
    assert (again.pk, Order.objects.get().total) == (first.pk, 29900)
    assert list(OrderLine.objects.values_list("external_id", "total")) == [("1", 20000), ("2", 9900)]


def test_line_of_a_later_report_is_added() -> None:
    orders.store_order(order(), [line("1")])
    orders.store_order(order(), [line("1"), line("2")])
    assert list(Order.objects.get().lines.values_list("external_id", flat=True)) == ["1", "2"]


def test_same_id_at_another_provider_is_another_order() -> None:
    assert orders.store_order(order(), []) is True
    assert orders.store_order(order(provider="gohighlevel"), []) is True
    assert Order.objects.count() == 2


def test_transaction_is_stored_once() -> None:
    first, again = payment(), payment(amount=1)
    assert (orders.store_payment(first), orders.store_payment(again)) == (True, False)
    assert (again.pk, Payment.objects.get().amount) == (first.pk, 29900)


def test_reports_of_a_transaction_complete_each_other() -> None:
    orders.store_payment(payment(external_order_id="7"))
    assert orders.store_payment(payment(purchase_ids=["3"], state="succeeded")) is True
    assert orders.store_payment(payment()) is False
    kept = Payment.objects.get()
    assert (kept.external_order_id, kept.purchase_ids, kept.state) == ("7", ["3"], "succeeded")


@pytest.mark.parametrize("told", [(["2"], ["1", "3"]), (["1", "3"], ["2"])])
def test_transaction_has_all_reported_purchases(told: tuple[list[str], list[str]]) -> None:
    for purchase_ids in told:
        orders.store_payment(payment(purchase_ids=purchase_ids))
    assert Payment.objects.get().purchase_ids == ["1", "2", "3"]
    assert orders.store_payment(payment(purchase_ids=["3", "3"])) is False


def test_refund_is_negative_and_large_amounts_are_exact() -> None:
    orders.store_payment(payment(kind="refund", amount=-(10**14)))
    assert Payment.objects.get().amount == -100000000000000


def test_answers_are_stored_once() -> None:
    def answered(size: str) -> FormSubmission:
        return FormSubmission(
            contact=person(), provider="kajabi", external_id="9", answers={"size": size}, submitted_at=at(0)
        )

    first, again = answered("M"), answered("L")
    assert (orders.store_submission(first), orders.store_submission(again)) == (True, False)
    assert (again.pk, FormSubmission.objects.get().answers) == (first.pk, {"size": "M"})


@pytest.mark.django_db(transaction=True)
def test_order_reported_by_ten_workers_at_once_is_one_order(at_once: Any) -> None:
    jane = person()
    results = at_once([lambda: orders.store_order(order(contact=jane), [line("1"), line("2")])] * 10)
    assert sorted(map(str, results)) == ["False"] * 9 + ["True"]
    assert (Order.objects.count(), OrderLine.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_transaction_reported_in_parts_by_ten_workers_has_all_parts(at_once: Any) -> None:
    jane = person()
    at_once(
        [
            lambda number=number: orders.store_payment(payment(contact=jane, purchase_ids=[str(number)]))
            for number in range(10)
        ]
    )
    assert Payment.objects.get().purchase_ids == [str(number) for number in range(10)]
