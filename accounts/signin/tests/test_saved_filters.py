"""Filters of lists under names: one's own and shared ones, shown above the list, deleted by their owner."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client

from accounts.people.models import User
from accounts.staff import saved_filters
from accounts.staff.models import AuditEntry, SavedFilter

EVENTS, PAGE = "/admin/integrations/inboxevent/", "integrations.inboxevent"
SAVE = "/admin/saved-filters/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(staff: Any, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def colleague() -> Any:
    user = User.objects.create_user("colleague@example.com", is_staff=True)
    user.groups.add(Group.objects.get(name="support"))
    return user


def save(client: Client, name: str = "Failed", query: str = "status__exact=failed", **more: str) -> Any:
    return client.post(SAVE, {"page": PAGE, "name": name, "query": query, **more})


def shown(client: Client, **query: str) -> list[tuple[str, bool]]:
    """Return the names of the filters above the list, each with whether it is the current one."""
    found = client.get(EVENTS, query).context["saved_filters"]
    return [(one["row"].name, one["is_current"]) for one in found]


def test_filter_is_saved_and_shown_as_a_link(console: Client, staff: Any) -> None:
    answer = save(console, query="status__exact=failed&p=3")
    assert answer.url == f"{EVENTS}?status__exact=failed"
    assert shown(console) == [("Failed", False)]
    assert shown(console, status__exact="failed") == [("Failed", True)]
    assert 'href="?status__exact=failed"' in console.get(EVENTS).content.decode()
    entry = AuditEntry.objects.get(action="saved_filter.saved")
    assert (entry.actor, entry.facts["list"]) == (staff, PAGE)


def test_filter_is_seen_by_its_owner_alone_unless_shared(console: Client, colleague: Any) -> None:
    save(console)
    save(console, name="For all", is_shared="on")
    other = Client()
    other.force_login(colleague)
    assert shown(other) == [("For all", False)]
    assert [one["may_delete"] for one in other.get(EVENTS).context["saved_filters"]] == [False]


def test_same_name_is_saved_anew(console: Client) -> None:
    save(console)
    save(console, query="status__exact=pending")
    assert [row.query for row in SavedFilter.objects.all()] == ["status__exact=pending"]


@pytest.mark.parametrize(
    ("name", "query"),
    [("", "q=a"), (" \n", "q=a"), ("x" * 61, "q=a"), ("A", ""), ("A", "p=2"), ("A", "q=" + "x" * 1000)],
)
def test_filter_without_name_or_content_is_refused(name: str, query: str, console: Client) -> None:
    assert save(console, name=name, query=query).status_code == 302
    assert not SavedFilter.objects.exists()


def test_number_of_filters_is_bounded(console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_filters, "MOST", 1)
    save(console)
    save(console, name="Another")
    save(console, query="q=changed")
    assert [row.query for row in SavedFilter.objects.all()] == ["q=changed"]


def test_filter_of_a_list_that_somebody_may_not_see_is_refused(colleague: Any, client: Client) -> None:
    client.force_login(colleague)
    answer = client.post(SAVE, {"page": "accounts.auditentry", "name": "A", "query": "q=a"})
    assert answer.status_code == 403
    assert client.post(SAVE, {"page": "nowhere.model", "name": "A", "query": "q=a"}).status_code == 404
    assert not SavedFilter.objects.exists()


def test_filter_is_deleted_by_its_owner_and_by_superusers(console: Client, colleague: Any, staff: Any) -> None:
    other = Client()
    other.force_login(colleague)
    save(other, is_shared="on")
    own = SavedFilter.objects.get()
    shared = SavedFilter.objects.create(owner=staff, page=PAGE, name="Mine", query="q=a", is_shared=True)
    assert other.post(f"{SAVE}{shared.pk}/delete/").status_code == 404
    assert other.get(f"{SAVE}{own.pk}/delete/").status_code in (403, 405)
    assert other.post(f"{SAVE}{own.pk}/delete/?back={EVENTS}").url == EVENTS
    save(other)
    assert console.post(f"{SAVE}{SavedFilter.objects.get(owner=colleague).pk}/delete/").status_code == 302
    assert [row.name for row in SavedFilter.objects.all()] == ["Mine"]
    assert AuditEntry.objects.filter(action="saved_filter.deleted").count() == 2


def test_names_are_escaped(console: Client) -> None:
    save(console, name="<script>alert(1)</script>", query="q=%3Cscript%3E")
    text = console.get(EVENTS).content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


@pytest.mark.django_db(transaction=True)
def test_filter_by_a_forgotten_persons_address_is_deleted(staff: Any) -> None:
    User.objects.create_user("gone@example.com", auth_provider=User.AuthProvider.KAJABI)
    SavedFilter.objects.create(owner=staff, page=PAGE, name="A", query="q=gone%40example.com")
    SavedFilter.objects.create(owner=staff, page=PAGE, name="B", query="q=other%40example.com")
    call_command("forget", "gone@example.com", "--yes", verbosity=0)
    assert [row.name for row in SavedFilter.objects.all()] == ["B"]
