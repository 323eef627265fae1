"""Merging from a person's page: staff find the other record, and decide where both stand side by side."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.people.models import Contact, PossibleDuplicate, User
from accounts.people.tests.people import addresses, person, possible_duplicate
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import clerk, link_to, signed_in
from accounts.tests.presses import press, queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def jane() -> Contact:
    return person("jane@example.com", ids={"contact": "5"}, first_name="Jane", last_name="Doe")


@pytest.fixture
def other() -> Contact:
    return person("j.doe@example.com", ids={"contact": "6"}, first_name="Janet", last_name="Doe")


def merge_url(contact: Contact) -> str:
    return reverse("admin:accounts_contact_merge", args=[contact.pk])


def button_names(client: Client, contact: Contact) -> list[str]:
    return [button["name"] for button in client.get(link_to(contact)).context["buttons"]]


def hits(client: Client, contact: Contact, text: str) -> list[Contact]:
    return list(client.get(merge_url(contact), {"who": text}).context["hits"])


def operator() -> Client:
    user = User.objects.create_user("operator@example.com", is_staff=True)
    user.groups.set(Group.objects.filter(name="operator"))
    return signed_in(user)


@pytest.mark.parametrize("from_older", [True, False])
def test_two_records_are_merged_from_the_page_of_either(
    from_older: bool, console: Client, jane: Contact, other: Contact
) -> None:
    here, chosen = (jane, other) if from_older else (other, jane)
    (button,) = (one for one in console.get(link_to(here)).context["buttons"] if one["name"] == "merge")
    opened = console.get(button["url"], follow=True)
    assert opened.status_code == 200
    answer = console.post(opened.redirect_chain[-1][0], {"other": chosen.pk}, follow=True)
    shown = answer.content.decode()
    assert '<tr class="differs"><th scope="row">first name</th><td>Jane</td><td>Janet</td></tr>' in shown
    (merge, _apart) = answer.context["decisions"]
    assert Contact.objects.count() == 2, "nothing is merged before it is confirmed"
    done = console.post(merge["url"], {"answered": "1", "reason": "one person"}, follow=True)
    assert done.redirect_chain[-1][0] == link_to(jane), "the older one stays"
    assert (Contact.objects.get(), addresses(jane)) == (jane, ["j.doe@example.com", "jane@example.com"])


@pytest.mark.parametrize("text", ["Janet", "janet doe", "j.doe@example.com", "j.d", "6"])
def test_other_contact_is_found_by_what_search_finds_people_by(
    text: str, console: Client, jane: Contact, other: Contact
) -> None:
    assert hits(console, jane, text) == [other]


def test_the_same_contact_and_a_login_without_one_are_no_choice(console: Client, jane: Contact) -> None:
    User.objects.create_user("jane.login@example.com", first_name="Jane")
    assert hits(console, jane, "jane") == []
    assert "No other contact is known as “jane”." in console.get(merge_url(jane), {"who": "jane"}).content.decode()


def test_many_that_are_found_are_cut_and_the_page_says_so(console: Client, jane: Contact) -> None:
    for number in range(12):
        person(f"jane{number}@example.com", first_name="Jane")
    shown = console.get(merge_url(jane), {"who": "jane"}).context
    assert (len(shown["hits"]), shown["has_more"]) == (10, True)
    assert jane not in shown["hits"]


@pytest.mark.parametrize("chosen", ["", "x", "٣", "999999", "9" * 40, "self"])
def test_what_is_no_other_contact_asks_nothing(chosen: str, console: Client, jane: Contact) -> None:
    answer = console.post(merge_url(jane), {"other": str(jane.pk) if chosen == "self" else chosen}, follow=True)
    assert [str(message) for message in answer.context["messages"]] == [
        "Choose another contact: this one is not there, or is the same one."
    ]
    assert not PossibleDuplicate.objects.exists()


def test_open_question_about_the_two_is_taken_up_and_recorded_once(
    console: Client, staff: Any, jane: Contact, other: Contact
) -> None:
    for _twice in range(2):
        console.post(merge_url(other), {"other": jane.pk})
    question = PossibleDuplicate.objects.get()
    assert (question.contact, question.other, question.status) == (jane, other, "open")
    entry = AuditEntry.objects.get(action="contact.ask_merge")
    assert (entry.actor, entry.target_id, entry.facts) == (
        staff,
        str(other.pk),
        {"question": f"accounts.possibleduplicate:{question.pk}", "other": f"accounts.contact:{jane.pk}"},
    )


def test_two_who_were_told_apart_are_a_question_again(console: Client, jane: Contact, other: Contact) -> None:
    question = possible_duplicate(jane, other)
    press(console, question, "keep-apart", reason="twins")
    console.post(merge_url(jane), {"other": other.pk})
    question.refresh_from_db()
    assert (question.status, question.decided_at) == ("open", None)


def test_only_who_may_merge_has_the_button_and_the_page(jane: Contact, other: Contact) -> None:
    assert "merge" in button_names(operator(), jane)
    looking = clerk("view_contact", "view_user", "view_possibleduplicate", "change_contact")
    assert "merge" not in button_names(looking, jane)
    assert looking.get(merge_url(jane)).status_code == 403
    assert looking.post(merge_url(jane), {"other": other.pk}).status_code == 403
    assert not PossibleDuplicate.objects.exists()


def test_contact_that_is_gone_is_not_found(console: Client, jane: Contact) -> None:
    url = merge_url(jane)
    jane.delete()
    assert console.get(url).status_code == 404


def test_page_costs_the_same_however_many_are_found(console: Client, jane: Contact, other: Contact) -> None:
    url = f"{merge_url(jane)}?who=j"
    few = len(queries_of(console, url))
    for number in range(9):
        person(f"j{number}@example.com", first_name="Jo")
    assert len(queries_of(console, url)) == few <= 12


def test_question_says_why_in_the_readers_language(console: Client, jane: Contact, other: Contact) -> None:
    answer = console.post(merge_url(jane), {"other": other.pk}, follow=True)
    assert "Staff ask whether they are one person" in answer.content.decode()
    spanish = console.get(answer.redirect_chain[-1][0], headers={"Accept-Language": "es"}).content.decode()
    assert "El personal pregunta si son una sola persona" in spanish
