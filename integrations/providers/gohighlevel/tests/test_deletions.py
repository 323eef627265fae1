"""Deletions of contacts: accepted where they are signed, read where that is possible."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from integrations.contracts.events import ContactGone, ContactReported, Event
from integrations.contracts.exceptions import Unreadable
from integrations.contracts.webhook import Payload, StoredWebhook
from integrations.providers.gohighlevel import webhooks
from integrations.providers.gohighlevel.provider import PROVIDER
from tests.fakes.gohighlevel import FakeGoHighLevel

RECEIVED = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
OWN = {"event": "contact.deleted", "contact": {"id": "c1"}}
APP = {
    "type": "ContactDelete",
    "locationId": "ve9EPM428h8vShlRW1KT",
    "id": "c1",
    "email": "jane@example.com",
    "timestamp": "2026-03-02T10:29:58Z",
    "webhookId": "w1",
}


def stored(payload: Payload, *, is_signed: bool) -> StoredWebhook:
    envelope = webhooks.read(payload)
    return StoredWebhook(
        endpoint="webhooks",
        event_type=envelope.event_type,
        external_id=envelope.external_id,
        payload=payload,
        received_at=RECEIVED,
        is_signed=is_signed,
    )


def events_of(payload: Payload, *, is_signed: bool = False) -> list[Event]:
    """Return the events of a delivery, as a worker reads it."""
    webhook = stored(payload, is_signed=is_signed)
    if PROVIDER.is_connected() and PROVIDER.is_hint(webhook):
        assert PROVIDER.confirm
        webhook = PROVIDER.confirm(webhook)
    return PROVIDER.parse(webhook)


def test_deletion_has_the_contact_and_its_time() -> None:
    assert events_of(APP, is_signed=True) == [
        ContactGone(occurred_at=datetime(2026, 3, 2, 10, 29, 58, tzinfo=UTC), contact_id="c1")
    ]
    assert events_of(OWN) == [ContactGone(occurred_at=RECEIVED, contact_id="c1")]


@pytest.mark.parametrize("payload", [APP, OWN])
@pytest.mark.parametrize("is_signed", [True, False])
def test_deletion_is_confirmed_by_reading(ghl: FakeGoHighLevel, payload: Payload, is_signed: bool) -> None:
    began = timezone.now()
    [event] = events_of(payload, is_signed=is_signed)
    assert isinstance(event, ContactGone)
    assert (event.contact_id, began <= event.occurred_at <= timezone.now()) == ("c1", True)
    assert [exchange.asked.path for exchange in ghl.exchanges] == ["/contacts/c1"]


@pytest.mark.parametrize("payload", [APP, OWN])
@pytest.mark.parametrize("is_signed", [True, False])
def test_deletion_of_an_existing_contact_is_an_update(ghl: FakeGoHighLevel, payload: Payload, is_signed: bool) -> None:
    ghl.add_contact(id="c1", email="jane@example.com")
    assert events_of(payload, is_signed=is_signed) == [
        ContactReported(occurred_at=RECEIVED, identities={"contact": "c1"})
    ]


def test_deletion_without_an_id_has_no_event(ghl: FakeGoHighLevel) -> None:
    assert events_of({"event": "contact.deleted", "contact": {"email": "jane@example.com"}}) == []
    assert ghl.exchanges == []
    with pytest.raises(Unreadable, match="an id is expected"):
        webhooks.read({"event": "contact.deleted", "contact": {}})


@pytest.mark.django_db
def test_app_deletion_is_answered_and_its_copy_is_no_conflict(deliver: Any) -> None:
    payload = APP | {"timestamp": timezone.now().isoformat()}
    answers = [deliver(payload), deliver(payload)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["data"]["status"] == "queued"
