"""Changes without a webhook are found in both sides' lists, and written to the other side."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.people.models import ContactMapping
from core.cause import Cause
from core.queue import runner
from integrations import registry
from integrations.outbox.models import OutgoingWrite
from integrations.reconcile import runs
from integrations.reconcile.models import SyncFinding, SyncRun
from tests.harness.fake_sides import contact_as, insured_as
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "city": "Miami"}


@pytest.fixture(autouse=True)
def _nobody_tells_anything(sides: HeldSides) -> None:
    sides.muted = True


def read(sides: HeldSides, provider: str) -> SyncRun:
    """Read a provider's lists to their end, and write what that leads to."""
    run = runs.start(registry.provider(provider), cause=Cause(text="test"), wake=False)
    while runner.run(SyncRun, run.pk, wake=False):
        sides.forward(timedelta(seconds=1))
    run.refresh_from_db()
    assert run.status == "done", run.last_error
    sides.settle()
    return run


def pair(sides: HeldSides) -> tuple[Any, Any]:
    return next(iter(sides.nowcerts.insureds.values())), next(iter(sides.ghl.contacts.values()))


def test_backfill_creates_contacts_missing_on_one_side(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA)
    sides.ghl.add_contact(email="luis@example.com", firstName="Luis", lastName="Mora")
    read(sides, "nowcerts")
    read(sides, "gohighlevel")
    insureds = sorted((insured_as(one) for one in sides.nowcerts.insureds.values()), key=lambda one: one["eMail"])
    contacts = sorted((contact_as(one) for one in sides.ghl.contacts.values()), key=lambda one: one["eMail"])
    assert insureds == contacts
    assert [one["eMail"] for one in insureds] == ["ana@example.com", "luis@example.com"]


def test_missed_change_on_either_side_is_synced(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA)
    read(sides, "nowcerts")
    read(sides, "gohighlevel")
    insured, contact = pair(sides)
    sides.forward(timedelta(hours=3))
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.ghl.edit(contact["id"], phone="+13055550123")
    assert read(sides, "nowcerts").changed == 1
    read(sides, "gohighlevel")
    assert insured_as(insured) == contact_as(contact)
    assert (contact["city"], insured["phone"]) == ("Tampa", "+13055550123")


def test_repeated_sync_run_writes_nothing(sides: HeldSides) -> None:
    sides.nowcerts.add_insured(**ANA)
    for provider in ("nowcerts", "gohighlevel") * 2:
        read(sides, provider)
    writes = OutgoingWrite.objects.count()
    assert read(sides, "nowcerts").changed == read(sides, "gohighlevel").changed == 0
    assert (OutgoingWrite.objects.count(), len(sides.writes(sides.ghl))) == (writes, 1)


def test_contact_deleted_on_one_side_is_named_and_stays_on_the_other(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    read(sides, "nowcerts")
    sides.forward(timedelta(hours=3))
    sides.nowcerts.delete_insured(insured["id"])
    read(sides, "nowcerts")
    finding = SyncFinding.objects.get()
    assert (finding.kind, finding.person) == ("gone_there", "ana@example.com")
    assert len(sides.ghl.contacts) == 1
    assert ContactMapping.objects.get(provider="nowcerts", kind="contact").gone_at is not None
