"""NowCerts' lines in the log: what came in by the names of its fields, and what became of it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.nowcerts import FakeNowCerts
from tests.rendered import Lines

pytestmark = pytest.mark.django_db(transaction=True)
INSURED = "5b1d7c1e-6f0a-4a63-9c52-0d8a1f0b7e01"
INCOMING = "[INCOMING] NOWCERTS_WEBHOOK - Payload: "
OUTGOING = "[OUTGOING] NOWCERTS_WEBHOOK - "


def test_webhook_shows_the_names_of_its_fields_and_no_value(
    deliver: Any, drain: Any, sample: Any, lines: Lines
) -> None:
    payload = sample("INSURED_INSERT__sync")
    deliver(payload, by="relay")
    drain()
    assert lines.events() == [
        f"{INCOMING}{{event_type, timestamp, data: {{firstName, lastName, email, phone, address}}}}",
        "[NowCerts Webhook] Syncing contact j•••@example.com...",
        f"{OUTGOING}Response: contact created",
    ]
    values = {payload["data"][name] for name in ("lastName", "email", "phone")} | set(
        payload["data"]["address"].values()
    )
    assert [value for value in values if value in lines.text] == []


def test_conflict_unreadable_body_and_ignored_type_have_their_lines(deliver: Any, sample: Any, lines: Lines) -> None:
    for _time in range(2):
        deliver(sample("INSURED_INSERT__sync"), by="relay")
    deliver(b"{")
    deliver({"event_type": "INSURED_INSERT", "data": {"firstName": "Janeprivate"}})
    deliver({"event_type": "POLICY_DELETE", "data": {"policyDatabaseId": INSURED}})
    _first, again, broken, broken_end, unreadable, unreadable_end, ignored = lines.of("webhooks")
    assert (again["duplicate"], broken["signed"]) == ("true", "false")
    assert broken["event"] == unreadable["event"] == f"{INCOMING}unreadable"
    assert broken_end["event"].startswith(f"{OUTGOING}Error: the body is not JSON")
    assert unreadable_end["event"] == f"{OUTGOING}Error: email: an e-mail, a phone or an id is expected"
    assert (ignored["status"], ignored["reason"]) == ("ignored", "a deletion there deletes nothing here")
    assert "Janeprivate" not in lines.text


def test_insured_is_read_by_calls_that_name_nobody(
    nowcerts: FakeNowCerts, deliver: Any, drain: Any, travel: Any, lines: Lines
) -> None:
    nowcerts.add_insured(id=INSURED, firstName="Janeprivate", eMail="jane.private@example.com", city="Miami")
    deliver({"event_type": "INSURED_UPDATE", "data": {"insuredDatabaseId": INSURED}})
    drain()
    travel(timedelta(minutes=1))
    drain()
    calls = lines.events("calls")
    assert calls[0] == "[OUTGOING] NowCerts POST /api/token"
    assert "[OUTGOING] NowCerts GET /api/InsuredDetailList()?$filter&$orderby&$top&$skip" in calls
    assert f"[NowCerts Webhook] Syncing contact {INSURED}..." in lines.events()
    assert [value for value in ("Janeprivate", "jane.private", "Miami", "grant") if value in lines.text] == []
