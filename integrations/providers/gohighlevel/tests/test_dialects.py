"""Each dialect of GoHighLevel's webhooks, read into exact events."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.contracts.events import ContactReported
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.gohighlevel import webhooks
from integrations.providers.gohighlevel.provider import PROVIDER
from tests.fakes.gohighlevel import FakeGoHighLevel

RECEIVED = datetime(2026, 3, 2, 10, 33, tzinfo=UTC)
CONTACT = {"contact": "nmFmQEsNgz6AVpgLVUJ0"}
NAMES = {"first_name": "Jane", "last_name": "Rivera"}
ADDRESS = {"address_line_1": "456 Oak Ave", "city": "Orlando", "state": "FL", "postal_code": "32801"}


def read(payload: Mapping[str, Any], *, is_signed: bool = True) -> Any:
    """Return the event of a payload, read as the inbox does: the envelope, then the event."""
    envelope = webhooks.read(payload)
    (event,) = PROVIDER.parse(
        StoredWebhook(
            endpoint="webhooks",
            event_type=envelope.event_type,
            external_id=envelope.external_id,
            payload=payload,
            received_at=RECEIVED,
            is_signed=is_signed,
        )
    )
    return event


def test_app_contact_is_whole(sample: Any) -> None:
    assert read(sample("ContactCreate__app")) == ContactReported(
        occurred_at=datetime(2026, 3, 2, 10, 29, 59, 120_000, tzinfo=UTC),
        email="jane@example.com",
        identities=CONTACT,
        fields={**NAMES, "phone": "+13055550100", **ADDRESS, "country": "US"},
        custom_fields={
            "company": "Rivera Bakery",
            "website": "https://example.com/",
            "date_of_birth": "1990-05-17",
            "source": "quote form",
            "ghl:BcdmQEsNgz6AVpgLVUJ0": "Spanish",
            "ghl:assignedTo": "bNl8QNGXhIQJLv8eeASQ",
            "ghl:dnd": "",
        },
        tags=("vip",),
        is_whole=True,
    )


def test_app_contact_with_the_token_alone_is_not_whole(sample: Any) -> None:
    assert not read(sample("ContactCreate__app"), is_signed=False).is_whole


def test_sync_dialect_is_read(sample: Any) -> None:
    assert read(sample("contact.created__sync")) == ContactReported(
        occurred_at=RECEIVED,
        email="jane@example.com",
        identities={"email": "jane@example.com"},
        fields={**NAMES, "phone": "+13055550100", **ADDRESS},
    )


def test_sync_dialect_with_an_id_and_a_date_is_read(sample: Any) -> None:
    assert read(sample("contact.updated__sync_with_id")) == ContactReported(
        occurred_at=datetime(2026, 3, 2, 10, 29, 58, tzinfo=UTC),
        email="jane@example.com",
        identities=CONTACT,
        fields={**NAMES, "phone": "+13055550100"},
        tags=("vip", "newsletter"),
        changed_at=datetime(2026, 3, 2, 10, 29, 58, tzinfo=UTC),
    )


def test_default_workflow_body_is_read(sample: Any) -> None:
    payload = sample("contact.updated__workflow")
    assert webhooks.read(payload).event_type == "contact.updated"
    assert read(payload) == ContactReported(
        occurred_at=RECEIVED,
        email="jane@example.com",
        identities=CONTACT,
        fields={**NAMES, "phone": "+13055550100", **ADDRESS, "country": "US"},
        tags=("vip", "newsletter"),
    )


NOTICE = {"event": "contact.updated", "contact": {"id": "c1"}}


def test_payload_with_an_id_alone_is_a_notice(ghl: FakeGoHighLevel) -> None:
    assert read(NOTICE) == ContactReported(occurred_at=RECEIVED, identities={"contact": "c1"})
    assert webhooks.read(NOTICE).is_notice


def test_notice_without_the_api_is_unmatched() -> None:
    with pytest.raises(Unmatched, match="only names a contact"):
        read(NOTICE)


def test_opportunity_is_ignored(sample: Any) -> None:
    envelope = webhooks.read(sample("OpportunityCreate__app"))
    assert envelope.event_type in PROVIDER.ignored
    assert envelope.key == "ghl_5a1f0b2c-7a3e-4a0c-9f6a-0b1c2d3e4f5a"


@pytest.mark.parametrize(
    ("person", "names"),
    [
        ({"name": "Jane de la Rivera"}, ("Jane", "de la Rivera")),
        ({"full_name": "Jane"}, ("Jane", "")),
        ({"firstName": "Jane", "name": "Somebody Else"}, ("Jane", None)),
    ],
)
def test_whole_name_is_split_at_its_first_space(person: dict[str, str], names: tuple[str, str | None]) -> None:
    event = read({"event": "contact.created", "contact": {"email": "jane@example.com", **person}})
    assert (event.fields.get("first_name"), event.fields.get("last_name")) == names


def test_webhook_id_is_the_key(sample: Any) -> None:
    envelope = webhooks.read(sample("ContactCreate__app"))
    assert (envelope.key, envelope.record) == ("ghl_3f1b8c1a-95a4-4a3e-8a4b-7c6f1d2e9b10", "")
    without = sample("ContactCreate__app")
    del without["webhookId"], without["timestamp"]
    envelope = webhooks.read(without)
    assert envelope.key.startswith("ghl_")
    assert len(envelope.key) == len("ghl_") + 64
    assert envelope.record == "contact:nmfmqesngz6avpglvuj0"


def test_webhook_id_of_another_dialect_is_not_the_key(sample: Any) -> None:
    forged = sample("contact.created__sync") | {"webhookId": "3f1b8c1a-95a4-4a3e-8a4b-7c6f1d2e9b10"}
    assert webhooks.read(forged).key != "ghl_3f1b8c1a-95a4-4a3e-8a4b-7c6f1d2e9b10"


@pytest.mark.parametrize(
    ("payload", "at"),
    [
        ({}, ("event",)),
        ({"event": ["contact.created"]}, ("event",)),
        ({"type": 5}, ("type",)),
        ({"event": "contact.created"}, ("contact",)),
        ({"event": "contact.created", "contact": "jane@example.com"}, ("contact",)),
        ({"event": "contact.created", "contact": {"firstName": "Jane"}}, ("contact", "email")),
        ({"event": "contact.created", "contact": {"email": ["jane@example.com"]}}, ("contact", "email")),
        ({"type": "ContactCreate", "phone": {"home": "1"}}, ("phone",)),
        ({"type": "ContactUpdate"}, ("email",)),
    ],
)
def test_unreadable_field_is_named(payload: dict[str, Any], at: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable) as caught:
        webhooks.read(payload)
    assert caught.value.at == at


def test_phone_alone_is_unmatched() -> None:
    with pytest.raises(Unmatched, match="names no e-mail"):
        read({"event": "contact.created", "contact": {"phone": "+13055550100"}})


def test_handled_and_ignored_types_are_distinct() -> None:
    own = {"ContactCreate", "ContactUpdate", "ContactTagUpdate", "ContactDndUpdate", "ContactDelete"}
    assert PROVIDER.handled == own | {"contact.created", "contact.updated", "contact.deleted"}
    assert not PROVIDER.handled & set(PROVIDER.ignored)
