"""The plan of events that are only hints: their provider is asked before; the writes that would follow are named."""

import pytest

from accounts.people.models import Contact, ContactMapping
from integrations.inbox.models import InboxEvent
from integrations.inbox.replays.plan import PlannedEvent, plan
from integrations.outbox.models import OutgoingWrite
from tests.fakes.http_server import Answer
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def both_know_ana(sides: HeldSides) -> None:
    sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz", phone="+13055550100")
    sides.settle()
    assert ContactMapping.objects.count() == 2


def planned(sides: HeldSides) -> PlannedEvent:
    """Deliver the one webhook that waits, and return the plan of processing it."""
    (hook,) = sides.hooks
    sides.deliver(hook)
    event = InboxEvent.objects.latest("pk")
    assert event.status == "pending"
    (found,) = plan([event.pk]).events
    return found


def test_contact_that_would_be_read_again_is_named(sides: HeldSides) -> None:
    (insured,) = sides.nowcerts.insureds.values()
    sides.nowcerts.edit(insured["id"], city="Miami")
    found = planned(sides)
    assert found.status == "processed"
    assert [row.model.__name__ for row in found.rows] == ["ContactRefresh"]
    assert not Contact.objects.filter(city="Miami").exists()


def test_deletion_that_its_provider_confirms_names_the_write_that_follows(sides: HeldSides) -> None:
    (record,) = sides.ghl.contacts
    sides.ghl.delete_contact(record)
    before = OutgoingWrite.objects.count()
    found = planned(sides)
    assert found.status == "processed"
    assert found.writes == (("gohighlevel", "contact", str(Contact.objects.get())),)
    assert [(row.model.__name__, row.verb) for row in found.rows] == [("ContactMapping", "changed")]
    assert OutgoingWrite.objects.count() == before


def test_provider_that_is_away_makes_it_a_retry(sides: HeldSides) -> None:
    (record,) = sides.ghl.contacts
    sides.ghl.delete_contact(record)
    sides.ghl.misbehave(*[Answer(status=503, body=b"{}")] * 5, on="/contacts/")
    found = planned(sides)
    assert (found.status, found.changes_something) == ("pending", False)
    assert "503" in found.reason
