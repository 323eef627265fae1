"""Any list of the console as a CSV file: as filtered, harmless in a spreadsheet, for whoever may, and recorded."""

import csv
import io
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.people.models import Contact, User
from accounts.staff.models import AuditEntry
from core.console import csv_export
from integrations.inbox.tests.test_admin_event_list import made

EVENTS = "/admin/integrations/inboxevent/"
CONTACTS = "/admin/accounts/contact/"


@pytest.fixture
def console(staff: Any, client: Client) -> Client:
    client.force_login(staff)
    return client


def lines_of(answer: Any) -> list[list[str]]:
    """Return the lines of a file that was downloaded."""
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    content = b"".join(answer.streaming_content).decode()
    assert content.startswith("\ufeff")
    return list(csv.reader(io.StringIO(content[1:])))


def test_list_is_exported_as_it_is_filtered(console: Client) -> None:
    made(3)
    kept = made(1, status="failed", reason="because, really", external_id="f", key="f")[0]
    heads, *rows = lines_of(console.get(f"{EVENTS}csv/", {"status__exact": "failed"}))
    assert heads[:5] == ["ID", "Received", "Provider", "Type", "Status"]
    assert [row[2:5] for row in rows] == [["Kajabi", "offer.purchased", "failed"]]
    assert rows[0][1] == kept.received_at.isoformat()
    assert rows[0][-1] == "because, really"


def test_rows_come_in_the_order_of_the_list_over_several_reads(
    console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "AT_ONCE", 4)
    keys = sorted((event.pk for event in made(10)), reverse=True)
    assert [int(row[0]) for row in lines_of(console.get(f"{EVENTS}csv/"))[1:]] == keys


def test_formulas_are_neutralised(console: Client) -> None:
    Contact.objects.create(first_name='=HYPERLINK("http://evil.example")', last_name="+1", email="a@example.com")
    cells = lines_of(console.get(f"{CONTACTS}csv/"))[1]
    assert any(cell.startswith("'=HYPERLINK(") for cell in cells)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_list_that_is_too_long_is_refused_with_a_message(console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_export, "MOST", 2)
    made(3)
    answer = console.get(f"{EVENTS}csv/", {"provider": "kajabi"}, follow=True)
    assert answer.redirect_chain == [(f"{EVENTS}?provider=kajabi", 302)]
    assert "A file has at most 2 rows" in answer.content.decode()
    assert not AuditEntry.objects.filter(action="list.exported").exists()


def test_export_is_recorded_with_its_filter(console: Client, staff: Any) -> None:
    made(3)
    console.get(f"{EVENTS}csv/", {"provider": "kajabi"})
    entry = AuditEntry.objects.get(action="list.exported")
    assert entry.actor == staff
    assert entry.facts == {"list": "integrations.inboxevent", "rows": 3, "filters": {"provider": "kajabi"}}


@pytest.mark.parametrize(("role", "may"), [("operator", True), ("support", False), ("auditor", False)])
def test_link_is_there_for_who_may_follow_it(role: str, may: bool, client: Client, db: None) -> None:
    user = User.objects.create_user("colleague@example.com", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    assert ("csv/?provider=kajabi" in client.get(EVENTS, {"provider": "kajabi"}).content.decode()) == may
    assert client.get(f"{EVENTS}csv/").status_code == (200 if may else 403)


def test_wrong_filter_leads_back_to_the_list(console: Client) -> None:
    assert console.get(f"{EVENTS}csv/", {"received_at__gte": "never"}).status_code == 302


def test_file_costs_the_same_for_2_and_for_50_rows(console: Client) -> None:
    costs = []
    for number in (2, 48):
        for _ in range(number):
            Contact.objects.create(email=f"c{Contact.objects.count()}@example.com")
        with CaptureQueriesContext(connection) as queries:
            lines_of(console.get(f"{CONTACTS}csv/"))
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_file_is_in_the_language_of_the_reader(console: Client) -> None:
    made(1)
    console.cookies["django_language"] = "es"
    heads, row = lines_of(console.get(f"{EVENTS}csv/"))
    assert (heads[1], row[4]) == ("Recibido", "procesado")


def test_every_list_can_be_exported(console: Client) -> None:
    made(1)
    for model, model_admin in admin.site._registry.items():
        if getattr(model_admin, "exports_csv", False):
            answer = console.get(f"/admin/{model._meta.label_lower.replace('.', '/')}/csv/")
            assert lines_of(answer)[0][0] == "ID", model
