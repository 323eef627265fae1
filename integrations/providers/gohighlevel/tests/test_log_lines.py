"""GoHighLevel's lines in the log: what came in by the names of its fields, and what became of it."""

from typing import Any

import pytest

from tests.rendered import Lines

pytestmark = pytest.mark.django_db(transaction=True)


def test_webhook_shows_the_names_of_its_fields_and_no_value(
    deliver: Any, drain: Any, sample: Any, lines: Lines
) -> None:
    deliver(sample("contact.created__sync"), by="token")
    drain()
    assert lines.events() == [
        "[INCOMING] GHL_WEBHOOK - Payload: {event, contact: {firstName, lastName, email, phone, address1, city, state, "
        "postalCode}, locationId}",
        "[GoHighLevel Webhook] Syncing contact j•••@example.com...",
        "[OUTGOING] GHL_WEBHOOK - Response: contact created",
    ]
    values = list(sample("contact.created__sync")["contact"].values())
    assert [value for value in values if len(value) > 2 and value in lines.text] == []


def test_names_that_are_values_are_not_shown(deliver: Any, lines: Lines) -> None:
    fields = {"Jane Rivera's plan": "gold", "jane.private@example.com": 1, "305-555-0142": 1, "": 1, "x" * 50: 1}
    contact = {"email": "jane@example.com"} | {f"field_{number}": 1 for number in range(60)}
    deliver({"event": "contact.created", "contact": contact, **fields}, by="token")
    (line,) = lines.events()
    assert line.startswith("[INCOMING] GHL_WEBHOOK - Payload: {event, contact: {email, field_0, ")
    assert line.endswith(", …}, …}")
    assert [value for value in ("Rivera", "private", "305", "xxx", "field_50") if value in lines.text] == []


def test_app_webhook_is_signed_and_a_bare_one_refused(deliver: Any, sample: Any, lines: Lines) -> None:
    deliver(sample("ContactCreate__app"))
    deliver(sample("ContactCreate__app"), by="nobody")
    taken, refused = lines.of("webhooks")
    assert (taken["signed"], taken["type"]) == ("true", "ContactCreate")
    assert refused["event"] == "[GoHighLevel Webhook] webhook refused: neither signature nor token"
