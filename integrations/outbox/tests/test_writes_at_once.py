"""Everything may run beside itself: workers at one row, reports beside deliveries, one person told by both sides."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.people.models import Contact, ContactMapping, PossibleDuplicate
from core.cause import Cause
from core.queue import runner
from integrations.inbox.models import ContactRefresh
from integrations.outbox.enqueue import enqueue_write
from integrations.outbox.models import OutgoingWrite
from tests.harness.fake_sides import contact_as, insured_as
from tests.harness.held_sides import A_MOMENT, HeldSides

pytestmark = pytest.mark.django_db(transaction=True)
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "city": "Miami"}
AtOnce = Callable[[list[Callable[[], Any]]], list[Any]]


def the(records: dict[str, Any]) -> Any:
    """The only one of a side's records."""
    assert len(records) == 1, records
    return next(iter(records.values()))


def read(provider: str, external_id: str) -> ContactRefresh:
    """A reading of a record that is due."""
    reading: ContactRefresh = ContactRefresh.objects.enqueue(provider=provider, external_id=external_id)
    reading.requeue()
    return reading


@pytest.fixture
def pair(committing_sides: HeldSides) -> tuple[Any, Any]:
    """One person, equal on both sides: (insured, contact)."""
    insured = committing_sides.nowcerts.add_insured(**ANA)
    committing_sides.settle()
    return insured, the(committing_sides.ghl.contacts)


def test_many_workers_at_one_row_write_once(committing_sides: HeldSides, at_once: AtOnce) -> None:
    sides = committing_sides
    contact = Contact.objects.create(email="ana@example.com", first_name="Ana")
    row = enqueue_write(contact, "gohighlevel", cause=Cause(text="test"))
    assert row is not None
    results = at_once([lambda: runner.run(OutgoingWrite, row.pk)] * 4)
    assert sorted(results) == [False, False, False, True]
    assert [asked.method for asked in sides.writes(sides.ghl)] == ["POST"]
    row.refresh_from_db()
    assert (row.status, row.attempts, row.external_id) == ("done", 1, the(sides.ghl.contacts)["id"])


def test_concurrent_enqueues_make_one_row(committing_sides: HeldSides, at_once: AtOnce) -> None:
    contact = Contact.objects.create(email="ana@example.com", first_name="Ana")
    results = at_once([lambda: enqueue_write(contact, "gohighlevel", cause=Cause(text="test"))] * 6)
    assert [type(result) for result in results if result is not None] == [OutgoingWrite]
    assert OutgoingWrite.objects.count() == 1


@pytest.mark.parametrize("_round", range(3))
def test_a_report_beside_a_delivery_loses_neither(
    committing_sides: HeldSides, pair: tuple[Any, Any], at_once: AtOnce, _round: int
) -> None:
    sides, (insured, contact) = committing_sides, pair
    sides.nowcerts.edit(insured["id"], city="Tampa")
    reading = read("nowcerts", insured["id"])
    runner.run(ContactRefresh, reading.pk)
    row = OutgoingWrite.objects.get(status="pending")
    sides.ghl.edit(contact["id"], phone="+13055550177")
    told = read("gohighlevel", contact["id"])
    results = at_once([lambda: runner.run(OutgoingWrite, row.pk), lambda: runner.run(ContactRefresh, told.pk)])
    assert results == [True, True]
    sides.settle()
    assert (contact["city"], contact["phone"]) == ("Tampa", "+13055550177")
    assert insured_as(insured) == contact_as(contact)
    assert not OutgoingWrite.objects.exclude(status__in=["done", "not_needed"]).exists()


@pytest.mark.parametrize("_round", range(3))
def test_new_person_reported_by_both_sides_at_once_is_one_contact(
    committing_sides: HeldSides, at_once: AtOnce, _round: int
) -> None:
    sides = committing_sides
    sides.muted = True
    insured = sides.nowcerts.add_insured(**ANA)
    contact = sides.ghl.add_contact(email="ANA@example.com", firstName="Ana", lastName="Ruiz", phone="+13055550100")
    sides.muted = False
    readings = [read("nowcerts", insured["id"]), read("gohighlevel", contact["id"])]
    results = at_once([lambda reading=reading: runner.run(ContactRefresh, reading.pk) for reading in readings])
    assert results == [True, True]
    sides.forward(A_MOMENT)
    sides.settle()
    assert (Contact.objects.count(), PossibleDuplicate.objects.count()) == (1, 0)
    records = ContactMapping.objects.filter(kind="contact").order_by("provider").values_list("external_id", flat=True)
    assert list(records) == [contact["id"], insured["id"]]
    of_nowcerts, of_ghl = insured_as(the(sides.nowcerts.insureds)), contact_as(the(sides.ghl.contacts))
    assert of_nowcerts | {"eMail": of_nowcerts["eMail"].lower()} == of_ghl | {"eMail": of_ghl["eMail"].lower()}
    assert (insured["phone"], contact["city"]) == ("+13055550100", "Miami")
    assert [asked.method for asked in sides.writes(sides.ghl) if asked.method == "POST"] == []
