"""Actions of staff on writes: retry, skip, undo."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.people import contact_duplicates
from accounts.people.models import Contact, ContactChange, PossibleDuplicate, User
from core.cause import Cause
from integrations.outbox import circuits, enqueue, repair
from integrations.outbox.models import Circuit, OutgoingWrite
from integrations.outbox.repair import CannotUndo
from tests.fakes import nowcerts
from tests.fakes.http_server import Answer
from tests.harness.fake_sides import contact_as, insured_as
from tests.harness.held_sides import A_MOMENT, HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": "+13055550100", "city": "Miami"}
CAUSE = Cause(text="test")


@pytest.fixture
def pair(sides: HeldSides) -> tuple[Any, Any]:
    """One person, equal on both sides: (insured, contact)."""
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    return insured, next(iter(sides.ghl.contacts.values()))


@pytest.fixture
def failed(sides: HeldSides) -> OutgoingWrite:
    """A write that NowCerts refused: the insured is not there yet."""
    sides.nowcerts.misbehave(nowcerts.failure("State is not valid"), on="/api/Insured/OnlyInsertInsured")
    sides.ghl.add_contact(email="ana@example.com", firstName="Ana", state="Florida?")
    sides.settle()
    write = newest()
    assert write.status == "failed"
    return write


def newest() -> OutgoingWrite:
    return OutgoingWrite.objects.latest("pk")


# Undo -----------------------------------------------------------------------------------------------------------------


def test_undo_restores_every_provider_and_is_shown_in_the_history(
    sides: HeldSides, pair: tuple[Any, Any], staff: User
) -> None:
    insured, contact = pair
    sides.nowcerts.edit(insured["id"], city="Tampa", phone="+13055550199")
    sides.settle()
    assert (contact["city"], contact["phone"]) == ("Tampa", "+13055550199")
    write = newest()
    assert sorted(repair.undo(write, cause=Cause.by_staff(staff))) == ["city", "phone"]
    sides.settle()
    for side in (insured_as(insured), contact_as(contact)):
        assert (side["city"], side["phone"], side["firstName"]) == ("Miami", "+13055550100", "Ana")
    shown = ContactChange.objects.filter(kind="staff").order_by("name").values_list("name", "before", "after", "staff")
    assert list(shown) == [
        ("city", "Tampa", "Miami", staff.pk),
        ("phone", "+13055550199", "+13055550100", staff.pk),
    ]
    write.refresh_from_db()
    assert write.undone_at is not None


def test_undo_empties_a_value_that_was_empty(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.nowcerts.edit(insured["id"], state="FL")
    sides.settle()
    assert contact["state"] == "FL"
    repair.undo(newest(), cause=CAUSE)
    sides.settle()
    assert (insured_as(insured)["state"], contact_as(contact)["state"], Contact.objects.get().state) == ("", "", "")


def test_a_write_is_undone_once(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, _contact = pair
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    write = newest()
    stale = OutgoingWrite.objects.get(pk=write.pk)
    repair.undo(write, cause=CAUSE)
    for again in (OutgoingWrite.objects.get(pk=write.pk), stale):
        with pytest.raises(CannotUndo):
            repair.undo(again, cause=CAUSE)
    assert ContactChange.objects.filter(kind="staff").count() == 1


def test_undo_of_a_create_is_refused(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    made = newest()
    assert made.operation == "create"
    with pytest.raises(CannotUndo, match="delete it there by hand"):
        repair.undo(made, cause=CAUSE)
    made.refresh_from_db()
    assert (made.undone_at, len(sides.ghl.contacts)) == (None, 1)


def test_an_opportunity_is_not_undone(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    sides.nowcerts.add_policy(number="POL-1", lineOfBusinessName="Auto", insuredDatabaseId=pair[0]["id"])
    sides.settle()
    with pytest.raises(CannotUndo, match="correct the policy"):
        repair.undo(OutgoingWrite.objects.get(kind="opportunity"), cause=CAUSE)


def test_undo_of_an_unwritten_write_is_refused(sides: HeldSides, failed: OutgoingWrite) -> None:
    with pytest.raises(CannotUndo, match="only what was written"):
        repair.undo(failed, cause=CAUSE)


# Retry ----------------------------------------------------------------------------------------------------------------


def test_failed_write_is_done_after_a_retry(sides: HeldSides, failed: OutgoingWrite) -> None:
    assert repair.retry([failed]) == 1
    sides.settle()
    failed.refresh_from_db()
    assert (failed.status, failed.last_error, len(sides.nowcerts.insureds)) == ("done", "", 1)


def test_beside_a_newer_one_that_waits_a_failed_write_stays(sides: HeldSides, failed: OutgoingWrite) -> None:
    owed = enqueue.enqueue_write(Contact.objects.get(), "nowcerts", cause=CAUSE)
    assert owed is not None
    assert repair.retry([failed, owed]) == 0
    assert list(OutgoingWrite.objects.order_by("pk").values_list("status", flat=True)) == ["failed", "pending"]


def test_a_later_write_settles_the_failed_ones_before_it(sides: HeldSides, failed: OutgoingWrite) -> None:
    sides.ghl.edit(next(iter(sides.ghl.contacts)), state="FL")
    sides.settle()
    later = OutgoingWrite.objects.filter(pk__gt=failed.pk, status="done").earliest("pk")
    failed.refresh_from_db()
    assert (failed.status, failed.last_error) == ("skipped", f"settled by write {later.pk}")
    assert len(sides.nowcerts.insureds) == 1


def test_a_skipped_write_that_is_tried_again_changes_nothing_that_is_equal(
    sides: HeldSides, failed: OutgoingWrite
) -> None:
    sides.ghl.edit(next(iter(sides.ghl.contacts)), state="FL")
    sides.settle()
    writes = len(sides.writes(sides.nowcerts))
    failed.refresh_from_db()
    assert repair.retry([failed]) == 1
    sides.settle()
    failed.refresh_from_db()
    # Its call was refused, so the record that is there was made by the later one.
    assert (failed.status, len(sides.nowcerts.insureds)) == ("not_needed", 1)
    assert len(sides.writes(sides.nowcerts)) == writes


def test_done_write_is_not_retried(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    assert repair.retry(OutgoingWrite.objects.all()) == 0


# Skip -----------------------------------------------------------------------------------------------------------------


def test_a_waiting_write_that_is_skipped_is_not_sent_until_something_changes(
    sides: HeldSides, pair: tuple[Any, Any]
) -> None:
    insured, contact = pair
    sides.ghl.misbehave(*[Answer(status=503, body=b"{}")] * 4, on="/contacts")
    sides.nowcerts.edit(insured["id"], city="Tampa")
    hooks, sides.hooks[:] = list(sides.hooks), []
    for hook in hooks:
        sides.deliver(hook)
    for _moment in range(3):
        sides.drain()
        if OutgoingWrite.objects.filter(status="pending", failures__gt=0).exists():
            break
        sides.forward(A_MOMENT)
    write = newest()
    assert (write.status, write.failures) == ("pending", 1)
    assert repair.skip(write, cause=Cause(text="staff x", reason="a mistake there")) is True
    sides.heal()
    sides.settle()
    write.refresh_from_db()
    assert (write.status, write.last_error, contact["city"]) == ("skipped", "a mistake there (staff x)", "Miami")
    assert repair.skip(write, cause=CAUSE) is False

    sides.nowcerts.edit(insured["id"], state="FL")
    sides.settle()
    assert (contact["city"], contact["state"]) == ("Tampa", "FL")


def test_done_write_is_not_skipped(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    assert repair.skip(newest(), cause=CAUSE) is False
    assert newest().status == "done"


# Merge ----------------------------------------------------------------------------------------------------------------


def test_write_that_failed_for_two_contacts_is_done_after_their_merge(sides: HeldSides) -> None:
    sides.ghl.add_contact(email="other@example.com", phone="+13055550100", firstName="Ana", lastName="Ruiz")
    sides.settle()
    insured = sides.nowcerts.add_insured(**ANA)  # of the same name and number
    sides.settle()
    assert newest().status == "failed"
    merged = contact_duplicates.merge(PossibleDuplicate.objects.get(), cause=CAUSE)
    assert merged is not None
    enqueue.contact_changed(merged)
    sides.settle()
    assert Contact.objects.count() == 1
    assert contact_as(next(iter(sides.ghl.contacts.values())))["city"] == insured["city"] == "Miami"
    assert not OutgoingWrite.objects.filter(status="failed").exclude(contact=None).exists()


# Circuits -------------------------------------------------------------------------------------------------------------


def test_write_to_a_paused_provider_waits_until_the_circuit_is_closed(sides: HeldSides) -> None:
    circuit = Circuit.objects.create(provider="gohighlevel")
    assert circuits.pause(circuit) is True
    for number in range(3):
        sides.nowcerts.add_insured(eMail=f"person{number}@example.com", firstName="Ana", lastName=str(number))
    hooks, sides.hooks[:] = list(sides.hooks), []
    for hook in hooks:
        sides.deliver(hook)
    for _moment in range(4):
        sides.drain()
        sides.forward(timedelta(minutes=4))
    assert set(OutgoingWrite.objects.values_list("status", "failures")) == {("pending", 0)}
    assert sides.ghl.exchanges == []
    circuit.refresh_from_db()
    assert circuits.close(circuit) is True
    sides.drain()
    assert len(sides.ghl.contacts) == 3
