"""A merge there is no event of its own: the one contact is deleted, the other one changed, in either order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.people.models import ContactMapping
from integrations.contracts.events import ContactGone
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.gohighlevel import webhooks
from integrations.providers.gohighlevel.provider import PROVIDER
from tests.harness.fake_sides import GHL_HOOK
from tests.harness.held_sides import HeldSides

_OF_THE_WEBHOOK = ("type", "webhookId", "timestamp")


def test_deletion_of_an_app_is_read(sample: Any) -> None:
    payload = sample("ContactDelete__app")
    envelope = webhooks.read(payload)
    (event,) = PROVIDER.parse(
        StoredWebhook(
            endpoint="webhooks",
            event_type=envelope.event_type,
            external_id=envelope.external_id,
            payload=payload,
            received_at=datetime(2026, 3, 2, 10, 33, tzinfo=UTC),
            is_signed=True,
        )
    )
    moment = datetime(2026, 3, 2, 10, 30, 59, tzinfo=UTC)
    assert event == ContactGone(occurred_at=moment, contact_id="q7RtQEsNgz6AVpgLVUJ9")


@pytest.mark.django_db
@pytest.mark.parametrize("first", ["ContactDelete__app", "ContactUpdate__app"])
def test_survivor_of_a_merge_takes_the_place_of_the_deleted_contact(sides: HeldSides, sample: Any, first: str) -> None:
    loser, survivor = (
        {name: value for name, value in sample(payload).items() if name not in _OF_THE_WEBHOOK}
        for payload in ("ContactDelete__app", "ContactUpdate__app")
    )
    sides.ghl.add_contact(**loser)
    sides.settle()
    sides.muted = True
    sides.ghl.add_contact(**survivor)
    sides.ghl.delete_contact(loser["id"])
    sides.muted = False
    for name in sorted(["ContactDelete__app", "ContactUpdate__app"], key=lambda name: name != first):
        dated = sample(name) | {"timestamp": (timezone.now() - timedelta(seconds=1)).isoformat()}
        assert sides.deliver((GHL_HOOK, dated)).status_code == 200
    sides.settle()
    records = ContactMapping.objects.filter(provider="gohighlevel", kind="contact")
    assert {row.external_id: (row.is_main, row.gone_at is None) for row in records} == {
        loser["id"]: (False, False),
        survivor["id"]: (True, True),
    }
    (insured,) = sides.nowcerts.insureds.values()
    assert (insured["city"], insured["addressLine1"]) == ("Tampa", "456 Oak Ave")
    sides.nowcerts.edit(insured["id"], city="Miami")
    sides.settle()
    assert (survivor["id"], sides.ghl.contacts[survivor["id"]]["city"]) == (*sides.ghl.contacts, "Miami")
