"""A number alone proves nothing, by whatever way two people of one number come together: a manual sync, the lists of
both sides, the first sync, *sync now*.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.people.models import Contact, ContactMapping, User
from accounts.staff.tests.callers import bearer
from core.cause import Cause
from core.queue import waiting
from integrations.outbox.enqueue import enqueue_everywhere
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
NUMBER = "+13055550110"
JUAN = {"eMail": "juan@example.com", "firstName": "Juan", "lastName": "Landa", "phone": "(305) 555-0110"}
MARIA = {"firstName": "María", "lastName": "Landa", "phone": NUMBER}
BOTH = {("Juan", "juan@example.com"), ("María", "")}
Ask = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(params=[True, False], ids=["duplicates allowed", "duplicates refused"])
def quiet(sides: HeldSides, request: pytest.FixtureRequest) -> HeldSides:
    """Both sides without webhooks."""
    sides.ghl.allows_duplicates = request.param
    sides.muted = True
    return sides


@pytest.fixture
def ask(quiet: HeldSides, staff: User, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Has a record synced by hand, and returns the answer's data."""
    monkeypatch.setattr(waiting, "sleep", lambda _seconds: quiet.settle())

    def post(body: dict[str, Any]) -> dict[str, Any]:
        answer = Client().post("/api/v1/sync/manual", body, "application/json", headers=bearer(staff))
        data: dict[str, Any] = answer.json()["data"]
        return data

    return post


def people(sides: HeldSides) -> tuple[set[Any], set[Any]]:
    """The first name and address of everybody at NowCerts and at GoHighLevel."""
    insureds, contacts = sides.nowcerts.insureds.values(), sides.ghl.contacts.values()
    return (
        {(one["firstName"], one.get("eMail") or "") for one in insureds},
        {(one["firstName"], one.get("email") or "") for one in contacts},
    )


def assert_two_people(sides: HeldSides, *, insureds: set[Any] = BOTH, contacts: set[Any] = BOTH) -> None:
    """Nobody has a value of the other one, there or here, and nobody is there twice."""
    assert people(sides) == (insureds, contacts)
    assert (len(sides.nowcerts.insureds), len(sides.ghl.contacts)) == (len(insureds), len(contacts))
    for one in sides.ghl.contacts.values():
        assert (one.get("phone") or NUMBER, one["lastName"]) == (NUMBER, "Landa")
    assert {(one.first_name, one.email) for one in Contact.objects.all()} == insureds
    owners = dict(ContactMapping.objects.filter(provider="gohighlevel").values_list("external_id", "contact__email"))
    assert all((sides.ghl.contacts[key].get("email") or "") == email for key, email in owners.items())


# By hand --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("named_by", ["id", "values"])
def test_insured_synced_by_hand_is_another_person_than_the_contact_of_its_number(
    quiet: HeldSides, ask: Ask, named_by: str
) -> None:
    quiet.ghl.add_contact(**MARIA)
    insured = quiet.nowcerts.add_insured(**JUAN)
    data = {"id": insured["id"]} if named_by == "id" else JUAN | {"email": JUAN["eMail"]}
    asked = {"source": "nowcerts", "entity_type": "contact", "direction": "to_ghl", "data": data}
    (foretold,) = ask(asked | {"dry_run": True})["there"]
    assert (foretold["operation"], foretold["external_id"]) == ("create", None)
    assert [write["operation"] for write in ask(asked)["writes"]] == ["create"]
    assert_two_people(quiet, insureds={("Juan", "juan@example.com")})


def test_contact_synced_by_hand_is_another_person_than_the_insured_of_its_number(quiet: HeldSides, ask: Ask) -> None:
    quiet.nowcerts.add_insured(**JUAN)
    contact = quiet.ghl.add_contact(**MARIA)
    asked = {"source": "ghl", "entity_type": "contact", "direction": "to_nowcerts", "data": {"id": contact["id"]}}
    (foretold,) = ask(asked | {"dry_run": True})["there"]
    assert (foretold["operation"], foretold["external_id"]) == ("create", None)
    assert [write["operation"] for write in ask(asked)["writes"]] == ["create"]
    assert people(quiet) == (BOTH, {("María", "")})
    assert Contact.objects.get().first_name == "María"


def test_same_name_and_number_synced_by_hand_are_one_person(quiet: HeldSides, ask: Ask) -> None:
    quiet.ghl.add_contact(firstName="JUAN", lastName="landa", phone=NUMBER)
    insured = quiet.nowcerts.add_insured(**JUAN)
    asked = {"source": "nowcerts", "entity_type": "contact", "direction": "to_ghl", "data": {"id": insured["id"]}}
    (foretold,) = ask(asked | {"dry_run": True})["there"]
    assert foretold["operation"] == "update"
    ask(asked)
    assert len(quiet.ghl.contacts) == 1


# By the lists ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [("nowcerts", "gohighlevel"), ("gohighlevel", "nowcerts")])
def test_lists_keep_two_people_of_one_number_apart(quiet: HeldSides, order: tuple[str, str]) -> None:
    quiet.ghl.add_contact(**MARIA)
    quiet.nowcerts.add_insured(**JUAN)
    for provider in order:
        call_command("reconcile", provider)
    quiet.settle()
    assert_two_people(quiet)


def test_lists_read_again_keep_them_apart_and_write_nothing(quiet: HeldSides) -> None:
    quiet.ghl.add_contact(**MARIA)
    quiet.nowcerts.add_insured(**JUAN)
    for _time in range(2):
        for provider in ("nowcerts", "gohighlevel"):
            call_command("reconcile", provider)
        quiet.settle()
    assert len(quiet.writes(quiet.nowcerts)) == 1
    assert_two_people(quiet)


def test_sync_now_keeps_them_apart(quiet: HeldSides) -> None:
    quiet.ghl.add_contact(**MARIA)
    quiet.nowcerts.add_insured(**JUAN)
    call_command("reconcile", "nowcerts")
    call_command("reconcile", "gohighlevel")
    for contact in Contact.objects.all():
        enqueue_everywhere(contact, cause=Cause(text="staff"))
    quiet.settle()
    assert_two_people(quiet)
