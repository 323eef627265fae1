"""Undo restores what stood there: values everywhere, and after a wrong match both people, each with their own."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.people.models import Contact, PossibleDuplicate
from core.cause import Cause
from integrations.outbox import repair
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.repair import CannotUndo
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
CAUSE = Cause(text="test")
SHARED = "office@example.com"
EVA = {"eMail": "eva@example.com", "eMail2": SHARED, "firstName": "Eva", "lastName": "Gil"}
LUIS = {"email": SHARED, "firstName": "Luis", "lastName": "Mora", "city": "Reno", "phone": "+13055550111"}


def quietly(sides: HeldSides, **fields: Any) -> dict[str, Any]:
    """Add a contact of GoHighLevel that the hub does not know."""
    sides.muted = True
    contact = sides.ghl.add_contact(**fields)
    sides.muted = False
    return contact


def renaming_write() -> OutgoingWrite:
    """Return the write that put another name over the one that stood there."""
    return OutgoingWrite.objects.get(status="done", operation="update", before__has_key="first_name")


def of_luis(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record.get(name) for name in LUIS}


@pytest.fixture
def mixed(sides: HeldSides) -> tuple[Any, Any]:
    """Eva of NowCerts was matched with Luis of GoHighLevel by an address that both use: (insured, contact)."""
    contact = quietly(sides, **LUIS)
    insured = sides.nowcerts.add_insured(**EVA)
    sides.settle()
    assert (contact["firstName"], insured["city"]) == ("Eva", "Reno"), "the wrong match"
    return insured, contact


def test_undo_of_a_wrong_match_gives_both_people_their_own_values(sides: HeldSides, mixed: tuple[Any, Any]) -> None:
    insured, contact = mixed
    repair.undo(renaming_write(), cause=CAUSE)
    sides.settle()
    assert of_luis(contact) == LUIS
    assert (insured["firstName"], insured["eMail"], insured["city"] or "", insured["phone"] or "") == (
        "Eva", "eva@example.com", "", ""
    )  # fmt: skip
    eva, luis = Contact.objects.order_by("pk")
    assert (eva.first_name, eva.city, eva.phone, luis.first_name, luis.city) == ("Eva", "", "", "Luis", "Reno")
    assert {row.email for row in eva.emails.all()} == {"eva@example.com"}
    assert luis.mappings.get(provider="gohighlevel").external_id == contact["id"]


def test_two_people_are_never_matched_again(sides: HeldSides, mixed: tuple[Any, Any]) -> None:
    insured, contact = mixed
    repair.undo(renaming_write(), cause=CAUSE)
    sides.settle()
    sides.nowcerts.edit(insured["id"], state="NV")
    sides.settle()
    assert of_luis(contact) == LUIS
    names = sorted((one["firstName"], one["email"]) for one in sides.ghl.contacts.values())
    assert names == [("Eva", "eva@example.com"), ("Luis", SHARED)]
    pair = PossibleDuplicate.objects.get()
    assert pair.status == "apart"
    assert Contact.objects.count() == 2


def test_undo_of_a_match_by_the_main_address_restores_the_name(sides: HeldSides) -> None:
    contact = quietly(sides, **LUIS)
    insured = sides.nowcerts.add_insured(eMail=SHARED, firstName="Eva", lastName="Gil")
    sides.settle()
    assert contact["firstName"] == "Eva"
    repair.undo(renaming_write(), cause=CAUSE)
    sides.settle()
    assert of_luis(contact) == LUIS, "the address was theirs both"
    assert (insured["firstName"], insured["eMail"], insured["city"] or "") == ("Eva", SHARED, "")


def test_undo_of_a_match_that_a_webhook_made_restores_both(sides: HeldSides) -> None:
    sides.muted = True
    contact = sides.ghl.add_contact(**LUIS)
    sides.muted = False
    sides.ghl.misbehave()
    insured = sides.nowcerts.add_insured(eMail=SHARED, firstName="Eva", lastName="Gil")
    sides.ghl.edit(contact["id"], state="NV")
    sides.settle()
    write = renaming_write()
    repair.undo(write, cause=CAUSE)
    sides.settle()
    renamed = contact if write.provider == "gohighlevel" else insured
    assert renamed["firstName"] == ("Luis" if renamed is contact else "Eva")
    assert {contact["firstName"], insured["firstName"]} == {"Luis", "Eva"}


def test_undo_of_a_write_on_the_same_person_separates_nobody(sides: HeldSides) -> None:
    contact = quietly(sides, email="eva@example.com", firstName="EVA", lastName="gil", city="Reno")
    insured = sides.nowcerts.add_insured(eMail="eva@example.com", firstName="Eva", lastName="Gil", city="Miami")
    sides.settle()
    write = OutgoingWrite.objects.filter(operation="update", status="done").earliest("pk")
    repair.undo(write, cause=CAUSE)
    sides.settle()
    assert Contact.objects.count() == 1
    assert contact["city"] == insured["city"]


def test_values_that_changed_since_stay(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", city="Miami", state="FL")
    sides.settle()
    (contact,) = sides.ghl.contacts.values()
    sides.nowcerts.edit(insured["id"], city="Tampa", state="GA")
    sides.settle()
    older = OutgoingWrite.objects.latest("pk")
    sides.nowcerts.edit(insured["id"], city="Orlando")
    sides.settle()
    assert repair.newer_values(older, Contact.objects.get()) == ["city"]
    assert repair.undo(older, cause=CAUSE) == ["state"]
    sides.settle()
    for record in (insured, contact):
        assert (record["city"], record["state"]) == ("Orlando", "FL")


def test_undo_of_a_wrong_match_keeps_what_changed_since(sides: HeldSides, mixed: tuple[Any, Any]) -> None:
    insured, contact = mixed
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    repair.undo(renaming_write(), cause=CAUSE)
    sides.settle()
    assert (insured["city"], contact["city"]) == ("Tampa", "Reno")


def test_wrong_match_is_undone_once(sides: HeldSides, mixed: tuple[Any, Any]) -> None:
    write, stale = renaming_write(), renaming_write()
    repair.undo(write, cause=CAUSE)
    for again in (renaming_write(), stale):
        with pytest.raises(CannotUndo):
            repair.undo(again, cause=CAUSE)
    assert Contact.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_one_of_two_undos_at_once_is_done(
    committing_sides: HeldSides, at_once: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    sides = committing_sides
    contact = quietly(sides, **LUIS)
    sides.nowcerts.add_insured(**EVA)
    sides.settle()
    results = at_once([lambda: repair.undo(renaming_write(), cause=CAUSE)] * 2)
    assert sorted(type(result).__name__ for result in results) == ["CannotUndo", "list"]
    sides.settle()
    assert (of_luis(contact), Contact.objects.count()) == (LUIS, 2)
