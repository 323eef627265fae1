"""Writes that found somebody else, once staff have said that they are two people."""

from typing import Any

import pytest

from accounts.people.models import Contact, PossibleDuplicate
from accounts.tests.admin_clients import signed_in
from accounts.tests.presses import press
from core.cause import Cause
from integrations.outbox import refused
from integrations.outbox.models import OutgoingWrite, RefusedValue
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": "+13055550100", "city": "Miami"}
CAUSE = Cause(text="test")


def test_write_that_failed_for_two_contacts_is_settled_when_staff_tell_them_apart(sides: HeldSides, staff: Any) -> None:
    sides.ghl.add_contact(email="other@example.com", phone="+13055550100", firstName="Ana", lastName="Ruiz")
    sides.settle()
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    assert len(still_failed()) == 1
    done = press(signed_in(staff), PossibleDuplicate.objects.get(), "keep-apart", reason="mother and daughter")
    assert done == ["1 pair is kept apart."]
    sides.settle()
    assert still_failed() == []
    assert len(sides.ghl.contacts) == 2, "each has a record"


def of_one_address(sides: HeldSides, **rose: str) -> None:
    """A contact of GoHighLevel has a further address, which is the only one of an insured of another name."""
    mary = sides.ghl.add_contact(email="mary@example.com", firstName="Mary", lastName="Gomes")
    sides.settle()
    sides.ghl.edit(mary["id"], additionalEmails=[{"email": "shared@example.com"}])
    sides.settle()
    sides.nowcerts.add_insured(eMail="shared@example.com", firstName="Rose", lastName="Paz", **rose)
    sides.settle()


def still_failed() -> list[str]:
    return list(OutgoingWrite.objects.filter(status="failed").values_list("last_error", flat=True))


def test_value_that_only_one_of_two_people_can_have_is_a_question_of_its_own(sides: HeldSides, staff: Any) -> None:
    of_one_address(sides)
    assert len(still_failed()) == 1
    press(signed_in(staff), PossibleDuplicate.objects.get(), "keep-apart", reason="a family")
    sides.settle()
    assert len(still_failed()) == 1, "the write of before is taken on by the next one"
    value = RefusedValue.objects.get()
    assert (value.status, value.name, value.value) == ("open", "email", "shared@example.com")
    assert "Mary Gomes" in value.reason
    assert refused.leave_out(value, cause=CAUSE) is True
    assert still_failed() == []
    assert [one["firstName"] for one in sides.ghl.contacts.values()] == ["Mary"]


def test_who_has_a_number_too_is_written_without_the_value_that_another_one_has(sides: HeldSides, staff: Any) -> None:
    of_one_address(sides, phone="+13055550177")
    press(signed_in(staff), PossibleDuplicate.objects.get(), "keep-apart", reason="a family")
    sides.settle()
    assert still_failed() == []
    assert sorted(one["firstName"] for one in sides.ghl.contacts.values()) == ["Mary", "Rose"]
    assert [one.name for one in RefusedValue.objects.filter(status="open")] == ["email"]


def test_a_write_that_fails_again_takes_on_what_failed_before_it_and_nothing_of_others(sides: HeldSides) -> None:
    of_one_address(sides)
    zoe = Contact.objects.create(email="zoe@example.com", first_name="Zoe")
    for name in ("Rose", "Zoe"):
        contact = Contact.objects.get(first_name=name)
        OutgoingWrite.objects.create(
            provider="gohighlevel", kind="contact", contact=contact, status="failed", last_error="before"
        )
    again = OutgoingWrite.objects.create(
        provider="gohighlevel", kind="contact", contact=Contact.objects.get(first_name="Rose")
    )
    sides.settle()
    of_rose = OutgoingWrite.objects.filter(provider="gohighlevel", contact__first_name="Rose").order_by("pk")
    assert [row.status for row in of_rose] == ["skipped", "skipped", "failed"]
    assert {row.last_error for row in of_rose[:2]} == {f"write {again.pk} took it on"}
    assert OutgoingWrite.objects.get(contact=zoe).status == "failed"


def test_number_that_only_one_of_two_people_can_have_is_asked_about_with_the_next_change(
    sides: HeldSides, staff: Any
) -> None:
    sides.ghl.add_contact(email="mary@example.com", firstName="Mary", lastName="Gomes", phone="+13055550177")
    sides.settle()
    rose = sides.nowcerts.add_insured(
        eMail="rose@example.com", firstName="Rose", lastName="Gomes", phone="+13055550177"
    )
    sides.settle()
    press(signed_in(staff), PossibleDuplicate.objects.get(), "keep-apart", reason="a family")
    sides.nowcerts.edit(rose["id"], city="Miami")
    sides.settle()
    assert still_failed() == []
    written = {one["firstName"]: (one.get("phone"), one.get("city")) for one in sides.ghl.contacts.values()}
    assert written == {"Mary": ("+13055550177", None), "Rose": (None, "Miami")}, "nobody gets or loses a number"
    assert [(one.name, one.status) for one in RefusedValue.objects.all()] == [("phone", "open")]
