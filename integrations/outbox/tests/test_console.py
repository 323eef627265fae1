"""The buttons on a contact's page: a preview shows the exact differences, and a sync writes them."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.people.models import Contact, ContactChange, ContactMapping
from accounts.people.tests.people import person
from accounts.tests.admin_clients import clerk, page_of, signed_in
from accounts.tests.presses import act_url, list_of, logged
from integrations.outbox.models import OutgoingWrite
from tests.fakes import gohighlevel
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": "+13055550100", "city": "Miami"}
BUTTONS = ("sync-now", "preview")


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def ana(sides: HeldSides) -> Contact:
    """Ana, who is the same on both sides."""
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    return Contact.objects.get()


def previewed(client: Client, contact: Contact) -> str:
    response = client.post(act_url(contact, "preview"))
    assert response.status_code == 200
    text: str = response.content.decode()
    return " ".join(text[text.index('id="content-main"') :].split())


def test_a_preview_shows_what_would_change_on_every_side_and_changes_nothing(console: Client, sides: HeldSides) -> None:
    contact = ana(sides)
    sides.muted = True
    (there,) = sides.ghl.contacts.values()
    sides.ghl.edit(there["id"], city="Orlando <FL>")
    (insured,) = sides.nowcerts.insureds.values()
    sides.nowcerts.edit(insured["id"], lastName="Ruiz Gil")
    writes, changes = OutgoingWrite.objects.count(), ContactChange.objects.count()
    page = previewed(console, contact)
    here, nowcerts_or_ghl = page.split("<h2>GoHighLevel</h2>")
    ghl, nowcerts = nowcerts_or_ghl.split("<h2>NowCerts</h2>")
    assert '<th scope="row">city</th><td>Miami</td><td>Orlando &lt;FL&gt;</td>' in here
    assert '<th scope="row">last name</th><td>Ruiz</td><td>Ruiz Gil</td>' in here
    assert '<th scope="row">last name</th><td>Ruiz</td><td>Ruiz Gil</td>' in ghl
    assert '<th scope="row">city</th><td>Miami</td><td>Orlando &lt;FL&gt;</td>' in nowcerts
    assert ("would be changed</span>" in ghl, "would be changed</span>" in nowcerts) == (True, True)
    assert there["id"] in ghl
    assert f'action="{act_url(contact, "sync-now")}"' in nowcerts
    contact.refresh_from_db()
    assert (contact.city, there["city"], insured["lastName"]) == ("Miami", "Orlando <FL>", "Ruiz Gil")
    assert (OutgoingWrite.objects.count(), ContactChange.objects.count()) == (writes, changes)
    assert logged(contact) == []


def test_a_preview_says_where_nothing_would_change_and_where_a_record_would_be_made(
    console: Client, sides: HeldSides
) -> None:
    contact = ana(sides)
    page = previewed(console, contact)
    assert ("Nothing would change." in page, page.count("equal already</span>")) == (True, 2)
    other = previewed(console, person("bob@example.com", first_name="Bob"))
    assert other.count("a record would be created</span>") == 2
    assert '<th scope="row">first name</th><td>–</td><td>Bob</td>' in other


def test_preview_shows_the_problem_of_an_unreachable_provider(console: Client, sides: HeldSides) -> None:
    contact = ana(sides)
    sides.ghl.misbehave(*[gohighlevel.Answer(status=503)] * 9)
    ghl, nowcerts = previewed(console, contact).split("<h2>NowCerts</h2>")
    assert "cannot be written</span>" in ghl
    assert '<p class="errornote">' in ghl
    assert "equal already</span>" in nowcerts


def test_a_sync_says_how_many_writes_are_under_way_and_leads_to_them(
    console: Client, staff: Any, sides: HeldSides
) -> None:
    contact = ana(sides)
    sides.muted = True
    (there,) = sides.ghl.contacts.values()
    sides.ghl.edit(there["id"], city="Orlando")
    response = console.post(act_url(contact, "sync-now"), follow=True)
    (said,) = [str(message) for message in response.context["messages"]]
    assert said.startswith("2 writes are under way. ")
    assert f'href="{list_of(OutgoingWrite)}?contact__exact={contact.pk}"' in said
    assert logged(contact) == ["sync-now"]
    assert set(OutgoingWrite.objects.filter(status="pending").values_list("staff", flat=True)) == {staff.pk}
    sides.settle()
    (insured,) = sides.nowcerts.insureds.values()
    assert insured["city"] == there["city"] == "Orlando"


def test_contact_without_email_and_phone_is_not_enqueued(console: Client, sides: HeldSides) -> None:
    contact = Contact.objects.create(first_name="Ana")
    response = console.post(act_url(contact, "sync-now"), follow=True)
    assert [str(message).split(":")[0] for message in response.context["messages"]] == ["Nothing can be written"]
    assert (OutgoingWrite.objects.count(), logged(contact)) == (0, [])


def test_sync_of_a_deleted_record_says_so(console: Client, sides: HeldSides) -> None:
    contact = ana(sides)
    (there,) = sides.ghl.contacts.values()
    sides.ghl.delete_contact(there["id"])
    ContactMapping.objects.filter(provider="gohighlevel").update(gone_at=contact.created_at)
    assert f"{there['id']} was deleted there" in previewed(console, contact)


def test_there_are_no_buttons_where_nothing_is_kept_equal(console: Client, settings: Any) -> None:
    jane = person()
    page = console.get(page_of(jane)).content.decode()
    for button in BUTTONS:
        assert act_url(jane, button) not in page
        console.post(act_url(jane, button))
    settings.CONTACT_SYNC = True  # but no provider is connected
    assert act_url(jane, "sync-now") not in console.get(page_of(jane)).content.decode()
    assert OutgoingWrite.objects.count() == 0


def test_viewer_cannot_sync_a_contact(sides: HeldSides) -> None:
    jane = person()
    client = clerk("view_contact")
    page = client.get(page_of(jane)).content.decode()
    for button in BUTTONS:
        assert act_url(jane, button) not in page
        assert client.post(act_url(jane, button)).status_code == 403
        assert client.get(act_url(jane, button)).status_code == 403
    assert (OutgoingWrite.objects.count(), LogEntry.objects.count(), len(sides.ghl.exchanges)) == (0, 0, 0)
