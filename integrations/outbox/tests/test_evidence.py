"""One person on both sides is known by an equal address, or by number and name together; never by a number alone."""

from typing import Any

import pytest

from accounts.people.models import Contact, ContactMapping, PossibleDuplicate
from core.cause import Cause
from integrations.outbox import repair
from integrations.outbox.matching import name_key
from integrations.outbox.models import OutgoingWrite
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
NUMBER = "+13055550110"
JUAN = {"eMail": "juan@example.com", "firstName": "Juan", "lastName": "Landa", "phone": "(305) 555-0110"}
MARIA = {"firstName": "María", "lastName": "Landa", "phone": NUMBER}
EVA = {"eMail": "eva@example.com", "firstName": "Eva", "lastName": "Gil", "phone": NUMBER}
LUIS = {"email": "luis@example.com", "firstName": "Luis", "lastName": "Mora", "phone": NUMBER}


def quietly(sides: HeldSides, **fields: Any) -> dict[str, Any]:
    """Add a contact of GoHighLevel that the hub does not know."""
    sides.muted = True
    contact = sides.ghl.add_contact(**fields)
    sides.muted = False
    return contact


def people(sides: HeldSides) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The names and addresses of each side, in order."""
    insureds = [(one.get("firstName"), one.get("eMail") or "") for one in sides.nowcerts.insureds.values()]
    contacts = [(one.get("firstName"), one.get("email") or "") for one in sides.ghl.contacts.values()]
    return sorted(insureds), sorted(contacts)


def others_number(sides: HeldSides, name: str) -> Any:
    return next(one.get("phone") for one in sides.ghl.contacts.values() if one["firstName"] == name)


# A number alone -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allows_duplicates", [True, False])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("first", ["insured", "contact"])
def test_two_of_one_number_stay_two_whoever_comes_first(
    sides: HeldSides, first: str, known: bool, allows_duplicates: bool
) -> None:
    sides.ghl.allows_duplicates = allows_duplicates
    if first == "insured":
        sides.nowcerts.add_insured(**JUAN)
        sides.settle()
    maria = sides.ghl.add_contact(**MARIA) if known else quietly(sides, **MARIA)
    if known:
        sides.settle()
    if first == "contact":
        sides.nowcerts.add_insured(**JUAN)
    sides.settle()
    expected = [("Juan", "juan@example.com"), ("María", "")]
    assert people(sides)[1] == expected
    assert people(sides)[0] == (expected if known else expected[:1])
    assert (maria["firstName"], maria.get("email"), maria["phone"]) == ("María", None, NUMBER)
    assert Contact.objects.count() == (2 if known else 1)


def test_refused_number_is_left_out_and_the_write_says_whose_it_is(sides: HeldSides) -> None:
    luis = quietly(sides, **LUIS)
    sides.nowcerts.add_insured(**EVA)
    sides.settle()
    write = OutgoingWrite.objects.get()
    assert (write.status, write.operation) == ("done", "create")
    assert write.left_out["phone"]["value"] == NUMBER
    assert "Luis Mora, luis@example.com" in write.last_error
    assert luis["id"] in write.last_error
    assert people(sides)[1] == [("Eva", "eva@example.com"), ("Luis", "luis@example.com")]
    assert (others_number(sides, "Eva"), luis["firstName"], luis["phone"]) == (None, "Luis", NUMBER)


def test_refused_number_of_a_known_contact_asks_staff(sides: HeldSides) -> None:
    sides.ghl.add_contact(**LUIS)
    sides.settle()
    sides.nowcerts.add_insured(**EVA)
    sides.settle()
    question = PossibleDuplicate.objects.get()
    assert {question.contact.first_name, question.other.first_name} == {"Eva", "Luis"}  # type: ignore[union-attr]
    assert NUMBER in question.reason
    assert [one["phone"] for one in sides.nowcerts.insureds.values()] == [NUMBER, NUMBER]


def test_refused_number_is_not_written_again_by_itself_and_neither_is_it_lost(sides: HeldSides) -> None:
    luis = quietly(sides, **LUIS)
    insured = sides.nowcerts.add_insured(**EVA)
    sides.settle()
    calls = len(sides.writes(sides.ghl))
    sides.nowcerts.edit(insured["id"], changed="nothing that is synced")
    sides.settle()
    assert len(sides.writes(sides.ghl)) == calls
    assert (Contact.objects.get().phone, insured["phone"]) == (NUMBER, NUMBER)

    sides.ghl.edit(luis["id"], phone="+13055550999")
    sides.nowcerts.edit(insured["id"], city="Miami")
    sides.settle()
    assert others_number(sides, "Eva") == NUMBER


def test_number_that_another_contact_has_is_left_out_of_a_change(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**(EVA | {"phone": "+13055550111"}))
    sides.settle()
    luis = quietly(sides, **LUIS)
    sides.nowcerts.edit(insured["id"], phone=NUMBER, city="Miami")
    sides.settle()
    eva = next(one for one in sides.ghl.contacts.values() if one["firstName"] == "Eva")
    assert (eva["city"], eva["phone"]) == ("Miami", "+13055550111")
    assert (luis["firstName"], luis["phone"], luis.get("city")) == ("Luis", NUMBER, None)
    write = OutgoingWrite.objects.latest("pk")
    assert (write.status, list(write.left_out), list(write.after)) == ("done", ["phone"], ["city"])
    assert insured["phone"] == NUMBER


def test_refused_change_of_nothing_else_needs_review(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**EVA, city="Miami")
    sides.settle()
    luis = quietly(sides, **(LUIS | {"phone": "+13055550111"}))
    sides.nowcerts.edit(insured["id"], eMail="luis@example.com")
    sides.settle()
    write = OutgoingWrite.objects.latest("pk")
    assert (write.status, list(write.left_out)) == ("failed", ["email"])
    assert luis["id"] in write.last_error
    assert (luis["firstName"], luis["email"]) == ("Luis", "luis@example.com")
    assert others_number(sides, "Eva") == NUMBER


def test_contact_of_nothing_but_a_refused_number_is_not_created_nameless(sides: HeldSides) -> None:
    quietly(sides, **LUIS)
    sides.nowcerts.add_insured(firstName="Eva", lastName="Gil", phone=NUMBER)
    sides.settle()
    assert people(sides)[1] == [("Luis", "luis@example.com")]
    assert OutgoingWrite.objects.get().status == "failed"


def test_undo_after_a_refused_number_renames_nobody(sides: HeldSides) -> None:
    luis = quietly(sides, **LUIS)
    insured = sides.nowcerts.add_insured(**EVA)
    sides.settle()
    sides.nowcerts.edit(insured["id"], city="Miami")
    sides.settle()
    repair.undo(OutgoingWrite.objects.filter(operation="update").latest("pk"), cause=Cause(text="test"))
    sides.settle()
    assert people(sides) == ([("Eva", "eva@example.com")], [("Eva", "eva@example.com"), ("Luis", "luis@example.com")])
    assert (luis["lastName"], luis["phone"]) == ("Mora", NUMBER)


# Number and name ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last"),
    [("Juan", "Landa"), ("juan", "LANDA"), ("Juan ", " Landa"), ("Júan", "Landá"), ("Juan Landa", "")],
)
def test_same_name_and_number_are_one_person(sides: HeldSides, first: str, last: str) -> None:
    quietly(sides, firstName=first, lastName=last, phone=NUMBER)
    sides.nowcerts.add_insured(**JUAN)
    sides.settle()
    assert len(sides.ghl.contacts) == 1
    assert next(iter(sides.ghl.contacts.values()))["email"] == "juan@example.com"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {"eMail": "juan@example.com", "firstName": "Juan"}),
        ({"firstName": "Juan"}, {"eMail": "juan@example.com"}),
        ({}, {"eMail": "juan@example.com"}),
        ({"firstName": "Juan"}, {"eMail": "juan@example.com", "firstName": "Juan", "lastName": "Landa"}),
        ({"companyName": "Landa LLC"}, {"eMail": "j@example.com", "firstName": "Juan", "commercialName": "Landa LLC"}),
        ({"firstName": "Eva", "companyName": "Landa LLC"}, {"eMail": "j@example.com", "commercialName": "Landa LLC"}),
    ],
)
def test_absent_name_agrees_with_nothing(sides: HeldSides, theirs: dict[str, str], ours: dict[str, str]) -> None:
    there = quietly(sides, phone=NUMBER, **theirs)
    before = dict(there)
    sides.nowcerts.add_insured(phone="305-555-0110", **ours)
    sides.settle()
    assert there == before
    assert len(sides.ghl.contacts) == 2


def test_company_is_found_by_its_name_and_number(sides: HeldSides) -> None:
    quietly(sides, companyName="Rivera Bakery", phone=NUMBER)
    sides.nowcerts.add_insured(commercialName="RIVERA BAKERY", phone="305.555.0110", eMail="info@rivera.example")
    sides.settle()
    assert [one["email"] for one in sides.ghl.contacts.values()] == ["info@rivera.example"]


def test_family_member_is_found_among_those_of_one_number(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True
    quietly(sides, **LUIS)
    quietly(sides, firstName="eva", lastName="gil", phone=NUMBER)
    sides.ghl.lists_names = "renamed"
    sides.nowcerts.add_insured(**EVA)
    sides.settle()
    assert people(sides)[1] == [("Eva", "eva@example.com"), ("Luis", "luis@example.com")]


def test_name_key_folds_case_accents_and_spaces_and_nothing_else() -> None:
    assert name_key("Juan", "Pérez") == name_key("JUAN ", "  perez") == name_key("Juan Pérez", None)
    assert name_key("Juan", "Pérez") != name_key("Juana", "Pérez")
    assert name_key("", None) == name_key(" ", "") == ()
    assert name_key("", "", company="Pérez, S.A.") == name_key("Pérez", "S.A.")
    assert name_key("Ana", "", company="Pérez") == ("ana",)


# Address --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["eMail", "eMail2", "eMail3"])
@pytest.mark.parametrize("spelling", ["ana@example.com", "ANA@Example.com", "Ana <ana@example.com>; b@example.com"])
def test_insured_is_found_by_any_of_its_addresses(sides: HeldSides, column: str, spelling: str) -> None:
    sides.muted = True
    insured = sides.nowcerts.add_insured(**({"eMail": "main@example.com", "firstName": "Ana"} | {column: spelling}))
    sides.muted = False
    sides.ghl.add_contact(email="ana@example.com", firstName="Ana", city="Miami")
    sides.settle()
    assert list(sides.nowcerts.insureds) == [insured["id"]]
    assert (insured["city"], len(sides.ghl.contacts), Contact.objects.count()) == ("Miami", 1, 1)


def test_contact_is_found_by_an_additional_address(sides: HeldSides) -> None:
    there = quietly(sides, email="main@example.com", additionalEmails=[{"email": "Ana@Example.com"}], firstName="Ana")
    sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", city="Miami")
    sides.settle()
    assert (len(sides.ghl.contacts), there["city"]) == (1, "Miami")


def test_alias_of_ours_finds_the_contact(sides: HeldSides) -> None:
    there = quietly(sides, email="old@example.com", firstName="Ana")
    sides.nowcerts.add_insured(eMail="main@example.com", eMail2="old@example.com", firstName="Ana", city="Miami")
    sides.settle()
    assert (len(sides.ghl.contacts), there["city"]) == (1, "Miami")


def test_address_that_a_number_hides_is_found(sides: HeldSides) -> None:
    """The location may prefer numbers: then a look-up of both gives the wrong one of two people."""
    sides.ghl.unique_by = ("phone", "email")
    quietly(sides, **LUIS)
    eva = quietly(sides, email="eva@example.com", firstName="Eva", lastName="Gil")
    sides.nowcerts.add_insured(**EVA, city="Miami")
    sides.settle()
    assert (eva["city"], len(sides.ghl.contacts)) == ("Miami", 2)
    assert people(sides)[1] == [("Eva", "eva@example.com"), ("Luis", "luis@example.com")]


def test_record_of_another_contact_is_a_question(sides: HeldSides) -> None:
    ana = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", additionalEmails=[])
    sides.settle()
    sides.ghl.edit(ana["id"], additionalEmails=[{"email": "shared@example.com"}])
    sides.hooks.clear()
    sides.nowcerts.add_insured(eMail="shared@example.com", firstName="Bea")
    sides.settle()
    assert (ana["firstName"], len(sides.ghl.contacts)) == ("Ana", 1)
    assert PossibleDuplicate.objects.count() == 1
    assert OutgoingWrite.objects.get(provider="gohighlevel").status == "failed"


# Without an address ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling", ["ana@example.com", "ANA@EXAMPLE.COM", "Ana@example.com", "b@x.example; ana@example.com"]
)
def test_insured_is_found_where_the_list_compares_by_case(sides: HeldSides, spelling: str) -> None:
    sides.nowcerts.compares_case = True
    sides.muted = True
    sides.nowcerts.add_insured(eMail=spelling, firstName="Ana")
    sides.muted = False
    sides.ghl.add_contact(email="ana@example.com", firstName="Ana", city="Miami")
    sides.settle()
    assert [one["city"] for one in sides.nowcerts.insureds.values()] == ["Miami"]


@pytest.mark.parametrize("column", ["cellPhone", "smsPhone", "phone"])
def test_insured_of_one_number_is_synced_by_it(sides: HeldSides, column: str) -> None:
    insured = sides.nowcerts.add_insured(
        **{"firstName": "Ana", "lastName": "Ruiz", "phone": None, column: "(305) 555-0110"}
    )
    sides.settle()
    (there,) = sides.ghl.contacts.values()
    assert (there["firstName"], there["phone"]) == ("Ana", NUMBER)
    sides.ghl.edit(there["id"], city="Miami")
    sides.settle()
    assert (insured["city"], insured[column]) == ("Miami", "(305) 555-0110")
    ContactMapping.objects.filter(provider="gohighlevel").delete()
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert (len(sides.ghl.contacts), there["city"]) == (1, "Tampa")


def test_contact_without_any_address_or_number_is_not_created(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(firstName="Ana", lastName="Ruiz", cellPhone="none")
    sides.settle()
    assert (len(sides.ghl.contacts), OutgoingWrite.objects.count()) == (0, 0)
