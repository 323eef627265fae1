"""Between two of our own steps nothing waits for the sweep: what one step makes possible is due and woken with it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.people.models import Contact
from integrations.outbox import circuits
from integrations.outbox.models import Circuit, OutgoingWrite
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db


def test_opportunity_follows_the_write_of_its_contact_at_once(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", lastName="Ruiz")
    sides.hooks.clear()  # the policy is the first that is reported of her
    sides.nowcerts.add_policy(number="POL-123", insuredDatabaseId=insured["id"])
    for hook in list(sides.hooks):
        sides.deliver(hook)
    sides.drain()
    (opportunity,) = sides.ghl.opportunities.values()
    assert opportunity["contactId"] in sides.ghl.contacts, "the clock stood still"


def test_writes_that_a_circuit_held_are_woken_when_it_is_closed(
    sides: HeldSides, wakeups: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    now = timezone.now()
    circuit = Circuit.objects.create(provider="gohighlevel", opened_at=now, trial_at=None, failures=6)
    later = now + timedelta(minutes=5)
    contact = Contact.objects.create(email="ana@example.com")
    row = OutgoingWrite.objects.create(
        kind="contact", provider="gohighlevel", contact=contact, next_attempt_at=later, wake_at=later, cause="test"
    )
    wakeups.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert circuits.close(circuit)
    assert wakeups == [("outgoingwrite", row.pk)]
