"""A value that could not be written at a provider is a question to staff until something settles it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.people.models import Contact
from accounts.tests.admin_clients import signed_in
from integrations.outbox.models import OutgoingWrite, RefusedValue
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"firstName": "Ana", "lastName": "Ruiz", "eMail": "ana@example.com"}
NO_SITE = "website must be a URL address"


def only(records: dict[str, Any]) -> Any:
    (record,) = records.values()
    return record


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def insured(sides: HeldSides) -> Any:
    """Somebody at both providers, whose new website GoHighLevel refuses."""
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.ghl.refuses = {"website": NO_SITE}
    sides.nowcerts.edit(insured["id"], website="example.com", city="Miami")
    sides.settle()
    return insured


def question() -> RefusedValue:
    return RefusedValue.objects.get(status="open")


def page(console: Client, row: RefusedValue) -> Any:
    return console.get(reverse("admin:review_question", args=["refused_values", row.pk])).context


def decide(console: Client, row: RefusedValue, decision: str, **answers: str) -> Any:
    (form,) = (one for one in page(console, row)["decisions"] if one["action"].name == decision)
    answers.setdefault("reason", "looked at it")
    return console.post(form["url"], {"answered": "1", **answers}, follow=True)


def test_refused_value_is_asked_about_with_both_sides(sides: HeldSides, console: Client, insured: Any) -> None:
    asked = page(console, question())["question"]
    assert str(asked.title) == "Ana Ruiz: GoHighLevel does not take this: website"
    assert NO_SITE in str(asked.why)
    assert len(asked.heads) == 3, "here, and the record at either provider"
    assert [[str(value) for value in values] for _field, values in asked.lines] == [["example.com", "–", "example.com"]]


def test_site_without_its_beginning_is_suggested_with_it_and_written_everywhere(
    sides: HeldSides, console: Client, insured: Any
) -> None:
    row = question()
    assert page(console, row)["question"].suggestion.answers == {"value": "https://example.com"}
    sides.ghl.refuses = {}
    decide(console, row, "correct", value="https://example.com")
    sides.settle()
    assert only(sides.ghl.contacts)["website"] == only(sides.nowcerts.insureds)["website"] == "https://example.com"
    row.refresh_from_db()
    assert row.status == "settled"


@pytest.mark.parametrize("value", ["example.com", "x" * 1001])
def test_correction_that_is_none_is_refused_on_the_form(console: Client, insured: Any, value: str) -> None:
    row = question()
    assert decide(console, row, "correct", value=value).status_code == 422
    assert question() == row


def test_address_of_somebody_else_is_no_correction(sides: HeldSides, console: Client) -> None:
    other, contact = (Contact.objects.create(first_name=name, email=f"{name}@example.com") for name in ("bea", "ana"))
    other.emails.create(email="bea@example.com", source="test")
    row = RefusedValue.objects.create(contact=contact, provider="gohighlevel", name="email", value="ana@", reason="no")
    decide(console, row, "correct", value="bea@example.com")
    contact.refresh_from_db()
    assert (contact.email, question()) == ("ana@example.com", row)


def test_number_is_corrected_in_the_form_in_which_it_is_stored(sides: HeldSides, console: Client) -> None:
    contact = Contact.objects.create(first_name="Ana", phone="12")
    row = RefusedValue.objects.create(contact=contact, provider="gohighlevel", name="phone", value="12", reason="no")
    assert decide(console, row, "correct", value="call me").status_code == 422
    decide(console, row, "correct", value="(305) 555-0110")
    contact.refresh_from_db()
    assert contact.phone == "+13055550110"


def test_value_that_staff_left_out_is_not_sent_again_until_it_changes(
    sides: HeldSides, console: Client, insured: Any
) -> None:
    decide(console, question(), "leave-out")
    sides.ghl.refuses = {}
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    contact = only(sides.ghl.contacts)
    assert (contact["city"], contact.get("website")) == ("Tampa", None)
    write = OutgoingWrite.objects.filter(provider="gohighlevel").latest("pk")
    assert set(write.left_out) == {"custom_fields.website"}, "the write says so"

    sides.nowcerts.edit(insured["id"], website="https://example.com")
    sides.settle()
    assert contact["website"] == "https://example.com"
    assert RefusedValue.objects.get().status == "settled"


def test_value_that_was_left_out_is_asked_about_again_and_tried_by_the_next_write(
    sides: HeldSides, console: Client, insured: Any
) -> None:
    row = question()
    decide(console, row, "leave-out")
    line = console.get(f"{reverse('admin:review')}decided/").context["lines"][0]
    (button,) = line["buttons"]
    console.post(button["url"], {"answered": "1", "reason": "it is a site after all"})
    assert question() == row
    sides.ghl.refuses = {}
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert only(sides.ghl.contacts)["website"] == "example.com"
    row.refresh_from_db()
    assert row.status == "settled", "it was written"


@pytest.mark.parametrize("is_refused", [True, False])
def test_value_is_tried_again_and_is_a_question_again_where_it_is_refused_again(
    sides: HeldSides, console: Client, insured: Any, is_refused: bool
) -> None:
    row = question()
    sides.ghl.refuses = {"website": NO_SITE} if is_refused else {}
    decide(console, row, "try-again")
    assert not RefusedValue.objects.filter(status="open").exists()
    sides.settle()
    assert only(sides.ghl.contacts).get("website") == (None if is_refused else "example.com")
    assert RefusedValue.objects.filter(status="open").exists() == is_refused


def test_question_ends_once_the_value_changes(sides: HeldSides, insured: Any) -> None:
    row = question()
    sides.ghl.refuses = {}
    sides.nowcerts.edit(insured["id"], website="https://example.com")
    sides.settle()
    row.refresh_from_db()
    assert row.status == "settled"


def test_another_value_that_is_refused_is_a_question_again(sides: HeldSides, console: Client, insured: Any) -> None:
    decide(console, question(), "leave-out")
    sides.nowcerts.edit(insured["id"], website="also none")
    sides.settle()
    assert question().value == "also none"


def test_write_that_failed_for_want_of_anything_else_is_settled_by_leaving_the_value_out(
    sides: HeldSides, console: Client
) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.ghl.refuses = {"website": NO_SITE}
    sides.nowcerts.edit(insured["id"], website="not a site")
    sides.settle()
    assert OutgoingWrite.objects.filter(status="failed").count() == 1
    decide(console, question(), "leave-out")
    assert not OutgoingWrite.objects.filter(status="failed").exists()
    sides.nowcerts.edit(insured["id"], firstName="Ana")
    sides.settle()
    assert not OutgoingWrite.objects.filter(status="failed").exists()


def test_same_value_of_somebody_else_that_was_left_out_is_a_suggestion(console: Client) -> None:
    values: dict[str, Any] = {"provider": "gohighlevel", "name": "state", "value": "somewhere", "reason": "shorter"}
    rows = [RefusedValue.objects.create(contact=Contact.objects.create(), **values) for _number in range(2)]
    assert page(console, rows[1])["question"].suggestion is None
    decide(console, rows[0], "leave-out")
    assert page(console, rows[1])["question"].suggestion.action == "leave-out"


def test_value_of_ours_that_can_be_written_nowhere_is_a_question(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    Contact.objects.update(phone="555-0110", origins={"phone": {"at": "", "by": "kajabi"}})
    sides.nowcerts.edit(insured["id"], city="Miami")
    sides.settle()
    assert {(row.provider, row.name, row.value) for row in RefusedValue.objects.filter(status="open")} == {
        ("gohighlevel", "phone", "555-0110")
    }
