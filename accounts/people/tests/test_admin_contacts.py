"""Contacts in the console: found, shown whole, and what staff may do to them."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.commerce.models import FormSubmission, Order, Payment
from accounts.people.models import Contact, ContactEmail, ContactMapping, ContactTag, Tag
from accounts.people.tests.people import JANE, addresses, at, person, possible_duplicate, report
from accounts.people.tests.test_contact_duplicates import purchase
from accounts.tests.admin_clients import clerk, link_to, page_of, signed_in
from accounts.tests.presses import act_url, list_of, logged, press, queries_of, rows_of
from tests.harness.statements import counts_a_table

pytestmark = pytest.mark.django_db
TAKEN = "bob@example.com is an address of Bob already (contact %d). Nothing was changed."


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def jane(user: Any) -> Contact:
    made = person(
        ids={"contact": "501", "customer": "901"},
        aliases=["jane@work.example.com"],
        first_name="Jane",
        last_name="Doe",
        phone="+1 555 1000",
        tags=["vip", "gone"],
        offers=[{"id": "1", "title": "<b>Membership</b>"}],
        custom_fields={"size": "<script>"},
    )
    report(ids={"contact": "501"}, minute=1, tags_removed=["gone"])
    Contact.objects.filter(pk=made.pk).update(user=user)
    return made


@pytest.mark.parametrize(
    "search",
    ["JANE@exam", "jane@work", "Jan", "doe", "doe jan", "+1 555", "501", "901", " jane@example.com "],
)
def test_people_are_found_by_the_beginning_of_address_name_phone_and_by_a_whole_id(
    search: str, console: Client, jane: Contact
) -> None:
    person("bob@example.com", ids={"contact": "77"}, first_name="Bob")
    assert rows_of(console, Contact, q=search) == [jane]


@pytest.mark.parametrize("search", ["50", "example.com", "ane", "555", "doe bob", "%", "_", "' OR 1=1 --"])
def test_nothing_else_finds_them(search: str, console: Client, jane: Contact) -> None:
    assert rows_of(console, Contact, q=search) == []


def test_filters(console: Client, jane: Contact) -> None:
    bob = person("bob@example.com", ids={"contact": "501"}, provider="chatwoot", tags=["gone"])
    assert rows_of(console, Contact) == [bob, jane]
    assert rows_of(console, Contact, account="yes") == [jane]
    assert rows_of(console, Contact, account="no") == [bob]
    assert rows_of(console, Contact, provider="kajabi") == [jane]
    assert rows_of(console, Contact, provider="nowhere") == []
    assert rows_of(console, Contact, tag="vip") == [jane]
    assert rows_of(console, Contact, tag="gone") == [bob]
    assert rows_of(console, Contact, tag="unheard of") == []
    assert rows_of(console, Contact, tag="vip", account="no") == []


def test_filter_by_tag_keeps_the_other_filters_and_offers_the_names(console: Client, jane: Contact) -> None:
    page = console.get(list_of(Contact), {"account": "yes", "tag": 'v"<', "q": "jane"}).content.decode()
    form = page[page.index('class="typed-filter"') :]
    form = form[: form.index("</form>")]
    assert '<input type="hidden" name="account" value="yes">' in form
    assert '<input type="hidden" name="q" value="jane">' in form
    assert 'name="tag" value="v&quot;&lt;"' in form
    assert '<option value="vip">' in form


def test_list_costs_the_same_for_5_and_for_50_people_and_counts_nothing(console: Client) -> None:
    costs = []
    tag = Tag.objects.create(name="vip")
    for first, last in ((0, 5), (5, 50)):
        for number in range(first, last):
            contact = Contact.objects.create(email=f"p{number}@example.com")
            ContactEmail.objects.create(contact=contact, email=contact.email)
            ContactMapping.objects.create(contact=contact, provider="kajabi", kind="contact", external_id=str(number))
            ContactTag.objects.create(contact=contact, tag=tag, provider="kajabi", changed_at=at(0))
        queries = queries_of(console, list_of(Contact))
        assert [sql for sql in queries if counts_a_table(sql)] == []
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 13  # a list of one page is read twice, with its tags and records


def test_page_of_a_person_shows_everything_about_them(console: Client, user: Any, jane: Contact) -> None:
    bob = person("bob@example.com", first_name="Bob")
    purchase(jane)
    question = possible_duplicate(jane, bob)
    page = console.get(page_of(jane)).content.decode()
    for row in (user, jane.orders.get(), question):
        assert f'href="{link_to(row)}"' in page
    for rows in (Order, Payment, FormSubmission):
        assert f'href="{list_of(rows)}?contact__exact={jane.pk}"' in page
    for text in ("jane@work.example.com", "Kajabi contact 501", "Kajabi customer 901", "+1 555 1000", "299.00 USD"):
        assert text in page
    assert "&lt;b&gt;Membership&lt;/b&gt;" in page
    assert "<script>&quot;" not in page
    assert f'href="{list_of(Contact)}?tag=vip"' in page
    events = reverse("admin:integrations_inboxevent_changelist")
    for search in ("jane%40example.com", "jane%40work.example.com", "501", "901"):
        assert f'href="{events}?q={search}"' in page


def test_page_of_a_person_reads_their_newest_purchases(console: Client, jane: Contact) -> None:
    for number in range(3):
        purchase(jane, f"few-{number}")
    few = len(queries_of(console, page_of(jane)))
    for number in range(60):
        purchase(jane, f"many-{number:02}")
    assert len(queries_of(console, page_of(jane))) == few
    page = console.get(page_of(jane)).content.decode()
    assert ("many-59" in page, "many-10" in page, "many-09" in page, "few-0" in page) == (True, True, False, False)


def test_page_of_a_user_leads_to_their_contact(console: Client, user: Any) -> None:
    assert f'href="{list_of(Contact)}?q=jane%40example.com"' in console.get(page_of(user)).content.decode()


def test_contacts_are_read_only(console: Client, jane: Contact) -> None:
    assert console.get(reverse("admin:accounts_contact_add")).status_code == 403
    assert console.post(page_of(jane), {"first_name": "Other"}).status_code == 403
    assert console.post(reverse("admin:accounts_contact_delete", args=[jane.pk]), {"post": "yes"}).status_code == 403
    jane.refresh_from_db()
    assert jane.first_name == "Jane"


def test_address_is_added(console: Client, staff: Any, jane: Contact) -> None:
    assert press(console, jane, "add-alias", email=" Jane@Other.example.com.") == ["1 address was added."]
    added = ContactEmail.objects.get(email="jane@other.example.com")
    assert (added.contact, added.source) == (jane, f"staff: {staff.email}")
    assert logged(jane) == ["add-alias"]


def test_address_of_another_contact_is_refused_with_their_name(console: Client, jane: Contact) -> None:
    bob = person("bob@example.com", first_name="Bob")
    assert press(console, jane, "add-alias", email="BOB@example.com") == [TAKEN % bob.pk]
    assert (addresses(jane), addresses(bob)) == ([JANE, "jane@work.example.com"], ["bob@example.com"])
    assert logged(jane) == []


def test_address_that_they_have_already_changes_nothing(console: Client, jane: Contact) -> None:
    said = press(console, jane, "add-alias", email=JANE)
    assert (said, logged(jane)) == (["1 row was left as it is: this does not apply to it."], [])


@pytest.mark.parametrize("broken", ["", "jane", "jane@", "ĸane@example.com"])
def test_invalid_address_is_asked_for_again(broken: str, console: Client, jane: Contact) -> None:
    response = console.post(act_url(jane, "add-alias"), {"answered": "1", "email": broken})
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["email"])
    assert addresses(jane) == [JANE, "jane@work.example.com"]


def test_address_is_removed_but_never_the_main_one(console: Client, jane: Contact) -> None:
    said = press(console, jane, "remove-alias", email=JANE)
    assert said == ["jane@example.com is the main address: it is changed at the provider."]
    assert press(console, jane, "remove-alias", email="jane@work.example.com") == ["1 address was removed."]
    assert press(console, jane, "remove-alias", email="jane@work.example.com") == [
        "1 row was left as it is: this does not apply to it."
    ]
    assert (addresses(jane), logged(jane)) == ([JANE], ["remove-alias"])


@pytest.mark.parametrize("act", ["add-alias", "remove-alias"])
def test_who_may_only_look_changes_no_address(act: str, jane: Contact) -> None:
    client = clerk("view_contact")
    assert act_url(jane, act) not in client.get(page_of(jane)).content.decode()
    response = client.post(act_url(jane, act), {"answered": "1", "email": "jane@work.example.com"})
    assert (response.status_code, addresses(jane)) == (403, [JANE, "jane@work.example.com"])


def test_address_is_not_added_to_several_people_from_the_list(console: Client, jane: Contact) -> None:
    assert 'value="add-alias"' not in console.get(list_of(Contact)).content.decode()
