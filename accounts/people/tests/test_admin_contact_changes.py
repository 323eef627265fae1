"""Changes of contacts in the console: what was said by whom, values released, and conflicts decided otherwise."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from accounts.people import outbound
from accounts.people.models import Contact, ContactChange, ContactEmail, ContactMapping
from accounts.people.tests.people import addresses, at, columns, person
from accounts.tests.admin_clients import clerk, link_to, page_of, signed_in
from accounts.tests.presses import act_url, list_of, logged, press, queries_of, rows_of
from tests.harness.statements import counts_a_table

pytestmark = pytest.mark.django_db
LEFT = "1 row was left as it is: this does not apply to it."


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def jane() -> Contact:
    return person(ids={"contact": "501"}, first_name="Jane", city="Miami")


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """The (contact, provider) of what was handed over to the outbox."""
    found: list[tuple[int, str]] = []
    monkeypatch.setattr(outbound, "_enqueue", lambda changed: found.append((changed.contact.pk, changed.provider)))
    return found


def change(contact: Contact, kind: str = "lost", **columns: Any) -> ContactChange:
    parts: dict[str, Any] = {"name": "city", "before": "Miami", "after": "Orlando", "provider": "kajabi"}
    return ContactChange.objects.create(contact=contact, kind=kind, **(parts | columns))


def test_page_shows_values_and_their_providers(console: Client, staff: Any, jane: Contact) -> None:
    row = change(jane, name="custom_fields.size", after=["L", "<b>"], cause="kajabi evt_1", staff=staff)
    page = console.get(page_of(row)).content.decode()
    for text in (f'href="{link_to(jane)}"', "Miami", "[&quot;L&quot;, &quot;&lt;b&gt;&quot;]", "kajabi evt_1"):
        assert text in page
    assert '<div class="readonly">size</div>' in page
    assert staff.email in page


def test_filters_and_the_search(console: Client, jane: Contact) -> None:
    lost = change(jane)
    frozen = change(jane, "frozen", provider="gohighlevel")
    settled = change(jane, "frozen", name="phone", settled_at=timezone.now())
    others = change(person("bob@example.com", ids={"contact": "77"}, provider="gohighlevel"), "changed")
    assert rows_of(console, ContactChange) == [others, settled, frozen, lost]
    assert rows_of(console, ContactChange, kind__exact="frozen") == [settled, frozen]
    assert rows_of(console, ContactChange, frozen="now") == [frozen]
    assert rows_of(console, ContactChange, provider="gohighlevel") == [frozen]
    assert rows_of(console, ContactChange, contact__exact=jane.pk) == [settled, frozen, lost]
    assert rows_of(console, ContactChange, q="BOB@") == [others]
    assert rows_of(console, ContactChange, q="501") == [settled, frozen, lost]
    assert rows_of(console, ContactChange, q="50") == []


def test_list_costs_the_same_for_5_and_for_50_rows_and_counts_nothing(console: Client) -> None:
    costs = []
    for first, last in ((0, 5), (5, 50)):
        for number in range(first, last):
            change(Contact.objects.create(email=f"p{number}@example.com"))
        queries = queries_of(console, list_of(ContactChange))
        assert [sql for sql in queries if counts_a_table(sql)] == []
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 8


def test_frozen_value_is_released_and_enqueued(console: Client, staff: Any, jane: Contact, enqueued: list[Any]) -> None:
    row = change(jane, "frozen")
    asked = console.get(act_url(row, "release")).content.decode()
    assert "jane@example.com, city: Miami" in asked
    assert press(console, row, "release", reason="their workflow is off") == ["1 value was released."]
    row.refresh_from_db()
    assert (row.settled_at is not None, row.staff, enqueued) == (True, staff, [(jane.pk, "")])
    assert logged(row) == ["release: their workflow is off"]
    assert press(console, row, "release", reason="again") == [LEFT]
    assert enqueued == [(jane.pk, "")]


@pytest.mark.parametrize(("kind", "taken"), [("lost", "Orlando"), ("won", "Tampa")])
def test_value_that_lost_a_conflict_is_taken_over(
    kind: str, taken: str, console: Client, staff: Any, jane: Contact, enqueued: list[Any]
) -> None:
    row = change(jane, kind, before="Tampa")
    asked = console.get(act_url(row, "take-other")).content.decode()
    assert f"city: now Miami, then {taken}" in asked
    assert console.post(act_url(row, "take-other"), {"answered": "1", "reason": ""}).status_code == 422
    assert press(console, row, "take-other", reason="asked her") == [
        "1 value was taken over, and is written on every side."
    ]
    assert columns(jane, "city") == [taken]
    assert jane.origins["city"]["by"] == ""
    decided = ContactChange.objects.get(kind="staff")
    assert (decided.before, decided.after, decided.staff) == ("Miami", taken, staff)
    assert (enqueued, logged(row)) == ([(jane.pk, "")], ["take-other: asked her"])
    assert act_url(row, "take-other") not in console.get(page_of(row)).content.decode()


def test_custom_field_that_lost_by_being_emptied_is_emptied(console: Client, jane: Contact) -> None:
    Contact.objects.filter(pk=jane.pk).update(custom_fields={"size": "L"})
    row = change(jane, name="custom_fields.size", after="")
    assert press(console, row, "take-other", reason="gone") == ["1 value was taken over, and is written on every side."]
    assert columns(jane, "custom_fields") == [{}]


def test_address_that_is_taken_means_the_person(console: Client, jane: Contact) -> None:
    row = change(jane, name="email", before="jane@example.com", after="jane@new.example.com")
    press(console, row, "take-other", reason="asked her")
    assert columns(jane, "email") == ["jane@new.example.com"]
    assert addresses(jane) == ["jane@example.com", "jane@new.example.com"]


def test_address_of_another_contact_is_not_taken_over(console: Client, jane: Contact) -> None:
    bob = person("bob@example.com", first_name="Bob")
    row = change(jane, name="email", before="jane@example.com", after="bob@example.com")
    said = press(console, row, "take-other", reason="x")
    assert said == [f"bob@example.com is an address of Bob already (contact {bob.pk}). Nothing was changed."]
    assert (columns(jane, "email"), ContactChange.objects.count(), logged(row)) == (["jane@example.com"], 1, [])


def test_nobody_is_left_without_the_address_that_they_have(console: Client, jane: Contact) -> None:
    row = change(jane, name="email", before="jane@example.com", after="")
    said = press(console, row, "take-other", reason="x")
    assert said == ["A contact is not left without the e-mail that it has. Nothing was changed."]
    assert columns(jane, "email") == ["jane@example.com"]


@pytest.mark.parametrize("kind", ["changed", "staff", "frozen"])
def test_change_without_conflict_is_not_decided_again(kind: str, console: Client, jane: Contact) -> None:
    row = change(jane, kind)
    assert press(console, row, "take-other", reason="x") == [LEFT]
    assert columns(jane, "city") == ["Miami"]


def test_who_may_only_look_decides_nothing(jane: Contact) -> None:
    rows = {"release": change(jane, "frozen"), "take-other": change(jane)}
    client = clerk("view_contactchange")
    for act, row in rows.items():
        assert act_url(row, act) not in client.get(page_of(row)).content.decode()
        assert client.post(act_url(row, act), {"answered": "1", "reason": "x"}).status_code == 403
    assert (columns(jane, "city"), LogEntry.objects.count()) == (["Miami"], 0)
    assert ContactChange.objects.filter(settled_at=None).count() == 2


def test_changes_are_read_only(console: Client, jane: Contact) -> None:
    row = change(jane)
    assert console.get(f"{list_of(ContactChange)}add/").status_code == 403
    assert console.post(page_of(row), {"after": "Tampa"}).status_code == 403


def test_start_page_names_values_that_are_frozen_still(console: Client, jane: Contact) -> None:
    change(jane, "frozen"), change(jane), change(jane, "frozen", name="phone", settled_at=timezone.now())
    items = {item.key: (item.count, item.url) for item in console.get("/admin/").context["attention"]}
    assert items == {"frozen_values": (1, f"{list_of(ContactChange)}?frozen=now")}
    assert clerk("view_contact").get("/admin/").context["attention"] == []


def test_page_of_a_person_shows_their_newest_changes_and_leads_to_all(console: Client, jane: Contact) -> None:
    few = len(queries_of(console, page_of(jane)))
    for number in range(60):
        change(jane, "changed", after=f"Town {number:02}")
    assert len(queries_of(console, page_of(jane))) == few
    page = console.get(page_of(jane)).content.decode()
    assert ("Town 59" in page, "Town 10" in page, "Town 09" in page) == (True, True, False)
    assert f'href="{list_of(ContactChange)}?contact__exact={jane.pk}"' in page


def test_page_of_a_person_shows_which_remote_record_was_deleted(console: Client, jane: Contact) -> None:
    assert "deleted</span>" not in console.get(page_of(jane)).content.decode()
    ContactMapping.objects.filter(contact=jane).update(gone_at=at(5))
    page = console.get(page_of(jane)).content.decode()
    assert f'deleted</span> <time datetime="{at(5).isoformat()}"' in page


def test_hostile_text_stays_text(console: Client) -> None:
    text = '"><script>alert(1)</script>'
    row = change(
        person("x@example.com", first_name=text), name=f"custom_fields.{text}", before=text, after={text: text}
    )
    ContactEmail.objects.filter(email="x@example.com").update(source=text)
    pages = (list_of(ContactChange), page_of(row), page_of(row.contact), act_url(row, "take-other"))
    for url in pages:
        response = console.get(url)
        assert (response.status_code, "<script>alert" in response.content.decode()) == (200, False)
