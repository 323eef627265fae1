"""Possible duplicates in the console: side by side, merged, kept apart, and refused."""

from typing import Any

import pytest
from django.test import Client

from accounts.people.models import Contact, PossibleDuplicate
from accounts.people.tests.people import addresses, person, possible_duplicate
from accounts.tests.admin_clients import clerk, link_to, page_of, signed_in
from accounts.tests.presses import act_url, list_of, logged, press, queries_of, rows_of
from tests.harness.statements import counts_a_table

pytestmark = pytest.mark.django_db
LEFT = "1 row was left as it is: this does not apply to it."


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def question() -> Any:
    jane = person("jane@example.com", ids={"contact": "5"}, first_name="Jane", phone="555")
    return possible_duplicate(
        jane, person("j.doe@example.com", ids={"contact": "6"}, first_name="<b>J</b>", phone="555")
    )


def test_start_page_says_how_many_wait_to_whom_it_may_concern(console: Client, question: Any) -> None:
    items = {item.key: (item.count, item.url) for item in console.get("/admin/").context["attention"]}
    assert items == {"possible_duplicates": (1, f"{list_of(PossibleDuplicate)}?status__exact=open")}
    assert clerk("view_contact").get("/admin/").context["attention"] == []


def test_list_shows_both_people_and_why(console: Client, question: Any) -> None:
    page = console.get(list_of(PossibleDuplicate)).content.decode()
    assert f'href="{link_to(question.contact)}">Jane &lt;jane@example.com&gt;</a>' in page
    assert f'href="{link_to(question.other)}">bJ/b &lt;j.doe@example.com&gt;</a>' in page
    assert "both have one phone" in page
    assert rows_of(console, PossibleDuplicate, status__exact="open") == [question]
    assert rows_of(console, PossibleDuplicate, status__exact="merged") == []


def test_page_compares_them_line_by_line(console: Client, question: Any) -> None:
    page = console.get(page_of(question)).content.decode()
    assert '<tr class="differs"><th scope="row">first name</th><td>Jane</td><td>bJ/b</td></tr>' in page
    assert '<tr class="same"><th scope="row">phone</th><td>555</td><td>555</td></tr>' in page
    assert "Kajabi contact 6" in page


def test_question_before_a_merge_names_the_contact_that_stays(console: Client, question: Any) -> None:
    page = console.get(act_url(question, "merge")).content.decode()
    stays = f"jane@example.com (contact {question.contact_id}) stays; j.doe@example.com (contact {question.other_id})"
    assert stays in page


def test_two_are_merged_with_a_reason(console: Client, staff: Any, question: Any) -> None:
    kept = question.contact
    assert press(console, question, "merge", reason="one phone") == ["1 pair is one contact now."]
    assert (Contact.objects.get(), addresses(kept)) == (kept, ["j.doe@example.com", "jane@example.com"])
    question.refresh_from_db()
    assert (question.status, question.staff) == ("merged", staff)
    assert logged(question) == ["merge: one phone"]
    assert "j.doe@example.com" in console.get(page_of(question)).content.decode()
    assert "j.doe@example.com" in console.get(list_of(PossibleDuplicate)).content.decode()


def test_without_a_reason_nothing_is_merged(console: Client, question: Any) -> None:
    assert console.post(act_url(question, "merge"), {"answered": "1", "reason": " "}).status_code == 422
    question.refresh_from_db()
    assert (question.status, Contact.objects.count(), logged(question)) == ("open", 2, [])


def test_two_with_an_account_each_stay_two_and_the_page_says_why(
    console: Client, question: Any, user: Any, newcomer: Any
) -> None:
    for contact, member in ((question.contact, user), (question.other, newcomer)):
        Contact.objects.filter(pk=contact.pk).update(user=member)
    assert press(console, question, "merge", reason="one phone") == [
        "jane@example.com / j.doe@example.com: both have an account, so they stay two."
        " Lock one of the users, or keep them apart."
    ]
    question.refresh_from_db()
    assert (question.status, question.decided_at, Contact.objects.count()) == ("open", None, 2)
    assert logged(question) == []


def test_two_people_are_marked_as_different(console: Client, staff: Any, question: Any) -> None:
    assert press(console, question, "keep-apart", reason="twins") == ["1 pair is kept apart."]
    question.refresh_from_db()
    assert (question.status, question.staff, Contact.objects.count()) == ("apart", staff, 2)
    assert logged(question) == ["keep-apart: twins"]


@pytest.mark.parametrize("again", ["merge", "keep-apart"])
def test_decided_pair_stays_decided(again: str, console: Client, question: Any) -> None:
    press(console, question, "keep-apart", reason="twins")
    assert press(console, question, again, reason="changed my mind") == [LEFT]
    question.refresh_from_db()
    assert (question.status, Contact.objects.count(), logged(question)) == ("apart", 2, ["keep-apart: twins"])


@pytest.mark.parametrize("act", ["merge", "keep-apart"])
def test_who_may_only_look_decides_nothing(act: str, question: Any) -> None:
    client = clerk("view_possibleduplicate")
    assert client.get(page_of(question)).status_code == 200
    assert client.post(act_url(question, act), {"answered": "1", "reason": "x"}).status_code == 403
    question.refresh_from_db()
    assert (question.status, Contact.objects.count()) == ("open", 2)


def test_several_are_merged_from_the_list_and_one_that_cannot_does_not_stop_the_others(
    console: Client, question: Any, user: Any, newcomer: Any
) -> None:
    one, another = person("a@example.com"), person("b@example.com")
    Contact.objects.filter(pk=one.pk).update(user=user)
    Contact.objects.filter(pk=another.pk).update(user=newcomer)
    stuck = possible_duplicate(one, another)
    pressed = {"action": "merge", "_selected_action": [stuck.pk, question.pk], "answered": "1", "reason": "same"}
    page = console.post(list_of(PossibleDuplicate), pressed, follow=True)
    messages = [str(message) for message in page.context["messages"]]
    assert messages[0] == "1 pair is one contact now."
    assert messages[1].startswith("a@example.com / b@example.com: both have an account")
    assert len(messages) == 2
    assert Contact.objects.count() == 3


def test_list_costs_the_same_for_2_and_for_40_pairs_and_counts_nothing(console: Client) -> None:
    costs = []
    one = person()
    for first, last in ((0, 2), (2, 40)):
        for number in range(first, last):
            possible_duplicate(one, person(f"p{number}@example.com"))
        queries = queries_of(console, list_of(PossibleDuplicate))
        assert [sql for sql in queries if counts_a_table(sql)] == []
        costs.append(len(queries))
    assert costs[0] == costs[1] <= 8
