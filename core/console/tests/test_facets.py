"""Filters of lists show the values that occur, with counts that a long table does not make slow."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.commerce.models import Order
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import Company, Contact, ContactMapping, User
from core.console import counting, facets
from integrations.inbox.models import InboxEvent
from integrations.inbox.tests.test_admin_event_list import made

EVENTS = "/admin/integrations/inboxevent/"
LISTS = (
    *(EVENTS, "/admin/accounts/subscription/", "/admin/accounts/contact/", "/admin/accounts/user/"),
    *("/admin/integrations/outgoingwrite/", "/admin/accounts/emailmessage/", "/admin/accounts/order/"),
)


@pytest.fixture
def console(staff: Any, client: Client) -> Client:
    client.force_login(staff)
    return client


def choices(console: Client, page: str, title: str, **query: str) -> list[tuple[str, bool]]:
    """Return the choices of a filter as they are read, each with whether it is selected."""
    changelist = console.get(page, query).context["cl"]
    [spec] = [spec for spec in changelist.filter_specs if str(spec.title) == title]
    return [
        (re.sub(r" <span.*?>(.*)</span>", r" (\1)", str(one["display"])), one["selected"])
        for one in spec.choices(changelist)
    ]


def test_filters_of_events_show_what_occurs_with_counts(console: Client) -> None:
    made(3)
    made(2, provider="elsewhere", event_type="odd.type", status="failed")
    assert choices(console, EVENTS, "status") == [("All", True), ("processed (3)", False), ("failed (2)", False)]
    assert choices(console, EVENTS, "type") == [("All", True), ("odd.type (2)", False), ("offer.purchased (3)", False)]
    assert choices(console, EVENTS, "provider") == [("All", True), ("elsewhere (2)", False), ("Kajabi (3)", False)]
    assert choices(console, EVENTS, "waiting") == [("All", True)]


def test_chosen_value_stays_where_nothing_has_it(console: Client) -> None:
    assert choices(console, EVENTS, "status", status__exact="failed") == [("All", False), ("failed", True)]
    assert choices(console, EVENTS, "type", type="gone.type") == [("All", False), ("gone.type", True)]
    assert choices(console, EVENTS, "waiting", waiting="late")[1] == ("due, but no worker came", True)


def test_values_are_counted_to_a_thousand(console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST", 2)
    made(3)
    made(2, provider="elsewhere", status="failed")
    assert choices(console, EVENTS, "status")[1:] == [("processed (2+)", False), ("failed (2)", False)]
    monkeypatch.setattr(counting, "MOST", 1000)
    assert str(counting.Number(count=1000, is_more=True)) == "1,000+"


def test_spans_of_a_moment_are_counted_from_its_newest_rows(
    console: Client, staff: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spans(now: str) -> list[str]:
        monkeypatch.setattr(timezone, "now", lambda: datetime.fromisoformat(now))
        console.force_login(staff)  # a session of another day has ended
        return [text for text, _is in choices(console, EVENTS, "received")]

    for number, at in enumerate(("2026-11-20T01:00Z", "2026-11-20T02:00Z", "2026-11-16T01:00Z", "2026-02-01T01:00Z")):
        made(1, received_at=datetime.fromisoformat(at), key=f"nssa:{number}")
    assert spans("2026-11-20T12:00Z") == [
        *("Any date", "Today (2)", "Past 7 days (3)", "This month (3)", "This year (4)"),
    ]
    assert spans("2026-12-05T12:00Z") == ["Any date", "This year (4)"]
    monkeypatch.setattr(counting, "MOST", 2)
    assert spans("2026-11-20T12:00Z") == [
        *("Any date", "Today (2)", "Past 7 days (2+)", "This month (2+)", "This year (2+)"),
    ]


def test_column_without_an_index_is_counted_while_its_table_is_short(
    console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    companies = "/admin/accounts/company/"
    for account in ("1", "2"):
        named = f"chatwoot_{account}"
        Company.objects.create(
            chatwoot_account_id=account,
            company_id=named,
            redis_prefix=f"{named}:",
            vectorstore_index=f"{named}_documents",
        )
    assert [text for text, _is in choices(console, companies, "status")] == ["All", "active (2)"]
    monkeypatch.setattr(counting, "MOST", 1)
    assert [text for text, _is in choices(console, companies, "status")] == [
        *("All", "active", "closed"),
    ], "a longer table is not read for numbers"


def test_members_and_contacts_are_counted_by_what_they_are(console: Client) -> None:
    plan = Plan.objects.create(code="p", name="P")
    Plan.objects.create(code="q", name="Nobody has it")
    member = User.objects.create_user("m@example.com", auth_provider=User.AuthProvider.KAJABI)
    Subscription.objects.create(user=member, plan=plan, status="active")
    with_account = Contact.objects.filter(user=member).first() or Contact.objects.create(
        email="m@example.com", user=member
    )
    other = Contact.objects.create(email="o@example.com")
    for contact, kind in ((with_account, "contact"), (with_account, "customer"), (other, "contact")):
        ContactMapping.objects.create(contact=contact, provider="kajabi", kind=kind, external_id=f"{contact.pk}")
    Order.objects.create(contact=other, provider="kajabi", external_id="1", total=0, placed_at=timezone.now())
    subscriptions = "/admin/accounts/subscription/"
    assert choices(console, subscriptions, "plan")[1:] == [(f"{plan.name} (1)", False)]
    assert [text for text, _is in choices(console, subscriptions, "status")[1:]] == ["active (1)"]
    assert choices(console, "/admin/accounts/contact/", "provider")[1:] == [("Kajabi (2)", False)]
    assert choices(console, "/admin/accounts/order/", "provider")[1:] == [("Kajabi (1)", False)]
    assert choices(console, "/admin/accounts/user/", "staff")[1:] == [("Yes (1)", False), ("No (1)", False)]
    assert [text for text, _is in choices(console, "/admin/accounts/contact/", "account")][1:] == [
        f"has one ({Contact.objects.filter(user__isnull=False).count()})",
        f"has none ({Contact.objects.filter(user__isnull=True).count()})",
    ]


@pytest.mark.parametrize("page", LISTS)
def test_list_with_facets_costs_at_most_twelve_queries(page: str, console: Client) -> None:
    made(5)
    console.get(page)
    with CaptureQueriesContext(connection) as queries:
        assert console.get(page).status_code == 200
    assert len(queries) <= 12
    assert len([query for query in queries if "RECURSIVE" in query["sql"]]) == 1


def indexed_filters() -> list[tuple[Any, Any]]:
    """Return the columns that the filters of all lists count."""
    found = []
    for model, model_admin in admin.site._registry.items():
        request = RequestFactory().get("/")
        for entry in model_admin.get_list_filter(request) if hasattr(model_admin, "audit_code") else ():
            if isinstance(entry, type) and issubclass(entry, facets.ColumnFilter):
                entry(request, {}, model, model_admin)
        found += [(model._meta.label, one) for one in counting.of_request(request)._sources]
    return found


# Tables whose rows are few: one for each provider, day or run.
_SHORT = {"integrations.Silence", "integrations.SyncRun", "integrations.Issue", "integrations.SubscriptionSync"}


@pytest.mark.parametrize(("label", "source"), indexed_filters(), ids=lambda value: str(value)[:60])
def test_counts_of_a_column_use_its_index(label: str, source: counting.Column, db: None) -> None:
    table, part, params = source.part(0)
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"{explain} WITH RECURSIVE {table} {part}", params)
        plan = "\n".join(str(line) for line in cursor.fetchall())
    name = source.model._meta.db_table
    if label not in _SHORT:
        assert not re.search(rf"Seq Scan on {name}|SCAN {name}(?! USING)", plan), plan


def test_every_choice_field_of_the_long_lists_is_counted() -> None:
    for model, names in ((InboxEvent, ["status"]), (User, ["is_staff", "is_active", "auth_provider"])):
        for name in names:
            assert isinstance(facets.filter_of(model, name), tuple)
