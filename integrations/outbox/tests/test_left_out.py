"""One bad value never sinks a record: it is left out, the rest is written, and staff see what was left out."""

from typing import Any

import pytest

from accounts.people import contact_changes
from accounts.people.models import Contact, ContactMapping
from integrations.fields.models import FieldPlace, FieldRule
from integrations.outbox.models import OutgoingWrite
from tests.fakes.http_server import Lost
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"firstName": "Ana", "lastName": "Ruiz"}


def only(records: dict[str, Any]) -> Any:
    (record,) = records.values()
    return record


@pytest.mark.parametrize(
    ("phone", "written"),
    [
        ("\u202a+1 (305) 555-0110\u202c", "+13055550110"),
        ("305-555-0110 ext. 12", "+13055550110"),
        ("305-555-0110 / 305-555-0111", "+13055550110"),
        ("none", None),
        ("N/A", None),
        ("000-000-0000", None),
        ("555-0110", None),
        ("call the office", None),
        ({"home": "305-555-0110"}, None),
        ([], None),
        (True, None),
    ],
)
def test_contact_is_written_with_the_readable_part_of_its_number(sides: HeldSides, phone: Any, written: Any) -> None:
    insured = sides.nowcerts.add_insured(**ANA, eMail="ana@example.com", phone=phone)
    sides.settle()
    contact = only(sides.ghl.contacts)
    assert (contact["email"], contact.get("phone")) == ("ana@example.com", written)
    assert insured["phone"] == phone
    assert not sides.writes(sides.nowcerts)


@pytest.mark.parametrize(
    ("email", "written", "aliases"),
    [
        ("ana@example.com; bea@example.com", "ana@example.com", {"bea@example.com"}),
        ("mailto:ana@example.com", "ana@example.com", set()),
        ("Ana Ruiz <ana@example.com>", "ana@example.com", set()),
        ("N/A", None, set()),
        ("josé@example.com", None, set()),
        ("josé@example.com; ana@example.com", "ana@example.com", set()),
        (["ana@example.com"], None, set()),
    ],
)
def test_contact_is_written_with_the_best_of_its_addresses(
    sides: HeldSides, email: Any, written: Any, aliases: set[str]
) -> None:
    insured = sides.nowcerts.add_insured(**ANA, eMail=email, phone="+13055550110")
    sides.settle()
    contact = only(sides.ghl.contacts)
    assert (contact.get("email"), contact["phone"]) == (written, "+13055550110")
    assert insured["eMail"] == email
    known = set(Contact.objects.get().emails.values_list("email", flat=True))
    assert known == {written, *aliases} - {None}


def test_what_is_left_out_stands_on_the_record_the_event_and_the_write(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail="ana@example.com", phone="555-0110", dateOfBirth="soon", city=["Miami"])
    sides.settle()
    record = ContactMapping.objects.get(provider="nowcerts")
    assert set(record.left_out) == {"phone", "dateOfBirth", "city"}
    write = OutgoingWrite.objects.get(provider="gohighlevel")
    assert write.status == "done"
    assert (
        write.left_out["nowcerts phone"]["reason"]
        == "'555-0110' is no telephone number that can be called from elsewhere"
    )
    sides.nowcerts.edit(
        only(sides.nowcerts.insureds)["id"], phone="305 555 0110", dateOfBirth="1990-05-17", city="Miami"
    )
    sides.settle()
    record.refresh_from_db()
    assert record.left_out is None
    assert only(sides.ghl.contacts)["phone"] == "+13055550110"
    assert OutgoingWrite.objects.order_by("-pk")[0].left_out == {}


def test_values_that_cannot_be_used_are_a_question_until_they_can_be(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA, eMail="ana@example.com", phone="555-0110")
    sides.settle()
    record = ContactMapping.objects.get(provider="nowcerts")
    assert list(ContactMapping.objects.with_unusable_values()) == [record]
    sides.nowcerts.edit(insured["id"], phone="305 555 0110")
    sides.settle()
    assert not ContactMapping.objects.with_unusable_values().exists()


def test_values_that_staff_left_out_are_asked_about_again_only_when_others_come(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA, eMail="ana@example.com", phone="555-0110")
    sides.settle()
    record = ContactMapping.objects.get(provider="nowcerts")
    assert contact_changes.leave_out(record)
    assert not contact_changes.leave_out(record), "it was decided"
    sides.nowcerts.edit(insured["id"], city="Miami")
    sides.settle()
    record.refresh_from_db()
    assert (set(record.left_out), record.left_out_at) == ({"phone"}, None), "the same value"
    sides.nowcerts.edit(insured["id"], phone="555-0199")
    sides.settle()
    assert list(ContactMapping.objects.with_unusable_values()) == [record]


def test_unreadable_value_does_not_empty_the_one_before(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail="ana@example.com", phone="+13055550110")
    sides.settle()
    sides.nowcerts.edit(only(sides.nowcerts.insureds)["id"], phone="call the office")
    sides.settle()
    assert Contact.objects.get().phone == "+13055550110"
    assert only(sides.ghl.contacts)["phone"] == "+13055550110"
    assert only(sides.nowcerts.insureds)["phone"] == "call the office"


def test_number_of_ours_that_is_none_is_left_out_of_a_write(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail="ana@example.com")
    sides.settle()
    Contact.objects.update(phone="555-0110", origins={"phone": {"at": "", "by": "kajabi"}})
    sides.nowcerts.edit(only(sides.nowcerts.insureds)["id"], city="Miami")
    sides.settle()
    assert only(sides.ghl.contacts)["city"] == "Miami"
    assert set(OutgoingWrite.objects.order_by("-pk")[0].left_out) == {"phone"}
    assert not OutgoingWrite.objects.filter(status__in=["pending", "failed"]).exists()


@pytest.mark.parametrize("mark", ["NowCerts", "nowcerts ", "Now Certs"])
def test_mark_of_a_record_that_we_created_is_never_read_as_its_source(sides: HeldSides, mark: str) -> None:
    sides.nowcerts.add_insured(**ANA, eMail="ana@example.com")
    sides.ghl.misbehave(Lost(), on="/contacts/")
    sides.settle()
    contact = only(sides.ghl.contacts)
    sides.ghl.edit(contact["id"], source=mark)
    sides.settle()
    assert "source" not in Contact.objects.get().custom_fields
    assert not only(sides.nowcerts.insureds).get("referralSourceCompanyName")


def test_source_that_somebody_sets_is_synced(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail="ana@example.com")
    sides.settle()
    sides.ghl.edit(only(sides.ghl.contacts)["id"], source="Web form")
    sides.settle()
    assert only(sides.nowcerts.insureds)["referralSourceCompanyName"] == "Web form"


def test_owner_and_do_not_disturb_go_where_a_rule_says(sides: HeldSides) -> None:
    """NowCerts has no column of either: without a rule they are stored here alone."""
    for name, remote in (("owner", "assignedTo"), ("quiet", "dnd")):
        rule = FieldRule.objects.create(name=name)
        FieldPlace.objects.create(rule=rule, provider="gohighlevel", remote_name=remote)
        FieldPlace.objects.create(rule=rule, provider="nowcerts", remote_name=name.title())
    contact = sides.ghl.add_contact(**ANA, email="ana@example.com", assignedTo="u1", dnd=True)
    sides.settle()
    own = {field["text"]: field["value"] for field in only(sides.nowcerts.insureds)["customFieldsSimple"]}
    assert own == {"Owner": "u1", "Quiet": "true"}
    changed = [{"text": "Owner", "value": "u2"}, {"text": "Quiet", "value": "false"}]
    sides.nowcerts.edit(only(sides.nowcerts.insureds)["id"], customFieldsSimple=changed)
    sides.settle()
    assert (contact["assignedTo"], contact["dnd"]) == ("u2", False)


def test_do_not_disturb_without_a_rule_is_stored_and_written_nowhere(sides: HeldSides) -> None:
    settings = {"SMS": {"status": "active"}, "Email": {"status": "inactive"}}
    sides.ghl.add_contact(**ANA, email="ana@example.com", dnd=False, dndSettings=settings)
    sides.settle()
    assert Contact.objects.get().custom_fields["ghl:dnd"] == "SMS"
    assert len(sides.writes(sides.ghl)) == 0


# What only the provider does not take


@pytest.mark.parametrize("is_new", [True, False])
def test_value_that_the_provider_refuses_is_left_out_and_the_rest_is_written(sides: HeldSides, is_new: bool) -> None:
    insured = sides.nowcerts.add_insured(**ANA, eMail="ana@example.com")
    if not is_new:
        sides.settle()
    sides.ghl.refuses = {"website": "website must be a URL address", "state": "state must be shorter"}
    sides.nowcerts.edit(insured["id"], website="not a site", state="somewhere", city="Miami")
    sides.settle()
    contact = only(sides.ghl.contacts)
    assert (contact["city"], contact.get("website"), contact.get("state")) == ("Miami", None, None)
    write = OutgoingWrite.objects.order_by("pk").last()
    assert write is not None
    assert write.status == "done"
    assert "website must be a URL address" in write.last_error
    assert not OutgoingWrite.objects.filter(status__in=["pending", "failed"]).exists()

    sides.ghl.refuses = {}
    sides.nowcerts.edit(insured["id"], website="https://example.com", state="FL")
    sides.settle()
    assert (contact["website"], contact["state"]) == ("https://example.com", "FL")


def test_write_of_which_all_values_are_refused_fails_and_needs_review(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA, eMail="ana@example.com")
    sides.settle()
    sides.ghl.refuses = {"website": "website must be a URL address"}
    sides.nowcerts.edit(insured["id"], website="not a site")
    sides.settle()
    write = OutgoingWrite.objects.get(status="failed")
    assert "website must be a URL address" in write.last_error


def test_refusal_that_names_none_of_our_values_fails_as_before(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA, eMail="ana@example.com", website="https://example.com")
    sides.ghl.refuses = {"website": "locationId is not a mongodb id"}
    sides.settle()
    assert "locationId is not a mongodb id" in OutgoingWrite.objects.get(status="failed").last_error
