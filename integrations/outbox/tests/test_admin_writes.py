"""The outbox in the console: what staff see of a write, what they may press, and that its length does not matter."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts.commerce.models import Policy
from accounts.people.models import Contact, ContactChange, ContactMapping
from accounts.people.tests.people import person
from accounts.tests.admin_clients import clerk, link_to, page_of, signed_in
from accounts.tests.presses import act_url, list_of, logged, press, queries_of, rows_of
from integrations.outbox.models import OpportunityMapping, OutgoingWrite
from tests.harness.statements import counts_a_table

pytestmark = pytest.mark.django_db
LEFT = "1 row was left as it is: this does not apply to it."
ENDED = {"next_attempt_at": None, "wake_at": None}


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def jane() -> Contact:
    return person(first_name="Jane", last_name="Doe", city="Orlando")


def write(contact: Contact | None, status: str = "failed", **columns: Any) -> OutgoingWrite:
    """A write of a contact at GoHighLevel, as it is in the database."""
    parts: dict[str, Any] = {"kind": "contact", "provider": "gohighlevel", "cause": "kajabi member.updated evt_1"}
    made = OutgoingWrite.objects.create(contact=contact, **(parts | columns))
    OutgoingWrite.objects.filter(pk=made.pk).update(status=status, **(ENDED if status != "pending" else {}))
    return OutgoingWrite.objects.get(pk=made.pk)


def written(contact: Contact | None, **columns: Any) -> OutgoingWrite:
    """One that changed the city there from Miami to Orlando."""
    parts: dict[str, Any] = {
        "operation": "update",
        "external_id": "c-1",
        "before": {"city": "Miami"},
        "after": {"city": "Orlando"},
        "request": {"method": "PUT", "path": "/contacts/c-1", "body": {"city": "Orlando"}},
        "response": {"contact": {"id": "c-1"}},
        "requested_at": timezone.now(),
    }
    return write(contact, "done", **(parts | columns))


def policy_of(contact: Contact) -> Policy:
    return Policy.objects.create(
        contact=contact,
        provider="nowcerts",
        external_id="p-1",
        number="POL-1",
        line_of_business="Auto",
        currency="USD",
        premium=120050,
        reported_at=timezone.now(),
    )


def test_a_page_explains_a_write(console: Client, staff: Any, jane: Contact) -> None:
    row = written(jane, staff=staff, echoes=2, attempts=3, last_error="late <b>answer</b>")
    page = console.get(page_of(row)).content.decode()
    assert f'href="{link_to(jane)}"' in page
    assert '<th scope="row">city</th><td>Miami</td><td>Orlando</td>' in page
    assert "<summary>PUT /contacts/c-1</summary>" in page
    assert "&quot;body&quot;: {" in page
    assert "Kajabi member.updated evt_1" in page
    assert "late &lt;b&gt;answer&lt;/b&gt;" in page
    assert staff.email in page
    assert f"{row.requested_at:%Y-%m-%d %H:%M:%S}" in page


def test_an_opportunity_leads_to_its_policy_and_says_amounts_as_money(console: Client, jane: Contact) -> None:
    policy = policy_of(jane)
    row = written(jane, kind="opportunity", policy=policy, before={"amount": None}, after={"amount": 120050})
    page = console.get(page_of(row)).content.decode()
    assert f'href="{page_of(policy)}"' in page
    assert '<th scope="row">amount</th><td>–</td><td>1,200.50 USD</td>' in page
    assert "correct the policy, or the opportunity at the provider" in page
    assert f'href="{page_of(policy)}"' in console.get(list_of(OutgoingWrite)).content.decode()


@pytest.mark.parametrize("search", ["JANE@exam", "doe", "ghl-1", "opp-1", " jane@example.com "])
def test_write_is_found_by_contact_or_remote_id(search: str, console: Client, jane: Contact) -> None:
    ContactMapping.objects.create(contact=jane, provider="gohighlevel", kind="contact", external_id="ghl-1")
    policy = policy_of(jane)
    OpportunityMapping.objects.create(policy=policy, provider="gohighlevel", external_id="opp-1")
    one = write(jane, "done", kind="opportunity", policy=policy)
    write(person("bob@example.com"))
    assert rows_of(console, OutgoingWrite, q=search) == [one]


@pytest.mark.parametrize("search", ["ane@", "ghl", "%", "' OR 1=1 --", "99999999999999999999"])
def test_search_by_other_values_finds_no_write(search: str, console: Client, jane: Contact) -> None:
    write(jane)
    assert rows_of(console, OutgoingWrite, q=search) == []


def test_a_write_is_found_by_our_number(console: Client, jane: Contact) -> None:
    row = write(jane)
    assert rows_of(console, OutgoingWrite, q=str(row.pk)) == [row]


def test_write_filters_narrow_the_list(console: Client, jane: Contact) -> None:
    failed, done = write(jane), written(jane, provider="nowcerts")
    assert rows_of(console, OutgoingWrite) == [done, failed]
    assert rows_of(console, OutgoingWrite, status__exact="failed") == [failed]
    assert rows_of(console, OutgoingWrite, operation__exact="update") == [done]
    assert rows_of(console, OutgoingWrite, kind__exact="opportunity") == []
    assert rows_of(console, OutgoingWrite, provider="nowcerts") == [done]
    assert rows_of(console, OutgoingWrite, contact__exact=jane.pk) == [done, failed]
    assert rows_of(console, OutgoingWrite, contact__exact=jane.pk + 1) == []


def test_the_list_costs_the_same_for_5_and_for_50_rows_counts_nothing_and_reads_no_values(
    console: Client, jane: Contact
) -> None:
    costs = []
    for first, last in ((0, 5), (5, 50)):
        for number in range(first, last):
            other = Contact.objects.create(email=f"p{number}@example.com")
            write(other, policy=policy_of(jane) if number == 0 else None)
        queries = queries_of(console, list_of(OutgoingWrite))
        assert [sql for sql in queries if counts_a_table(sql)] == []
        assert [sql for sql in queries if '"integrations_outgoingwrite"."request"' in sql] == []
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 8


def test_a_failed_write_is_retried(
    console: Client, jane: Contact, wakeups: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    row = write(jane, failures=7, last_error="refused")
    with django_capture_on_commit_callbacks(execute=True):
        assert press(console, row, "retry") == ["1 write was queued again."]
    row.refresh_from_db()
    assert (row.status, row.failures, row.last_error, logged(row)) == ("pending", 0, "", ["retry"])
    assert wakeups == [("outgoingwrite", row.pk)]


def test_a_write_beside_which_a_newer_one_waits_stays(console: Client, jane: Contact) -> None:
    old, new = write(jane), write(jane, "pending")
    assert press(console, old, "retry") == [LEFT]
    old.refresh_from_db()
    assert (old.status, new.status, logged(old)) == ("failed", "pending", [])


@pytest.mark.parametrize("columns", [{"failures": 0}, {"failures": 1, "crashes": 1}])
def test_fresh_or_leased_write_is_not_retried(columns: dict[str, int], console: Client, jane: Contact) -> None:
    row = write(jane, "pending", **columns)
    assert act_url(row, "retry") not in console.get(page_of(row)).content.decode()
    assert press(console, row, "retry") == [LEFT]


def test_a_write_is_skipped_with_a_reason(console: Client, staff: Any, jane: Contact) -> None:
    row = write(jane, "pending")
    assert console.get(act_url(row, "skip")).status_code == 200
    assert console.post(act_url(row, "skip"), {"answered": "1", "reason": ""}).status_code == 422
    assert press(console, row, "skip", reason="a test of ours") == ["1 write was skipped."]
    row.refresh_from_db()
    assert (row.status, row.last_error) == ("skipped", f"a test of ours (staff: {staff.email})")
    assert logged(row) == ["skip: a test of ours"]
    assert press(console, row, "skip", reason="again") == [LEFT]


def test_several_are_retried_and_skipped_from_the_list(console: Client, jane: Contact) -> None:
    rows = [write(jane), write(person("bob@example.com")), written(jane)]
    chosen = {"action": "retry", "_selected_action": [row.pk for row in rows], "index": 0}
    response = console.post(list_of(OutgoingWrite), chosen, follow=True)
    assert [str(message) for message in response.context["messages"]] == ["2 writes were queued again.", LEFT]
    asked = console.post(list_of(OutgoingWrite), chosen | {"action": "skip"}).content.decode()
    assert asked.count('name="_selected_action"') == 3
    assert 'value="undo"' not in console.get(list_of(OutgoingWrite)).content.decode()


def test_a_write_is_undone_after_it_was_shown_what_comes_back(console: Client, staff: Any, jane: Contact) -> None:
    row = written(jane)
    asked = console.get(act_url(row, "undo")).content.decode()
    assert "jane@example.com: city: Orlando → Miami" in asked
    jane.refresh_from_db()
    assert jane.city == "Orlando"
    response = console.post(act_url(row, "undo"), {"answered": "1"}, follow=True)
    messages = [str(message) for message in response.context["messages"]]
    assert messages == ["Restored, and written to every provider: city."]
    jane.refresh_from_db(), row.refresh_from_db()
    assert (jane.city, row.undone_at is not None, logged(row)) == ("Miami", True, ["undo"])
    change = ContactChange.objects.get(kind="staff")
    assert (change.name, change.before, change.after, change.staff) == ("city", "Orlando", "Miami", staff)
    assert act_url(row, "undo") not in console.get(page_of(row)).content.decode()


def test_undo_of_an_unsuitable_write_is_refused_and_changes_nothing(console: Client) -> None:
    row = written(None)
    response = console.post(act_url(row, "undo"), {"answered": "1"}, follow=True)
    assert [str(message) for message in response.context["messages"]] == ["The contact was merged into another one"]
    row.refresh_from_db()
    assert (row.undone_at, logged(row)) == (None, [])


def test_create_has_no_undo_button_but_an_explanation(console: Client, jane: Contact) -> None:
    page = console.get(page_of(written(jane, operation="create"))).content.decode()
    assert "/act/undo/" not in page
    assert "delete it at the provider by hand" in page


def test_viewer_cannot_run_actions_on_writes(jane: Contact) -> None:
    failed, done = write(jane), written(jane)
    client = clerk("view_outgoingwrite")
    assert "/act/" not in client.get(page_of(failed)).content.decode()
    assert 'name="action"' not in client.get(list_of(OutgoingWrite)).content.decode()
    for row, act in ((failed, "retry"), (failed, "skip"), (done, "undo")):
        assert client.post(act_url(row, act), {"answered": "1", "reason": "x"}).status_code == 403
    failed.refresh_from_db(), done.refresh_from_db()
    assert (failed.status, done.undone_at, LogEntry.objects.count()) == ("failed", None, 0)


def test_writes_are_read_only(console: Client, jane: Contact) -> None:
    row = write(jane)
    assert console.get(f"{list_of(OutgoingWrite)}add/").status_code == 403
    assert console.post(page_of(row), {"status": "done"}).status_code == 403
    assert console.get(f"{list_of(OutgoingWrite)}x/change/").status_code == 302


def test_the_start_page_names_writes_that_failed(console: Client, jane: Contact) -> None:
    write(jane), write(jane), written(jane)
    items = {item.key: (item.count, item.url) for item in console.get("/admin/").context["attention"]}
    assert items == {"failed_writes": (2, f"{list_of(OutgoingWrite)}?status__exact=failed")}
    assert clerk("view_contact").get("/admin/").context["attention"] == []


def test_hostile_text_stays_text(console: Client) -> None:
    text = "</pre><script>alert(1)</script>"
    row = written(person("x@example.com", first_name=text), before={text: text}, after={text: text}, cause=text)
    OutgoingWrite.objects.filter(pk=row.pk).update(
        request={"method": text, "path": text}, response={text: text}, last_error=text
    )
    for url in (list_of(OutgoingWrite), page_of(row), act_url(row, "undo")):
        response = console.get(url)
        assert response.status_code == 200
        assert "<script>alert" not in response.content.decode()


def test_the_page_of_a_person_leads_to_what_was_written_of_them(console: Client, jane: Contact) -> None:
    assert f'href="{list_of(OutgoingWrite)}?contact__exact={jane.pk}"' in console.get(page_of(jane)).content.decode()


def test_times_are_the_same_in_every_language(console: Client, jane: Contact) -> None:
    write(jane, created_at=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    page = console.get(list_of(OutgoingWrite), headers={"Accept-Language": "es"}).content.decode()
    assert "2026-03-04 05:06:07" in page
