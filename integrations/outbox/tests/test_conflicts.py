"""Both sides changed one value since they last agreed: one word holds, the other is kept and shown."""

from typing import Any

import pytest

from accounts.mail.models import EmailMessage
from accounts.people import contact_changes
from accounts.people.models import Contact, ContactChange
from core.cause import Cause
from integrations.fields.models import FieldPlace, FieldRule
from integrations.outbox import enqueue
from integrations.outbox.models import OutgoingWrite
from tests.harness.fake_sides import contact_as, insured_as
from tests.harness.held_sides import A_MOMENT, HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "city": "Miami"}


@pytest.fixture
def pair(sides: HeldSides) -> tuple[Any, Any]:
    """One person, equal on both sides: (insured, contact)."""
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    return insured, next(iter(sides.ghl.contacts.values()))


def changes(*kinds: str) -> list[tuple[Any, ...]]:
    rows = ContactChange.objects.filter(kind__in=kinds).order_by("pk")
    return list(rows.values_list("kind", "name", "before", "after", "provider"))


@pytest.mark.parametrize("first", ["nowcerts", "gohighlevel"])
def test_newer_of_two_values_wins_in_either_order(sides: HeldSides, pair: tuple[Any, Any], first: str) -> None:
    insured, contact = pair
    sides.ghl.edit(contact["id"], city="Orlando")
    sides.forward(A_MOMENT)
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.hooks.sort(key=lambda hook: ("nowcerts" in hook[0]) != (first == "nowcerts"))
    sides.settle()
    assert (insured["city"], contact["city"]) == ("Tampa", "Tampa")
    assert [row[1:4] for row in changes("won", "lost")] in (
        [("city", "Orlando", "Tampa")],
        [("city", "Tampa", "Orlando")],
    ), "the word that lost stands in the history, with the one that holds"


def test_value_of_the_authority_wins_although_older(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    FieldRule.objects.create(name="city", authority="gohighlevel")
    insured, contact = pair
    sides.ghl.edit(contact["id"], city="Orlando", state="FL")
    sides.forward(A_MOMENT)
    sides.nowcerts.edit(insured["id"], city="Tampa", state="GA")
    sides.settle()
    assert (insured["city"], contact["city"]) == ("Orlando", "Orlando")
    assert (insured["state"], contact["state"]) == ("GA", "GA"), "no authority for this one: the newer"


def test_value_changed_on_one_side_is_no_conflict(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.ghl.edit(contact["id"], city="Orlando")
    sides.nowcerts.edit(insured["id"], state="FL")
    sides.settle()
    assert insured_as(insured) == contact_as(contact)
    assert (insured["city"], contact["state"]) == ("Orlando", "FL")
    assert changes("won", "lost") == []


def test_unreported_remote_change_is_merged_before_the_write(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.muted = True
    sides.ghl.edit(contact["id"], phone="+13055550177")
    sides.muted = False
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert (contact["city"], contact["phone"]) == ("Tampa", "+13055550177")
    assert insured["phone"] == "+13055550177"


def test_a_value_that_was_emptied_on_purpose_is_emptied_on_the_other_side(
    sides: HeldSides, pair: tuple[Any, Any]
) -> None:
    insured, contact = pair
    sides.ghl.edit(contact["id"], city="")
    sides.settle()
    assert (insured["city"], Contact.objects.get().city) == ("", "")


def test_value_that_was_never_filled_overwrites_nothing(sides: HeldSides) -> None:
    sides.muted = True
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", city="Orlando", website="ana.example.com")
    sides.muted = False
    insured = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", city="", lastName="Ruiz")
    sides.settle()
    assert (contact["city"], insured["city"], contact["lastName"]) == ("Orlando", "Orlando", "Ruiz")
    assert insured["website"] == "ana.example.com"


def test_value_that_alternates_is_frozen_and_staff_are_notified(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    for city in ("Tampa", "Miami", "Tampa", "Miami"):  # back and forth three times
        sides.nowcerts.edit(insured["id"], city=city)
        sides.settle()
        assert contact["city"] == city
    sides.ghl.edit(contact["id"], city="Tampa")  # and a fourth
    sides.settle()
    assert (insured["city"], contact["city"]) == ("Miami", "Tampa"), "nothing is written any more"
    assert changes("frozen") == [("frozen", "city", "Miami", "Tampa", "gohighlevel")]
    mail = EmailMessage.objects.get(kind="staff_field_frozen")
    assert (mail.context["field"], mail.context["ours"], mail.context["theirs"]) == ("city", "Miami", "Tampa")

    sides.ghl.edit(contact["id"], state="FL")
    sides.settle()
    assert insured["state"] == "FL", "every other value goes on"

    released = contact_changes.release(ContactChange.objects.get(kind="frozen"), cause=Cause(text="test"))
    assert released is not None
    enqueue.contact_changed(released)
    sides.settle()
    assert (insured["city"], contact["city"]) == ("Miami", "Miami"), "ours holds until somebody changes it"


def test_custom_fields_joined_by_a_rule_are_kept_equal(sides: HeldSides) -> None:
    rule = FieldRule.objects.create(name="shoe_size")
    FieldPlace.objects.create(rule=rule, provider="nowcerts", remote_name="Shoe size")
    FieldPlace.objects.create(rule=rule, provider="gohighlevel", remote_name="cf_shoe")
    insured = sides.nowcerts.add_insured(
        **ANA, customFieldsSimple=[{"text": "Shoe size", "value": "38"}, {"text": "Other", "value": "stays"}]
    )
    sides.settle()
    contact = next(iter(sides.ghl.contacts.values()))
    assert contact["customFields"] == [{"id": "cf_shoe", "value": "38"}]
    sides.ghl.edit(contact["id"], customFields=[{"id": "cf_shoe", "value": "39"}])
    sides.settle()
    kept = {one["text"]: one["value"] for one in insured["customFieldsSimple"]}
    assert kept == {"Shoe size": "39", "Other": "stays"}
    assert Contact.objects.get().custom_fields["shoe_size"] == "39"
    assert OutgoingWrite.objects.filter(status="done").count() == 2
