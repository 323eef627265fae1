"""Mexican and Argentine numbers: two ways to write one line match with a name, and each record keeps its own."""

from typing import Any

import pytest

from accounts.people import finding
from accounts.people.models import Contact, ContactChange, ContactMapping
from integrations.outbox.models import OutgoingWrite
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"firstName": "Ana", "lastName": "Ruiz"}
LINES = [
    ("+52 1 55 1234 5678", "+525512345678"),
    ("+52 55 1234 5678", "+5215512345678"),
    ("+54 11 2345-6789", "+5491123456789"),
    ("+54 9 11 2345-6789", "+541123456789"),
]


def quietly(sides: HeldSides, **fields: Any) -> dict[str, Any]:
    """Add a contact of GoHighLevel that the hub does not know."""
    sides.muted = True
    contact = sides.ghl.add_contact(**fields)
    sides.muted = False
    return contact


@pytest.mark.parametrize(("in_nowcerts", "in_ghl"), LINES)
@pytest.mark.parametrize("first", ["nowcerts", "gohighlevel"])
def test_records_match_by_name_and_line_and_keep_their_numbers(
    sides: HeldSides, in_nowcerts: str, in_ghl: str, first: str
) -> None:
    if first == "nowcerts":
        quietly(sides, **ANA, phone=in_ghl)
        insured = sides.nowcerts.add_insured(**ANA, phone=in_nowcerts, city="Lima")
    else:
        sides.muted = True
        insured = sides.nowcerts.add_insured(**ANA, phone=in_nowcerts, city="Lima")
        sides.muted = False
        sides.ghl.add_contact(**ANA, phone=in_ghl)
    sides.settle()
    (contact,) = sides.ghl.contacts.values()
    assert (contact["city"], contact["phone"], insured["phone"]) == ("Lima", in_ghl, in_nowcerts)
    assert (len(sides.nowcerts.insureds), Contact.objects.count()) == (1, 1)
    sides.nowcerts.edit(insured["id"], state="FL")
    sides.settle()
    assert (contact["state"], contact["phone"], insured["phone"]) == ("FL", in_ghl, in_nowcerts)
    assert not OutgoingWrite.objects.exclude(status__in=["done", "not_needed"]).exists()


@pytest.mark.parametrize(("in_nowcerts", "in_ghl"), LINES)
def test_line_of_somebody_else_proves_nothing(sides: HeldSides, in_nowcerts: str, in_ghl: str) -> None:
    sides.ghl.allows_duplicates = True
    luis = quietly(sides, firstName="Luis", lastName="Mora", phone=in_ghl)
    sides.nowcerts.add_insured(**ANA, phone=in_nowcerts)
    sides.settle()
    assert (luis["firstName"], len(sides.ghl.contacts)) == ("Luis", 2)


def test_relative_with_the_former_spelling_is_found_behind_another_one(sides: HeldSides) -> None:
    quietly(sides, firstName="Luis", lastName="Ruiz", phone="+5215512345678")
    ana = quietly(sides, **ANA, phone="+5215512345678")
    sides.nowcerts.add_insured(**ANA, phone="+52 55 1234 5678", city="Lima")
    sides.settle()
    assert (ana["city"], len(sides.ghl.contacts)) == ("Lima", 2)


def test_number_that_was_stored_with_the_former_one_is_not_written_anew(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA, phone="+52 1 55 1234 5678")
    sides.settle()
    (contact,) = sides.ghl.contacts.values()
    contact["phone"] = "+5215512345678"
    Contact.objects.update(phone="+5215512345678")
    for mapping in ContactMapping.objects.all():  # as they were stored before the 1 was left out
        mapping.last_synced_values["phone"] = "+5215512345678"
        mapping.save()
    sides.nowcerts.edit(insured["id"], city="Lima")
    sides.settle()
    assert (contact["city"], contact["phone"], insured["phone"]) == ("Lima", "+5215512345678", "+52 1 55 1234 5678")
    sides.ghl.edit(contact["id"], state="FL")
    sides.settle()
    assert (contact["phone"], insured["phone"]) == ("+5215512345678", "+52 1 55 1234 5678")
    changes = ContactChange.objects.filter(name="phone").values_list("before", "after")
    assert list(changes) == [("+5215512345678", "+525512345678")]


@pytest.mark.parametrize("typed", ["+52 1 55 1234 5678", "+52 55 1234 5678", "+5215512345678"])
@pytest.mark.parametrize("stored", ["+525512345678", "+5215512345678"])
def test_staff_find_a_person_by_either_spelling(typed: str, stored: str) -> None:
    contact = Contact.objects.create(first_name="Ana", phone=stored)
    assert [found.contact for found in finding.find(typed, limit=5)] == [contact.pk]
