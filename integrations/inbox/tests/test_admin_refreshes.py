"""Contact refreshes in the console: their list and their actions."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.people.tests.people import person
from accounts.tests.admin_clients import clerk, page_of, signed_in
from accounts.tests.presses import act_url, list_of, logged, press, queries_of, rows_of
from integrations.inbox.models import ContactRefresh
from tests.harness.statements import counts_a_table

pytestmark = pytest.mark.django_db
LEFT = "1 row was left as it is: this does not apply to it."


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def _connected(settings: Any) -> None:
    """Configure Kajabi's API; nothing here calls it."""
    settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = "an-id", "a-secret"


def refresh_row(external_id: str = "5", status: str = "failed", **columns: Any) -> ContactRefresh:
    made = ContactRefresh.objects.create(provider="kajabi", external_id=external_id)
    ended = {"next_attempt_at": None, "wake_at": None} if status != "pending" else {}
    ContactRefresh.objects.filter(pk=made.pk).update(status=status, **(ended | columns))
    made.refresh_from_db()
    return made


@pytest.mark.usefixtures("_connected")
def test_person_is_refreshed_from_each_of_their_records(console: Client) -> None:
    jane = person(ids={"contact": "5", "customer": "9"})
    assert press(console, jane, "read-again") == ["1 person is read again in a moment."]
    row = ContactRefresh.objects.get()
    assert (row.provider, row.external_id, row.status) == ("kajabi", "5", "pending")
    assert logged(jane) == ["read-again"]


@pytest.mark.usefixtures("_connected")
def test_people_are_refreshed_from_the_list(console: Client) -> None:
    people = [person(f"p{number}@example.com", ids={"contact": str(number)}) for number in (1, 2)]
    people.append(person("bob@example.com", ids={"customer": "3"}))
    chosen = {"action": "read-again", "_selected_action": [one.pk for one in people], "index": 0}
    page = console.post(list_of(type(people[0])), chosen, follow=True)
    assert [str(message) for message in page.context["messages"]] == ["2 people are read again in a moment.", LEFT]
    assert sorted(ContactRefresh.objects.values_list("external_id", flat=True)) == ["1", "2"]


def test_person_is_not_refreshed_from_a_provider_without_an_api(console: Client) -> None:
    jane = person(ids={"contact": "5"})
    assert act_url(jane, "read-again") not in console.get(page_of(jane)).content.decode()
    assert press(console, jane, "read-again") == [LEFT]
    assert (ContactRefresh.objects.count(), logged(jane)) == (0, [])


@pytest.mark.usefixtures("_connected")
def test_staff_with_view_permission_alone_refresh_nobody(db: None) -> None:
    jane, failed = person(ids={"contact": "5"}), refresh_row("6")
    client = clerk("view_contact", "view_contactrefresh")
    assert act_url(jane, "read-again") not in client.get(page_of(jane)).content.decode()
    assert client.post(act_url(jane, "read-again")).status_code == 403
    assert client.post(act_url(failed, "read-now")).status_code == 403
    assert ContactRefresh.objects.get().status == "failed"
    assert LogEntry.objects.count() == 0


def test_failed_refresh_is_made_due_with_all_its_tries(
    console: Client, wakeups: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    failed = refresh_row(failures=28, last_error="Kajabi is down")
    before = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        assert press(console, failed, "read-now") == ["1 person is read again in a moment."]
    failed.refresh_from_db()
    assert (failed.status, failed.failures) == ("pending", 0)
    assert before <= failed.next_attempt_at <= timezone.now()
    assert before <= failed.requested_at == failed.last_requested_at
    assert wakeups == [("contactrefresh", failed.pk)]
    assert logged(failed) == ["read-now"]


def test_refresh_that_a_worker_processes_is_left_alone(console: Client) -> None:
    lease = timezone.now() + timedelta(seconds=20)
    leased = refresh_row(status="pending", crashes=1, attempts=1, next_attempt_at=lease)
    assert press(console, leased, "read-now") == [LEFT]
    leased.refresh_from_db()
    assert (leased.next_attempt_at, leased.attempts, logged(leased)) == (lease, 1, [])


def test_start_page_names_failed_refreshes(console: Client) -> None:
    refresh_row("5"), refresh_row("6"), refresh_row("7", status="done")
    items = {item.key: (item.count, item.url) for item in console.get("/admin/").context["attention"]}
    assert items == {"failed_readings": (2, f"{list_of(ContactRefresh)}?status__exact=failed")}
    assert clerk("view_contact").get("/admin/").context["attention"] == []


def test_list_shows_time_and_error_and_links_to_the_person(console: Client) -> None:
    failed = refresh_row(last_error="Kajabi <refused>")
    done = refresh_row("6", status="done", read_at=timezone.now())
    page = console.get(list_of(ContactRefresh)).content.decode()
    assert "Kajabi &lt;refused&gt;" in page
    assert f"{done.read_at:%Y-%m-%d %H:%M:%S}" in page
    assert f'href="{reverse("admin:search")}?q=5"' in page
    assert rows_of(console, ContactRefresh, status__exact="failed") == [failed]
    assert rows_of(console, ContactRefresh, provider="kajabi", q=" 6 ") == [done]
    assert rows_of(console, ContactRefresh, q="' OR 1=1 --") == []
    assert "Kajabi &lt;refused&gt;" in console.get(page_of(failed)).content.decode()


def test_refreshes_are_read_only(console: Client) -> None:
    failed = refresh_row()
    assert console.get(reverse("admin:integrations_contactrefresh_add")).status_code == 403
    assert console.post(page_of(failed), {"status": "done"}).status_code == 403
    failed.refresh_from_db()
    assert failed.status == "failed"


def test_list_costs_the_same_for_5_and_for_50_rows_and_counts_nothing(console: Client) -> None:
    costs = []
    for first, last in ((0, 5), (5, 50)):
        for number in range(first, last):
            refresh_row(str(number))
        queries = queries_of(console, list_of(ContactRefresh))
        assert [sql for sql in queries if counts_a_table(sql)] == []
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 8
