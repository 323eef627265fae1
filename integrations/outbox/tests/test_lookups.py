"""People are found on the other side however their number is written there, in one call for each."""

import pytest

from accounts.people.models import Contact
from integrations.outbox.contacts import CALL_TIMEOUT
from integrations.outbox.matching import SearchedPerson, find, name_key
from integrations.providers.nowcerts.contact_api import MIRROR
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
NUMBER = "+13055550110"
SPELLINGS = [
    *("+13055550110", "13055550110", "3055550110", "(305) 555-0110", "(305)555-0110", "305-555-0110"),
    *("305.555.0110", "305 555 0110", "1-305-555-0110", "+1 (305) 555-0110", "+1 305-555-0110", "1 (305) 555 0110"),
    *("011 1 305 555 0110", "(305) 555-0110 ext. 12", "305-555-0110 x12", "305\u2011555\u20110110", "305–555–0110"),
    *("\u202a(305) 555-0110\u202c", "305/555/0110", "(305)\u00a0555-0110", "tel: 305-555-0110", " 305  555  0110 "),
    *("305-555-0110 / 786-555-0111", "Cell 305.555.0110", "(305 ) 555 - 0110"),
]
ABROAD = [
    *(("+34612345678", spelling) for spelling in ("+34 612 34 56 78", "+34 612 345 678", "011 34 612345678")),
    *(("+442079460958", spelling) for spelling in ("+44 20 7946 0958", "+44 20 79460958", "+442079460958")),
    *(("+525512345678", spelling) for spelling in ("+52 55 1234 5678", "011 52 55 1234 5678")),
]


@pytest.mark.parametrize("column", ["phone", "cellPhone", "smsPhone"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_insured_is_found_by_number_and_name_in_any_spelling(sides: HeldSides, spelling: str, column: str) -> None:
    found_as(sides, NUMBER, {"phone": None, column: spelling})


@pytest.mark.parametrize(("number", "spelling"), ABROAD)
def test_insured_is_found_by_a_number_abroad(sides: HeldSides, number: str, spelling: str) -> None:
    found_as(sides, number, {"phone": spelling})


def found_as(sides: HeldSides, number: str, columns: dict[str, str | None]) -> None:
    """Of the insureds with these numbers the one of that name is found, by one call."""
    sides.nowcerts.longest_query = 2_048
    sides.nowcerts.add_insured(firstName="Ana", lastName="Ruiz", phone="305-555-0999", eMail="other@example.com")
    insured = sides.nowcerts.add_insured(firstName="ANA", lastName="Ruiz", **columns)
    sides.nowcerts.add_insured(firstName="Luis", lastName="Ruiz", **columns)
    person = SearchedPerson(emails=["ana@example.com"], phones=[number], name=name_key("Ana", "Ruiz"))
    match = find(person, MIRROR.open(CALL_TIMEOUT), provider="nowcerts")
    assert match is not None
    assert match.external_id == insured["id"]
    assert len(sides.nowcerts.asked_for("/api/InsuredDetailList()")) == 1


@pytest.mark.parametrize("spelling", ["305.555.0110", "(305) 555-0110 ext. 12"])
def test_insured_that_is_found_is_changed_and_not_doubled(sides: HeldSides, spelling: str) -> None:
    sides.muted = True
    insured = sides.nowcerts.add_insured(firstName="ANA", lastName="Ruiz", cellPhone=spelling)
    sides.muted = False
    sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz", phone=NUMBER, city="Miami")
    sides.settle()
    assert (len(sides.nowcerts.insureds), insured["eMail"], insured["city"]) == (1, "ana@example.com", "Miami")
    assert Contact.objects.count() == 1


def test_contact_of_gohighlevel_is_found_by_the_parsed_number(sides: HeldSides) -> None:
    sides.muted = True
    there = sides.ghl.add_contact(firstName="Ana", lastName="Ruiz", phone=NUMBER)
    sides.muted = False
    sides.nowcerts.add_insured(firstName="ana", lastName="RUIZ", phone="(305) 555-0110 ext. 12", city="Miami")
    sides.settle()
    assert (len(sides.ghl.contacts), there["city"]) == (1, "Miami")
    assert len(sides.ghl.asked_for("/contacts/search/duplicate")) == 1
