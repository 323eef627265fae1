"""Writes on a provider's bad days: nothing is lost, nobody is made twice."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.people.models import Contact, ContactMapping, PossibleDuplicate
from integrations.outbox import circuits, repair
from integrations.outbox.contacts import SEARCH_LAG
from integrations.outbox.models import Circuit, OutgoingWrite
from tests.fakes import gohighlevel, nowcerts
from tests.fakes.http_server import Answer, Lost, Reset
from tests.harness.fake_sides import contact_as, insured_as
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": "+13055550100", "city": "Miami"}
AWAY = Answer(status=503, body=b"{}")


def write() -> OutgoingWrite:
    return OutgoingWrite.objects.latest("pk")


@pytest.mark.parametrize("allows_duplicates", [False, True])
def test_contact_create_without_an_answer_is_not_repeated(sides: HeldSides, allows_duplicates: bool) -> None:
    sides.ghl.allows_duplicates = allows_duplicates
    sides.ghl.misbehave(Lost(), on="/contacts/")
    sides.ghl.misbehave(Lost(), on="/contacts/")
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    assert [contact_as(one) for one in sides.ghl.contacts.values()] == [insured_as(insured)]
    assert [asked.path for asked in sides.writes(sides.ghl)].count("/contacts/") <= 1


def test_insured_create_without_an_answer_is_found_despite_search_lag(sides: HeldSides) -> None:
    sides.nowcerts.lag = 40.0
    assert timedelta(seconds=sides.nowcerts.lag) < SEARCH_LAG
    sides.nowcerts.misbehave(Lost(), on="/api/Insured/OnlyInsertInsured")
    sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz")
    sides.muted = True  # not even a webhook says that it was made
    sides.hooks[:] = sides.hooks[:1]
    sides.settle()
    assert len(sides.nowcerts.insureds) == 1
    assert [asked.path for asked in sides.writes(sides.nowcerts)] == ["/api/Insured/OnlyInsertInsured"]
    assert write().status == "done"
    assert ContactMapping.objects.get(provider="nowcerts").external_id in sides.nowcerts.insureds


def test_update_whose_answer_was_lost_is_recognised_as_done(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.ghl.misbehave(Lost(), Lost(), on="/contacts/contact")  # the reading, once more, and the writing
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert next(iter(sides.ghl.contacts.values()))["city"] == "Tampa"
    assert write().status == "done"
    assert (write().before, write().after) == ({"city": "Miami"}, {"city": "Tampa"})


@pytest.mark.parametrize(
    ("there", "matches"),
    [
        ({"email": "ana@example.com", "firstName": "A."}, True),
        ({"phone": "+13055550100", "firstName": "ANA", "lastName": "Ruíz"}, True),
        ({"email": "other@example.com", "phone": "+13055550100", "firstName": "A.", "lastName": "R."}, False),
        ({"phone": "+13055550100"}, False),
    ],
)
def test_the_vendors_refusal_of_a_duplicate_is_a_match_where_more_than_the_number_agrees(
    sides: HeldSides, there: dict[str, str], matches: bool
) -> None:
    """The search does not know them, but the location does."""
    sides.muted = True
    known = sides.ghl.add_contact(**there)
    sides.muted = False
    sides.ghl.misbehave(Answer(status=200, body=b'{"contact": null}'), on="/contacts/search/duplicate")
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    mapping = ContactMapping.objects.get(provider="gohighlevel", kind="contact")
    assert (mapping.external_id == known["id"], len(sides.ghl.contacts)) == (matches, 1 if matches else 2)
    assert (known.get("lastName") == "Ruiz") == matches
    assert [one["eMail"] for one in sides.nowcerts.insureds.values()] == ["ana@example.com"]


def test_record_mapped_to_another_contact_needs_review(sides: HeldSides) -> None:
    sides.ghl.add_contact(email="juan@example.com", phone="+13055550100", firstName="Ana", lastName="Ruiz")
    sides.settle()
    sides.nowcerts.add_insured(**ANA)  # of the same name and number
    sides.settle()
    assert Contact.objects.count() == 2
    assert (write().status, len(sides.ghl.contacts)) == ("failed", 1)
    assert "possible duplicates" in write().last_error
    assert PossibleDuplicate.objects.filter(status="open").count() == 1


def test_a_failure_that_comes_with_200_is_a_failure(sides: HeldSides) -> None:
    sides.nowcerts.misbehave(nowcerts.failure("State is not valid"), on="/api/Insured/OnlyInsertInsured")
    sides.ghl.add_contact(email="ana@example.com", firstName="Ana", state="Florida?")
    sides.settle()
    assert (write().status, len(sides.nowcerts.insureds)) == ("failed", 0)
    assert "State is not valid" in write().last_error

    assert repair.retry([write()]) == 1
    sides.settle()
    assert (write().status, len(sides.nowcerts.insureds)) == ("done", 1)


def test_read_that_fails_with_200_is_retried_and_loses_no_change(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.nowcerts.misbehave(nowcerts.failure("Try again later"), on="/api/InsuredDetailList")
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert next(iter(sides.ghl.contacts.values()))["city"] == "Tampa"


def test_after_repeated_failures_the_writes_wait_and_one_trial_lets_them_all_go(sides: HeldSides) -> None:
    sides.ghl.misbehave(*[AWAY] * 100, on="/contacts")
    for number in range(3):
        sides.nowcerts.add_insured(eMail=f"person{number}@example.com", firstName="Ana", lastName=str(number))
    hooks, sides.hooks[:] = list(sides.hooks), []
    for hook in hooks:
        sides.deliver(hook)
    for _moment in range(12):
        sides.drain()
        sides.forward(timedelta(seconds=6))
    circuit = Circuit.objects.get(provider="gohighlevel")
    assert (circuit.opened_at is not None, circuit.failures >= circuits.OPENS_AFTER) == (True, True)
    asked = len(sides.ghl.exchanges)
    for _moment in range(3):
        sides.drain()
        sides.forward(timedelta(milliseconds=500))
    assert len(sides.ghl.exchanges) - asked <= 2, "while it is open, a trial at most is made"
    assert OutgoingWrite.objects.filter(status="pending").count() == 3

    sides.ghl.behave()
    sides.settle()
    circuit.refresh_from_db()
    assert (circuit.state, circuit.failures) == ("closed", 0)
    assert len(sides.ghl.contacts) == 3


def test_wrong_credentials_open_the_circuit_and_lose_no_write(sides: HeldSides, settings: Any) -> None:
    settings.GHL_API_KEY = "a-key-that-was-revoked"
    sides.nowcerts.add_insured(**ANA)
    hooks, sides.hooks[:] = list(sides.hooks), []
    for hook in hooks:
        sides.deliver(hook)
    for _moment in range(15):
        sides.drain()
        sides.forward(timedelta(minutes=2))
    assert (write().status, Circuit.objects.get().state != "closed") == ("pending", True)

    settings.GHL_API_KEY = gohighlevel.API_KEY
    sides.settle()
    assert (write().status, len(sides.ghl.contacts)) == ("done", 1)


def test_deleted_record_is_named_and_not_created_again(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.muted = True
    sides.ghl.delete_contact(next(iter(sides.ghl.contacts)))
    sides.muted = False
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert (sides.ghl.contacts, write().status) == ({}, "skipped")
    assert "was deleted there" in write().last_error
    assert ContactMapping.objects.get(provider="gohighlevel", kind="contact").gone_at is not None
    assert len(sides.nowcerts.insureds) == 1

    sides.nowcerts.edit(insured["id"], city="Orlando")
    sides.settle()
    assert OutgoingWrite.objects.count() == 2, "nothing more is owed to a record that is gone"


def test_reset_or_rate_limited_call_is_retried(sides: HeldSides) -> None:
    sides.ghl.misbehave(Reset(), gohighlevel.too_many(), AWAY, on="/contacts")
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    assert [contact_as(one) for one in sides.ghl.contacts.values()] == [insured_as(insured)]


def test_write_while_sync_is_off_waits_and_is_not_lost(sides: HeldSides, settings: Any) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    settings.CONTACT_SYNC = False
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert next(iter(sides.ghl.contacts.values()))["city"] == "Miami"
    settings.CONTACT_SYNC = True
    sides.nowcerts.edit(insured["id"], state="FL")
    sides.settle()
    contact = next(iter(sides.ghl.contacts.values()))
    assert (contact["city"], contact["state"]) == ("Tampa", "FL")
