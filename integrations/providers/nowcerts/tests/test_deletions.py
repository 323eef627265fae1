"""Deletions of insureds and prospects: accepted where they are signed, else read."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from integrations.contracts.events import ContactGone, ContactReported, Event
from integrations.contracts.webhook import Payload, StoredWebhook
from integrations.providers.nowcerts import webhooks
from integrations.providers.nowcerts.provider import PROVIDER
from tests.fakes.nowcerts import FakeNowCerts

RECEIVED = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
INSURED = str(uuid4())
NOTICE = {"EventType": "ProspectDeleted", "InsuredDatabaseId": INSURED}
OWN = {
    "event_type": "INSURED_DELETE",
    "timestamp": "2026-03-02T10:29:58Z",
    "data": {"insuredDatabaseId": INSURED, "firstName": "Jane", "eMail": "jane@example.com"},
}


def events_of(payload: Payload, *, is_signed: bool = False) -> list[Event]:
    """Return the events of a delivery, as a worker reads it."""
    envelope = webhooks.read(payload)
    webhook = StoredWebhook(
        endpoint="webhooks",
        event_type=envelope.event_type,
        external_id=envelope.external_id,
        payload=payload,
        received_at=RECEIVED,
        is_signed=is_signed,
    )
    if PROVIDER.is_connected() and PROVIDER.is_hint(webhook):
        assert PROVIDER.confirm
        webhook = PROVIDER.confirm(webhook)
    return PROVIDER.parse(webhook)


def test_deletion_has_the_insured_and_its_time(nowcerts: FakeNowCerts) -> None:
    """Accept a signed delivery, although the record may still exist."""
    nowcerts.add_insured(id=INSURED)
    assert events_of(OWN, is_signed=True) == [
        ContactGone(occurred_at=datetime(2026, 3, 2, 10, 29, 58, tzinfo=UTC), contact_id=INSURED)
    ]
    assert nowcerts.exchanges == []


def test_deletion_without_the_api_is_accepted() -> None:
    assert events_of(NOTICE) == [ContactGone(occurred_at=RECEIVED, contact_id=INSURED)]


@pytest.mark.parametrize(("payload", "is_signed"), [(OWN, False), (NOTICE, False), (NOTICE, True)])
def test_deletion_is_confirmed_by_reading(nowcerts: FakeNowCerts, payload: dict[str, Any], is_signed: bool) -> None:
    began = timezone.now()
    [event] = events_of(payload, is_signed=is_signed)
    assert isinstance(event, ContactGone)
    assert (event.contact_id, began <= event.occurred_at <= timezone.now()) == (INSURED, True)


@pytest.mark.parametrize("payload", [OWN, NOTICE])
def test_deletion_of_an_existing_insured_is_an_update(nowcerts: FakeNowCerts, payload: dict[str, Any]) -> None:
    nowcerts.add_insured(id=INSURED, eMail="jane@example.com")
    assert events_of(payload) == [ContactReported(occurred_at=RECEIVED, identities={"contact": INSURED})]


def test_deletion_without_an_id_has_no_event(nowcerts: FakeNowCerts) -> None:
    assert events_of({"event_type": "INSURED_DELETE", "data": {"email": "jane@example.com"}}) == []
    assert nowcerts.exchanges == []
