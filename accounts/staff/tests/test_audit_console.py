"""The audit log as staff see it: who may, what is found, and that no page of the list looks at every row."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.memberships.models import Subscription
from accounts.people.models import Contact, User
from accounts.staff.audit import DENIED, FAILED, record
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import clerk, link_to, page_of, signed_in
from accounts.tests.presses import list_of, queries_of, rows_of
from core.console.audited import AuditedAdmin

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(user: Any, staff: Any) -> dict[str, AuditEntry]:
    """One entry of each sort, by action."""
    request = RequestFactory().post("/", REMOTE_ADDR="192.0.2.7")
    request.user = staff
    record("user.changed", request=request, target=user, before={"language": "en"}, after={"language": "es"})
    record("sign_in.failed", target="unknown@example.com", outcome=FAILED)
    record("sign_in.succeeded", actor=user, target=user)
    record("permission.denied", target=("tool", "metrics"), outcome=DENIED)
    record("data.imported", actor="command", rows={"new": 3})
    return {entry.action: entry for entry in AuditEntry.objects.all()}


@pytest.fixture
def console(staff: Any, entries: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def found(client: Client, **query: Any) -> list[str]:
    """The actions that the list shows, without the sign-in of who looks at it."""
    rows = rows_of(client, AuditEntry, **query)
    return sorted(row.action for row in rows if "client" not in query or row.client_address)


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ({"action": "sign_in.failed"}, ["sign_in.failed"]),
        ({"action": "data"}, ["data.imported"]),
        ({"action": "sign"}, []),
        ({"outcome__exact": "denied"}, ["permission.denied"]),
        ({"q": "192.0.2.7"}, ["user.changed"]),
        ({"q": "jane@example.com"}, ["sign_in.succeeded", "user.changed"]),
        ({"q": "jane@example.com", "action": "user.changed"}, ["user.changed"]),
        ({"q": "unknown@example.com"}, ["sign_in.failed"]),
        ({"q": "tool:metrics"}, ["permission.denied"]),
        ({"q": "other:metrics"}, []),
        ({"q": "metrics"}, ["permission.denied"]),
        ({"q": "nobody"}, []),
        ({"recorded_at__gte": "2999-01-01 00:00:00+00:00"}, []),
    ],
)
def test_list_finds_entries(console: Client, query: dict[str, str], actions: list[str]) -> None:
    assert found(console, **query) == actions


def test_target_is_found_by_kind_and_id(console: Client, user: Any) -> None:
    assert found(console, q=f"accounts.user:{user.pk}") == ["sign_in.succeeded", "user.changed"]
    assert found(console, q=f"accounts.contact:{user.pk}") == []


def test_entry_shows_who_what_and_the_values(console: Client, entries: dict[str, AuditEntry]) -> None:
    page = console.get(page_of(entries["user.changed"])).content.decode()
    for text in ("staff@example.com", "192.0.2.7", "&quot;language&quot;: &quot;en&quot;", "user.changed"):
        assert text in page
    assert 'name="_save"' not in page


def test_list_is_open_to_its_permission_alone_and_nothing_is_written(entries: dict[str, AuditEntry]) -> None:
    entry = entries["user.changed"]
    reader = clerk("view_auditentry")
    assert reader.get(list_of(AuditEntry)).status_code == 200
    assert reader.get(page_of(entry)).status_code == 200
    assert reader.get(reverse("admin:accounts_auditentry_add")).status_code == 403
    assert reader.post(page_of(entry), {"action": "other"}).status_code == 403
    assert reader.post(reverse("admin:accounts_auditentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    other = User.objects.create_user("other@example.com", is_staff=True)
    assert signed_in(other).get(list_of(AuditEntry)).status_code == 403


def test_hostile_text_is_escaped(console: Client) -> None:
    text = '<script>alert("x")</script>{}%(id)d'
    record(text, actor=text, target=text, before={text: text}, after=[text], note=text)
    record("thing.done", target=(text, text), before=5, after=text)
    for url in (list_of(AuditEntry), *(page_of(entry) for entry in AuditEntry.objects.order_by("-pk")[:2])):
        assert "<script>alert" not in console.get(url).content.decode()


def test_list_and_searches_read_by_an_index(console: Client) -> None:
    """No plan of a query that the list makes reads the whole table unordered, or sorts it."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads a table of five rows as a whole")
    filters = (
        "action=sign_in.failed",
        "outcome__exact=denied",
        "q=192.0.2.7",
        "q=accounts.user:5",
        "q=jane@example.com",
    )
    for query in ("", *(f"?{one}" for one in filters)):
        for sql in queries_of(console, list_of(AuditEntry) + query):
            if 'FROM "accounts_auditentry"' not in sql:
                continue
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plan = [row[3] for row in cursor.fetchall()]
            if sql.startswith("WITH RECURSIVE facet_"):  # the values of filters, from one to the next
                assert not [
                    step for step in plan if step.startswith("SCAN accounts_auditentry") and "INDEX" not in step
                ]
                continue
            is_whole_list = query == "" and plan[0] == "SCAN accounts_auditentry"  # by its key, until the page is full
            assert is_whole_list or plan[0].startswith("SEARCH accounts_auditentry"), (query, sql, plan)


def test_every_page_of_the_console_is_audited() -> None:
    """Whatever model gets a page: what is changed there reaches the log."""
    pages = admin.site._registry.values()
    assert [page for page in pages if not isinstance(page, AuditedAdmin)] == []


def test_targets_are_named_and_linked_by_one_statement_however_many_there_are(
    console: Client, user: Any, plan: Any, django_assert_max_num_queries: Any
) -> None:
    contacts = [Contact.objects.create(email=f"c{number}@example.com") for number in range(20)]
    for contact in contacts:
        record("contact.merge", target=contact, other=contacts[0])
    record("plan.changed", target=plan, before={"name": "Old"}, after={"name": plan.name})
    gone = Contact.objects.create(email="gone@example.com")
    record("contact.merge", target=gone)
    key = gone.pk
    gone.delete()
    with django_assert_max_num_queries(11):
        page = console.get(list_of(AuditEntry)).content.decode()
    for contact in contacts:
        assert f'<a href="{link_to(contact)}">contact {contact.email}</a>' in page
    assert f"plan {plan.name}</a>" in page
    assert f"contact {key}</a>" in page
    assert "other: contact c0@example.com" in page


def test_entry_names_the_rows_that_its_values_lead_to(console: Client, user: Any, plan: Any) -> None:
    membership = Subscription.objects.create(user=user, plan=plan, status="active")
    other = User.objects.create_user("other@example.com")
    record(
        "subscription.moved",
        target=membership,
        before={"user": user.pk},
        after={"user": other.pk},
        answers={"to": other},
    )
    page = console.get(page_of(AuditEntry.objects.latest("pk"))).content.decode()
    assert f"&quot;user&quot;: &quot;jane@example.com ({user.pk})&quot;" in page
    assert f"&quot;user&quot;: &quot;other@example.com ({other.pk})&quot;" in page
    assert "&quot;to&quot;: &quot;user other@example.com&quot;" in page
    assert f"jane@example.com · {plan.name}</a>" in page


def test_actions_are_offered_with_their_numbers_by_one_statement(console: Client, user: Any) -> None:
    record("sign_in.failed", target=user, outcome=FAILED)
    assert (
        '<option value="sign_in.failed">Sign-in failed: 2</option>' in console.get(list_of(AuditEntry)).content.decode()
    )
    statements = len(queries_of(console, list_of(AuditEntry)))
    for number in range(20):
        record(f"thing{number}.done")
    assert len(queries_of(console, list_of(AuditEntry))) == statements


def test_names_are_for_who_may_see_their_rows(user: Any) -> None:
    record("user.changed", target=user)
    page = clerk("view_auditentry").get(list_of(AuditEntry)).content.decode()
    assert user.email not in page
    assert f"user {user.pk}</a>" in page


def test_file_of_the_list_names_targets_too(console: Client, user: Any) -> None:
    lines = b"".join(console.get("/admin/accounts/auditentry/csv/").streaming_content).decode()
    assert f"user {user.email}" in lines


def test_history_of_actions_links_to_what_is_there(console: Client, user: Any, staff: Any) -> None:
    kind = ContentType.objects.get_for_model(User)
    told = {"user": staff, "content_type": kind, "object_id": str(user.pk), "object_repr": "jane <then>"}
    LogEntry.objects.create(action_flag=CHANGE, **told)
    LogEntry.objects.create(action_flag=DELETION, **told | {"object_repr": "gone"})
    page = console.get(list_of(LogEntry)).content.decode()
    assert f'<a href="{link_to(user)}">jane &lt;then&gt;</a>' in page
    assert ">gone<" in page
