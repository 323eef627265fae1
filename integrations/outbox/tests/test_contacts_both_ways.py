"""A contact that is new or changed on one side is so on the other, once, and its echo ends there."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.people.models import Contact, ContactChange, ContactMapping
from integrations.outbox.models import OutgoingWrite
from tests.harness.fake_sides import GHL_HOOK, contact_as, insured_as
from tests.harness.held_sides import A_MOMENT, HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": "+13055550100", "city": "Miami"}


def the(records: dict[str, Any]) -> Any:
    """The only one of a side's records."""
    assert len(records) == 1, records
    return next(iter(records.values()))


def test_a_new_insured_becomes_a_contact_in_gohighlevel(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA, zipCode="33101", state="FL", addressLine1="1 Main St")
    sides.settle()
    assert contact_as(the(sides.ghl.contacts)) == insured_as(insured)
    write = OutgoingWrite.objects.get()
    assert (write.provider, write.operation, write.status) == ("gohighlevel", "create", "done")
    assert (write.request["method"], write.request["path"]) == ("POST", "/contacts/")
    assert write.response["contact"]["id"] == write.external_id == the(sides.ghl.contacts)["id"]
    assert len(sides.writes(sides.nowcerts)) == 0


def test_a_new_contact_becomes_an_insured_in_nowcerts_from_ghl(sides: HeldSides) -> None:
    contact = sides.ghl.add_contact(
        email="ana@example.com", firstName="Ana", lastName="Ruiz", phone="+13055550100", address1="1 Main St"
    )
    sides.settle()
    insured = the(sides.nowcerts.insureds)
    assert insured_as(insured) == contact_as(contact)
    assert (insured["type"], insured["referralSourceCompanyName"]) == ("Insured", "GHL")
    assert [asked.path for asked in sides.writes(sides.nowcerts)] == ["/api/Insured/OnlyInsertInsured"]
    assert len(sides.writes(sides.ghl)) == 0


def test_a_change_on_either_side_is_written_to_the_other_once(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    contact = the(sides.ghl.contacts)
    sides.ghl.edit(contact["id"], city="Orlando")
    sides.settle()
    sides.nowcerts.edit(insured["id"], phone="+13055550199")
    sides.settle()
    assert insured_as(the(sides.nowcerts.insureds)) == contact_as(the(sides.ghl.contacts))
    assert (contact["phone"], insured["city"]) == ("+13055550199", "Orlando")
    assert [asked.method for asked in sides.writes(sides.ghl)] == ["POST", "PUT"]
    assert len(sides.writes(sides.nowcerts)) == 1
    changes = ContactChange.objects.order_by("pk").values_list("name", "before", "after", "provider", "kind")
    assert list(changes) == [
        ("city", "Miami", "Orlando", "gohighlevel", "changed"),
        ("phone", "+13055550100", "+13055550199", "nowcerts", "changed"),
    ]


def test_an_echo_is_recognised_counted_and_ends_there_without_a_call(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    assert OutgoingWrite.objects.get().echoes == 2  # GoHighLevel tells of what is made twice, as made and as changed
    assert [(one.asked.method, one.asked.path) for one in sides.ghl.exchanges] == [
        ("GET", "/contacts/search/duplicate"),
        ("POST", "/contacts/"),
    ]


@pytest.mark.parametrize("edit", [{"city": "Tampa"}, {"tags": ["vip"]}, {"website": "https://ana.example"}])
def test_change_behind_an_echo_is_read(sides: HeldSides, edit: dict[str, Any]) -> None:
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    contact = the(sides.ghl.contacts)
    sides.ghl.edit(contact["id"], **edit)
    sides.settle()
    assert [one.asked.path for one in sides.ghl.exchanges][-1] == f"/contacts/{contact['id']}"


@pytest.mark.parametrize(
    ("edit", "learnt"),
    [
        ({"additionalEmails": [{"email": "b@example.com"}]}, {"emails": {"ana@example.com", "b@example.com"}}),
        ({"dndSettings": {"SMS": {"status": "active"}}, "dnd": False}, {"dnd": "SMS"}),
        ({"companyName": ""}, {"company": None}),
    ],
)
def test_change_of_what_webhooks_leave_out_is_read_soon_after_a_write(
    sides: HeldSides, edit: dict[str, Any], learnt: dict[str, Any]
) -> None:
    """The webhook says just what we have written, but is dated later."""
    sides.nowcerts.add_insured(**ANA, commercialName="Ruiz LLC")
    sides.settle()
    contact = the(sides.ghl.contacts)
    sides.forward(timedelta(seconds=30))
    sides.ghl.edit(contact["id"], **edit)
    for _path, payload in sides.hooks:
        for name in edit:
            payload.pop(name, None)
    sides.settle()
    ours = Contact.objects.get()
    found = {"emails": set(ours.emails.values_list("email", flat=True))}
    found |= {"dnd": ours.custom_fields.get("ghl:dnd"), "company": ours.custom_fields.get("company")}
    assert {name: found[name] for name in learnt} == learnt


def test_echo_that_comes_minutes_later_is_not_read(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA)
    for hook in sides.hooks:
        sides.deliver(hook)
    sides.hooks.clear()
    sides.drain()
    calls = len(sides.ghl.exchanges)
    sides.forward(timedelta(minutes=8))
    sides.settle()
    assert (OutgoingWrite.objects.get().echoes, len(sides.ghl.exchanges)) == (2, calls)


@pytest.mark.parametrize("names", [(), ("email",), ("email", "firstName", "lastName")])
def test_hint_that_names_less_than_was_written_is_no_echo(sides: HeldSides, names: tuple[str, ...]) -> None:
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.muted = True
    contact = the(sides.ghl.contacts)
    sides.ghl.edit(contact["id"], city="Tampa")
    few = {"id": contact["id"], "locationId": contact["locationId"], **{name: contact[name] for name in names}}
    hook = {"type": "ContactUpdate", "webhookId": "w", "timestamp": timezone.now().isoformat(), **few}
    assert sides.deliver((GHL_HOOK, hook)).status_code == 200
    sides.settle()
    assert the(sides.nowcerts.insureds)["city"] == "Tampa"


def test_a_late_copy_of_our_own_write_changes_nothing_though_it_is_signed_and_dated_later(
    sides: HeldSides, post: Any, sign: Any, settings: Any
) -> None:
    settings.NOWCERTS_WEBHOOK_SECRET = ["a-secret"]
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", city="Miami")
    sides.settle()
    for city in ("Tampa", "Orlando"):
        sides.ghl.edit(contact["id"], city=city)
        sides.settle()
    insured = the(sides.nowcerts.insureds)
    sides.forward(A_MOMENT)
    record = {"databaseId": insured["id"], "eMail": "ana@example.com", "city": "Tampa"}
    late = {"event_type": "INSURED_UPDATE", "timestamp": timezone.now().isoformat(), "data": record}
    body = json.dumps(late).encode()
    signed = {"X-Webhook-Signature": sign(body, "a-secret")}
    assert post(body, "/api/v1/webhooks/nowcerts", sign=False, headers=signed).status_code == 200
    sides.settle()
    assert (insured["city"], contact["city"], Contact.objects.get().city) == ("Orlando", "Orlando", "Orlando")


def test_existing_record_is_found_by_email_and_not_created_again(sides: HeldSides) -> None:
    sides.muted = True
    sides.ghl.add_contact(email="ANA@example.com", firstName="Ana", lastName="Ruiz", tags=["lead"])
    sides.muted = False
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    contact = the(sides.ghl.contacts)
    assert (contact["phone"], contact["city"], contact["tags"]) == ("+13055550100", "Miami", ["lead"])
    assert [asked.method for asked in sides.writes(sides.ghl)] == ["PUT"]
    mappings = ContactMapping.objects.filter(kind="contact").values_list("provider", "contact")
    assert sorted(mappings) == [("gohighlevel", Contact.objects.get().pk), ("nowcerts", Contact.objects.get().pk)]


def test_existing_record_is_found_by_phone_unless_the_address_differs(sides: HeldSides) -> None:
    sides.muted = True
    sides.ghl.add_contact(phone="+13055550100", firstName="Ana", lastName="Ruiz")
    sides.muted = False
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    assert the(sides.ghl.contacts)["email"] == "ana@example.com"


def test_two_people_of_one_name_stay_two(sides: HeldSides) -> None:
    for email in ("juan1@example.com", "juan2@example.com"):
        sides.ghl.add_contact(email=email, firstName="Juan", lastName="Pérez")
    sides.settle()
    assert sorted(one["eMail"] for one in sides.nowcerts.insureds.values()) == [
        "juan1@example.com",
        "juan2@example.com",
    ]


def test_somebody_who_changes_their_address_stays_the_same_person_on_both_sides(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    contact = the(sides.ghl.contacts)
    sides.ghl.edit(contact["id"], email="ana.ruiz@example.com", phone="+13055550188")
    sides.settle()
    assert (the(sides.nowcerts.insureds)["eMail"], insured["phone"]) == ("ana.ruiz@example.com", "+13055550188")
    assert insured_as(insured) == contact_as(the(sides.ghl.contacts))
    assert Contact.objects.get().email == "ana.ruiz@example.com"


def test_a_deletion_on_one_side_is_noted_and_deletes_nothing_on_the_other(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.ghl.delete_contact(the(sides.ghl.contacts)["id"])
    sides.settle()
    gone = ContactMapping.objects.get(provider="gohighlevel", kind="contact")
    assert (gone.gone_at is not None, len(sides.nowcerts.insureds), len(sides.ghl.contacts)) == (True, 1, 0)
    assert [row.status for row in OutgoingWrite.objects.order_by("pk")] == ["done", "skipped"], "a successor is sought"


def test_contact_without_email_and_phone_is_not_created_anywhere(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(firstName="Ana", lastName="Ruiz")
    sides.settle()
    assert (Contact.objects.count(), OutgoingWrite.objects.count(), sides.ghl.contacts) == (1, 0, {})


@pytest.mark.parametrize(("column", "value"), [("email", "ana@example.com"), ("phone", "+13055550100")])
def test_contact_of_nothing_but_a_name_is_created_elsewhere_with_its_first_address_or_number(
    sides: HeldSides, column: str, value: str
) -> None:
    contact = sides.ghl.add_contact(firstName="Ana", lastName="Ruiz")
    sides.settle()
    assert (Contact.objects.get().first_name, sides.nowcerts.insureds) == ("Ana", {})
    sides.ghl.edit(contact["id"], **{column: value})
    sides.settle()
    assert contact_as(contact) == insured_as(the(sides.nowcerts.insureds))


def test_contact_of_kajabi_alone_is_not_written_to_other_providers(sides: HeldSides, process: Any) -> None:
    person = {"id": "11", "email": "jane@example.com", "name": "Jane"}
    process({"event_type": "contact.updated", "event_id": "e1", "data": person}, "/api/kajabi/webhook")
    assert (Contact.objects.count(), OutgoingWrite.objects.count()) == (1, 0)
