"""Orders, payments, form answers and policies in the console: found, shown in money, never written."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.commerce import orders
from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment, Policy
from accounts.people.models import Contact
from accounts.people.tests.people import at, person
from accounts.people.tests.test_contact_duplicates import purchase
from accounts.tests.admin_clients import clerk, link_to, page_of, signed_in
from accounts.tests.presses import list_of, queries_of, rows_of
from tests.harness.statements import counts_a_table

MODELS = [Order, Payment, FormSubmission, Policy]
pytestmark = pytest.mark.django_db


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def jane() -> Contact:
    jane = person(aliases=["jane@work.example.com"], first_name="Jane")
    purchase(jane, "701")
    return jane


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("search", ["701", " JANE@exam", "jane@work"])
def test_rows_are_found_by_their_id_and_by_the_persons_address(
    search: str, model: Any, console: Client, jane: Contact
) -> None:
    purchase(person("bob@example.com"), "702")
    assert rows_of(console, model, q=search) == [model.objects.get(external_id="701")]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("search", ["70", "nobody@example.com", "%", "' OR 1=1 --"])
def test_nothing_else_finds_them(search: str, model: Any, console: Client, jane: Contact) -> None:
    assert rows_of(console, model, q=search) == []


def test_order_is_found_by_its_number(console: Client, jane: Contact) -> None:
    Order.objects.update(number="A-1")
    assert rows_of(console, Order, q="A-1") == [Order.objects.get()]


@pytest.mark.parametrize("model", MODELS)
def test_rows_of_one_person_are_a_list(model: Any, console: Client, jane: Contact) -> None:
    purchase(person("bob@example.com"), "702")
    assert rows_of(console, model, contact__exact=jane.pk) == [model.objects.get(contact=jane)]
    assert rows_of(console, model, provider="nowhere") == []
    assert len(rows_of(console, model, provider="kajabi")) == 2


def test_payments_are_filtered_by_their_kind(console: Client, jane: Contact) -> None:
    assert rows_of(console, Payment, kind__exact="refund") == []
    assert rows_of(console, Payment, kind__exact="charge") == [Payment.objects.get()]


def test_order_is_shown_with_its_lines_in_its_currency(console: Client, jane: Contact) -> None:
    order = Order(contact=jane, provider="kajabi", external_id="8", currency="JPY", total=15000, placed_at=at(0))
    orders.store_order(order, [OrderLine(external_id="1", title="<i>Book</i>", quantity=3, total=5000)])
    page = console.get(page_of(order)).content.decode()
    assert ("15,000 JPY" in page, "5,000 JPY" in page) == (True, True)
    assert "&lt;i&gt;Book&lt;/i&gt;" in page
    assert f'href="{link_to(jane)}"' in page
    listed = console.get(list_of(Order)).content.decode()
    assert ("15,000 JPY" in listed, "299.00 USD" in listed) == (True, True)


def test_refund_is_shown_as_money_that_left(console: Client, jane: Contact) -> None:
    Payment.objects.update(kind="refund", amount=-29900)
    assert "-299.00 USD" in console.get(list_of(Payment)).content.decode()
    assert "-299.00 USD" in console.get(page_of(Payment.objects.get())).content.decode()


def test_answers_are_shown_as_text(console: Client, jane: Contact) -> None:
    FormSubmission.objects.update(answers={"why": "<script>alert(1)</script>"})
    page = console.get(page_of(FormSubmission.objects.get())).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("model", MODELS)
def test_they_are_read_only(model: Any, console: Client, jane: Contact) -> None:
    row = model.objects.get()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert console.get(reverse(f"{name}_add")).status_code == 403
    assert console.post(page_of(row), {"provider": "x"}).status_code == 403
    assert console.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.provider == "kajabi"


@pytest.mark.parametrize("model", MODELS)
def test_who_may_see_contacts_only_sees_none_of_them(model: Any, jane: Contact) -> None:
    client = clerk("view_contact")
    assert client.get(list_of(model)).status_code == 403
    assert client.get(page_of(model.objects.get())).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_list_costs_the_same_for_5_and_for_50_rows_and_counts_nothing(model: Any, console: Client) -> None:
    costs = []
    for first, last in ((0, 5), (5, 50)):
        for number in range(first, last):
            purchase(person(f"p{number}@example.com"), str(number))
        queries = queries_of(console, list_of(model))
        assert [sql for sql in queries if counts_a_table(sql)] == []
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 8
