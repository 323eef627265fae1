"""Several addresses and numbers of one person are one ordered set: the main one stays main until a side changes it."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.people.models import Contact, ContactPhone, PossibleDuplicate, User
from core.cause import Cause
from core.queue import runner
from integrations import registry
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.preview import preview
from integrations.reconcile import runs
from integrations.reconcile.models import SyncRun
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
MAIN, OLD, NEW = "main@example.com", "old@example.com", "new@example.com"
HOME, CELL, WORK = "+13055550100", "+17865550101", "+14075550102"
ANA = {"firstName": "Ana", "lastName": "Ruiz"}


def read_lists(sides: HeldSides, *providers: str) -> None:
    """Read both sides' lists while nothing is written, as the documented first run does, and then write."""
    for provider in providers:
        run = runs.start(registry.provider(provider), cause=Cause(text="test"), wake=False)
        while runner.run(SyncRun, run.pk, wake=False):
            sides.forward(timedelta(seconds=1))
    sides.settle()


def insured_of(sides: HeldSides) -> Any:
    (record,) = sides.nowcerts.insureds.values()
    return record


def contact_of(sides: HeldSides) -> Any:
    (record,) = sides.ghl.contacts.values()
    return record


def columns(record: dict[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(record.get(name) or "" for name in names)


def emails(sides: HeldSides) -> tuple[str, ...]:
    return columns(insured_of(sides), "eMail", "eMail2", "eMail3")


def matched(sides: HeldSides, *, first: str = "nowcerts") -> Contact:
    """Return the contact of an insured with two addresses, whose record at GoHighLevel has the second."""
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, eMail2=OLD)
    sides.ghl.add_contact(**ANA, email=OLD)
    sides.hooks.clear()
    read_lists(sides, "nowcerts", "gohighlevel")
    return Contact.objects.get()


def test_first_run_keeps_the_main_address_of_either_side(sides: HeldSides) -> None:
    contact = matched(sides)
    assert contact.email == MAIN
    assert set(contact.emails.values_list("email", flat=True)) == {MAIN, OLD}
    assert emails(sides) == (MAIN, OLD, "")
    assert contact_of(sides)["email"] == OLD
    assert not OutgoingWrite.objects.filter(status="done").exists()
    assert {difference.operation for difference in preview(contact).remote} == {"none"}


def test_accepted_address_is_written_again_by_no_later_event(sides: HeldSides) -> None:
    matched(sides)
    sides.ghl.edit(contact_of(sides)["id"], city="Miami")
    sides.settle()
    sides.nowcerts.edit(insured_of(sides)["id"], state="FL")
    sides.settle()
    assert (emails(sides), contact_of(sides)["email"]) == ((MAIN, OLD, ""), OLD)
    assert (insured_of(sides)["city"], contact_of(sides)["state"]) == ("Miami", "FL")


def test_changed_main_address_is_carried_over_after_another_was_accepted(sides: HeldSides) -> None:
    matched(sides)
    sides.nowcerts.edit(insured_of(sides)["id"], eMail=NEW)
    sides.settle()
    assert (emails(sides), contact_of(sides)["email"]) == ((NEW, OLD, ""), NEW)
    sides.nowcerts.edit(insured_of(sides)["id"], eMail=MAIN)
    sides.settle()
    assert (emails(sides), contact_of(sides)["email"]) == ((MAIN, OLD, ""), MAIN)


def test_accepted_address_that_is_changed_there_becomes_the_main_one(sides: HeldSides) -> None:
    matched(sides)
    sides.ghl.edit(contact_of(sides)["id"], email=NEW)
    sides.settle()
    assert (emails(sides), contact_of(sides)["email"]) == ((NEW, OLD, ""), NEW)
    assert set(Contact.objects.get().emails.values_list("email", flat=True)) == {MAIN, OLD, NEW}


def test_alias_made_main_at_gohighlevel_changes_places_at_nowcerts(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, eMail2=OLD)
    sides.settle()
    sides.ghl.edit(contact_of(sides)["id"], email=OLD)
    sides.settle()
    contact = Contact.objects.get()
    assert (contact.email, emails(sides)) == (OLD, (OLD, MAIN, ""))
    assert set(contact.emails.values_list("email", flat=True)) == {MAIN, OLD}


def test_second_number_made_main_changes_places_at_nowcerts(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, phone=HOME, cellPhone="(786) 555-0101", smsPhone=WORK)
    sides.settle()
    assert contact_of(sides)["phone"] == HOME
    sides.ghl.edit(contact_of(sides)["id"], phone=CELL)
    sides.settle()
    assert columns(insured_of(sides), "phone", "cellPhone", "smsPhone") == (CELL, HOME, WORK)
    contact = Contact.objects.get()
    assert contact.phone == CELL
    assert set(contact.phones.values_list("number", flat=True)) == {HOME, CELL, WORK}


def test_number_shared_by_a_family_may_be_a_further_one_of_each(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, phone=HOME, cellPhone=WORK)
    sides.nowcerts.add_insured(firstName="Luis", lastName="Ruiz", eMail=NEW, phone=CELL, cellPhone=WORK)
    sides.settle()
    assert ContactPhone.objects.filter(number=WORK).count() == 2
    assert {one["phone"] for one in sides.ghl.contacts.values()} == {HOME, CELL}


def test_insured_with_a_cell_phone_only_is_synced_by_it(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, cellPhone="786-555-0101")
    sides.settle()
    assert contact_of(sides)["phone"] == CELL
    sides.ghl.edit(contact_of(sides)["id"], phone=HOME)
    sides.settle()
    assert columns(insured_of(sides), "phone", "cellPhone") == (HOME, "786-555-0101")


@pytest.mark.parametrize("column", ["cellPhone", "smsPhone"])
def test_only_number_that_is_emptied_is_emptied_on_the_other_side(sides: HeldSides, column: str) -> None:
    """The record has no key `phone` at all."""
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, **{column: "786-555-0101"})
    sides.settle()
    assert contact_of(sides)["phone"] == CELL
    sides.nowcerts.edit(insured_of(sides)["id"], **{column: ""})
    sides.settle()
    assert "phone" not in insured_of(sides)
    assert (contact_of(sides)["phone"], Contact.objects.get().phone) == (None, "")


def test_only_number_that_becomes_unreadable_empties_nothing(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, smsPhone="786-555-0101")
    sides.settle()
    sides.nowcerts.edit(insured_of(sides)["id"], smsPhone="ext. 12")
    sides.settle()
    assert (contact_of(sides)["phone"], Contact.objects.get().phone) == (CELL, CELL)


def test_extension_goes_with_its_number_where_the_columns_change_places(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, phone=HOME, cellPhone="(786) 555-0101 ext. 12")
    sides.settle()
    sides.ghl.edit(contact_of(sides)["id"], phone=CELL)
    sides.settle()
    assert columns(insured_of(sides), "phone", "cellPhone") == ("(786) 555-0101 ext. 12", HOME)
    assert Contact.objects.get().phone == CELL


def test_extension_is_no_difference_and_stays_where_it_stands(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, phone="(305) 555-0100 ext. 12")
    sides.settle()
    sides.ghl.edit(contact_of(sides)["id"], city="Tampa")
    sides.settle()
    assert columns(insured_of(sides), "phone", "city") == ("(305) 555-0100 ext. 12", "Tampa")
    assert contact_of(sides)["phone"] == "+13055550100"
    assert "extension 12" in str(Contact.objects.get().mappings.get(provider="nowcerts").left_out)


def test_further_address_of_another_contact_is_a_question_and_stays_theirs(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, eMail2=OLD)
    sides.settle()
    sides.nowcerts.add_insured(firstName="Luis", lastName="Mora", eMail=NEW, eMail2=OLD)
    sides.settle()
    assert Contact.objects.get(email=MAIN).emails.filter(email=OLD).exists()
    assert PossibleDuplicate.objects.get().status == "open"
    assert sorted(one["email"] for one in sides.ghl.contacts.values()) == [MAIN, NEW]
    assert sorted(one["eMail"] for one in sides.nowcerts.insureds.values()) == [MAIN, NEW]


# Emptied --------------------------------------------------------------------------------------------------------------


def test_emptied_address_is_emptied_on_the_other_side_and_stays_an_alias(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, phone=HOME)
    sides.settle()
    sides.ghl.edit(contact_of(sides)["id"], email=None)
    sides.settle()
    contact = Contact.objects.get()
    assert (contact.email, emails(sides), contact_of(sides)["email"]) == ("", ("", "", ""), None)
    assert contact.emails.get().email == MAIN
    assert contact.changes.filter(name="email").values_list("before", "after", "provider").get() == (
        *(MAIN, "", "gohighlevel"),
    )
    assert {difference.operation for difference in preview(contact).remote} == {"none"}


def test_next_address_of_the_record_takes_the_place_of_an_emptied_one(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, eMail2=OLD)
    sides.settle()
    sides.nowcerts.edit(insured_of(sides)["id"], eMail="")
    sides.settle()
    assert (Contact.objects.get().email, contact_of(sides)["email"]) == (OLD, OLD)


def test_address_emptied_where_another_was_accepted_is_filled_again(sides: HeldSides) -> None:
    matched(sides)
    sides.ghl.edit(contact_of(sides)["id"], email=None)
    sides.settle()
    assert (emails(sides), contact_of(sides)["email"]) == ((MAIN, OLD, ""), MAIN)


def test_emptied_number_is_emptied_on_the_other_side(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN, phone=HOME)
    sides.settle()
    sides.nowcerts.edit(insured_of(sides)["id"], phone="none")
    sides.settle()
    contact = Contact.objects.get()
    assert (contact.phone, contact_of(sides)["phone"]) == ("", None)
    assert list(contact.phones.values_list("number", flat=True)) == [HOME]


def test_emptied_address_of_a_member_still_means_them(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail=MAIN)
    sides.settle()
    contact = Contact.objects.get()
    contact.user = User.objects.create_user(email=MAIN)
    contact.save()
    sides.ghl.edit(contact_of(sides)["id"], email=None)
    sides.settle()
    contact.refresh_from_db()
    assert contact.user is not None
    assert (contact.email, contact.user.email) == ("", MAIN)
    assert contact.emails.filter(email=MAIN).exists()
