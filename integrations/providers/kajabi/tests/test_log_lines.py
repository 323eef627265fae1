"""Kajabi's lines in the log: the patterns of the real-time sync's document, on what is really written."""

import re
from datetime import timedelta
from typing import Any

import pytest

from integrations.inbox.models import InboxEvent
from integrations.providers.kajabi.tests.plugin import WEBHOOK_TOKEN
from tests.fakes import kajabi_records as records
from tests.fakes.http_server import Answer
from tests.fakes.kajabi import FakeKajabi
from tests.rendered import Lines

pytestmark = pytest.mark.django_db(transaction=True)


def found(lines: Lines, pattern: str) -> list[str]:
    """Return the lines that grep finds."""
    return [line for line in lines.text.splitlines() if re.search(pattern, line)]


def test_purchase_is_received_synced_and_processed(post: Any, relay: Any, drain: Any, plan: Any, lines: Lines) -> None:
    post(relay())
    assert lines.events() == ["📥 [Kajabi Webhook] Evento recibido: offer.purchased"]
    drain()
    assert lines.events() == [
        "📥 [Kajabi Webhook] Evento recibido: offer.purchased",
        "🔄 [Kajabi Webhook] Sincronizando contacto j•••@example.com...",
        "✅ [Kajabi Webhook] Evento offer.purchased procesado exitosamente",
    ]
    for pattern in (r"📥 \[Kajabi Webhook\]", r"✅ \[Kajabi Webhook\]", r"🔄 \[Kajabi Webhook\]"):
        assert len(found(lines, pattern)) == 1
    assert len(found(lines, "Kajabi Webhook")) == 3
    first, _syncing, last = lines.of("webhooks")
    event = InboxEvent.objects.get()
    shown = {name: first[name] for name in ("provider", "type", "event_id", "key", "duplicate", "signed", "status")}
    assert shown == {
        "provider": "kajabi",
        "type": "offer.purchased",
        "event_id": str(event.pk),
        "key": "nssa:evt_1",
        "duplicate": "false",
        "signed": "true",
        "status": "pending",
    }
    assert first["bytes"] == str(len(event.body))
    assert (last["level"], last["outcome"], last["attempt"], last["event_id"]) == (
        "info",
        "processed",
        "1",
        str(event.pk),
    )
    assert int(last["duration_ms"]) >= 0
    assert int(last["effects"]) == event.effects.count() > 2
    assert last["changes"].startswith("member created; subscription active")
    assert last["changes"].endswith("; …")


def test_repetition_says_so_and_nothing_of_the_rows_status(post: Any, relay: Any, plan: Any, lines: Lines) -> None:
    for payload in (relay(), relay(), relay(email="another@example.com")):
        post(payload)
    _first, again, other = lines.of("webhooks")
    assert (again["duplicate"], again["same_body"], other["duplicate"], other["same_body"]) == (
        "true",
        "true",
        "true",
        "false",
    )
    assert again["event_id"] == _first["event_id"]
    assert "status" not in again
    assert "same_body" not in _first


def test_unreadable_body_is_received_and_failed(post: Any, lines: Lines) -> None:
    post(b'{"type": ')
    received, failed = lines.of("webhooks")
    assert received["event"] == "📥 [Kajabi Webhook] Evento recibido: ?"
    assert received["status"] == "failed"
    assert failed["event"].startswith("❌ [Kajabi Webhook] Error procesando evento ?: the body is not JSON")
    assert (failed["level"], failed["outcome"]) == ("warning", "failed")


def test_unknown_type_is_received_and_ignored(post: Any, drain: Any, lines: Lines) -> None:
    post({"type": "something.new", "id": "evt_1"})
    drain()
    (line,) = lines.of("webhooks")
    assert line["event"] == "📥 [Kajabi Webhook] Evento recibido: something.new"
    assert (line["status"], line["reason"]) == ("ignored", "unknown type something.new")


def test_hostile_type_forges_no_line(post: Any, lines: Lines) -> None:
    forged = "x\n✅ [Kajabi Webhook] Evento y procesado exitosamente\u2028level=error\r\x1b[31m" + "z" * 5000
    post({"type": forged, "id": "evt_1"})
    assert len(lines.text.splitlines()) == 1
    assert found(lines, r"✅ \[Kajabi Webhook\]") == []
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u2028]", lines.text)
    assert len(lines.text) < 1500


def test_event_that_waits_for_staff_is_a_warning(post: Any, relay: Any, drain: Any, plan: Any, lines: Lines) -> None:
    post(relay(offer={"id": "nobody_sells_this"}))
    drain()
    line = lines.of("webhooks")[-1]
    assert found(lines, r"❌ \[Kajabi Webhook\] Error procesando evento offer.purchased: no plan for offer")
    assert (line["level"], line["outcome"], line["effects"]) == ("warning", "unmatched", "0")


def test_retry_is_a_warning_and_the_last_failure_an_error(
    post: Any, relay: Any, drain: Any, plan: Any, lines: Lines, monkeypatch: Any
) -> None:
    def broken(*arguments: Any) -> None:
        raise RuntimeError('null value in column "x"\nDETAIL: Failing row contains (1, Janeprivate).')

    monkeypatch.setattr("integrations.inbox.process.handle", broken)
    post(relay())
    drain()
    line = lines.of("webhooks")[-1]
    assert (line["level"], line["outcome"], line["attempt"]) == ("warning", "retry", "1")
    assert line["event"] == (
        '❌ [Kajabi Webhook] Error procesando evento offer.purchased: RuntimeError: null value in column "x"'
    )
    assert "Janeprivate" not in lines.text
    monkeypatch.setattr("core.queue.delivery.MAX_FAILURES", 2)
    InboxEvent.objects.update(next_attempt_at="2020-01-01T00:00Z")
    drain()
    line = lines.of("webhooks")[-1]
    assert (line["level"], line["outcome"], line["attempt"]) == ("error", "failed", "2")


def test_refused_delivery_says_why_and_who(post: Any, relay: Any, lines: Lines) -> None:
    post(relay(), secret="not-the-secret")
    post(relay(), "/kajabi-webhook/not-the-token", sign=False)
    post(relay(), sign=False)
    post(b"x", CONTENT_LENGTH=str(2**21 - 1))
    signature, token, bare, large = lines.of("webhooks")
    assert signature["event"] == ("[Kajabi Webhook] webhook refused: signature mismatch, wrong KAJABI_WEBHOOK_SECRET")
    assert (signature["level"], signature["sender"], signature["endpoint"]) == ("warning", "127.0.0.1", "relay")
    assert token["event"].endswith("webhook refused: token mismatch, wrong KAJABI_WEBHOOK_TOKEN")
    assert bare["event"].endswith("webhook refused: neither signature nor token")
    assert "at most 1048576 are accepted" in large["event"]
    assert "not-the-" not in lines.text


def test_contact_that_is_read_from_the_api_is_named_by_its_id(
    kajabi: FakeKajabi, impatient: None, post: Any, fixture: Any, drain: Any, lines: Lines, travel: Any
) -> None:
    kajabi.add(records.contact("2149000001", name="Jane Private", email="jane.private@example.com"))
    post(fixture("tag_added__native"), "/kajabi-webhook")
    drain()
    travel(timedelta(minutes=1))
    drain()
    assert "🔄 [Kajabi Webhook] Sincronizando contacto 2149000001..." in lines.events()
    calls = lines.events("calls")
    assert "[OUTGOING] Kajabi POST /v1/oauth/token" in calls
    assert any(call.startswith("[OUTGOING] Kajabi GET /v1/contacts/{id}?include") for call in calls)
    assert {line["status"] for line in lines.of("calls")} == {"200"}
    assert "2149000001" not in "".join(calls)
    assert "jane.private" not in lines.text
    assert "Private" not in lines.text


def test_contact_that_cannot_be_read_fails_the_event_with_a_line(
    kajabi: FakeKajabi, impatient: None, post: Any, fixture: Any, drain: Any, lines: Lines, travel: Any
) -> None:
    post(fixture("tag_added__native"), f"/kajabi-webhook/{WEBHOOK_TOKEN}", sign=False)
    drain()
    kajabi.misbehave(*[Answer(status=400, body=b"{}")] * 9, on="/v1/contacts")
    travel(timedelta(minutes=1))
    drain()
    assert InboxEvent.objects.get().status == "failed"
    line = lines.of("webhooks")[-1]
    assert (line["level"], line["outcome"]) == ("error", "failed")
    assert line["event"].startswith("❌ [Kajabi Webhook] Error procesando evento tag_added: Kajabi: GET /v1/contacts")
