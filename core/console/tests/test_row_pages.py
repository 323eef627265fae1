"""The bases give every list and row's page headings that name things, short moments, names for edited cells."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from accounts.commerce.models import Order, OrderLine
from accounts.courses.models import Activity
from accounts.memberships.models import Plan, PlanOffer
from accounts.people.models import Contact
from accounts.tests.admin_clients import page_of, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(staff: Any) -> Client:
    client = signed_in(staff)
    client.cookies["django_language"] = "es"
    return client


def headings(page: str) -> list[str]:
    return [re.sub(r"\s+", " ", text).strip() for text in re.findall(r"<h[12]>(.*?)</h[12]>", page, re.DOTALL)]


def test_pages_are_headed_by_what_they_show_and_not_by_a_command(console: Client, plan: Plan) -> None:
    assert headings(console.get("/admin/accounts/plan/").content.decode()) == ["Planes"]
    assert headings(console.get(page_of(plan)).content.decode())[:2] == ["Plan", str(plan)]
    assert headings(console.get("/admin/accounts/plan/add/").content.decode())[0] == "Añadir plan"


def test_moment_of_a_list_is_short_though_it_is_the_models_own_column(console: Client, user: Any) -> None:
    page = console.get("/admin/accounts/user/").content.decode()
    cell = re.search(r'<td class="field-date_joined[^"]*">(.*?)</td>', page)
    assert cell is not None
    assert date_format(localtime(user.date_joined), "SHORT_DATETIME_FORMAT") in cell[1]
    assert f'datetime="{user.date_joined.isoformat()}"' in cell[1]


@pytest.mark.parametrize("is_kept", [True, False], ids=["change", "add"])
def test_each_field_of_a_row_beneath_another_has_a_name(console: Client, plan: Plan, is_kept: bool) -> None:
    PlanOffer.objects.create(plan=plan, external_id="off_9")
    page = console.get(page_of(plan) if is_kept else "/admin/accounts/plan/add/").content.decode()
    fields = re.findall(r'<input (?![^>]*type="hidden")[^>]*name="offers-\d+-[^>]*>', page)
    assert len(fields) >= 2 + 3 * is_kept, "of the offer, to delete it, and of the empty line"
    assert [field for field in fields if "aria-label=" not in field] == []


def test_each_required_course_of_an_activity_has_a_name(console: Client) -> None:
    page = console.get(page_of(Activity.objects.earliest("pk"))).content.decode()
    fields = re.findall(r'<input (?![^>]*type="hidden")[^>]*name="requirements-\d+-[^>]*>', page)
    assert fields
    assert [field for field in fields if "aria-label=" not in field] == []


def test_section_without_rows_is_folded_and_its_heading_says_so(console: Client) -> None:
    order = Order.objects.create(
        contact=Contact.objects.create(),
        provider="kajabi",
        external_id="o1",
        currency="USD",
        total=0,
        placed_at=timezone.now(),
    )
    folded = r'<details class="module"><summary><h2 id="lines-heading"[^>]*>Líneas[^<]*: ninguno</h2></summary>'
    assert re.search(folded, console.get(page_of(order)).content.decode())
    OrderLine.objects.create(order=order, title="A course", total=0)
    page = console.get(page_of(order)).content.decode()
    assert not re.search(folded, page)
    assert "A course" in page
