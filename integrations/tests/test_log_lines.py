"""The catalogue of log lines by itself: outgoing calls over real HTTP, and lines that cannot be written."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from integrations import registry
from integrations.contracts.phrases import Subject, field_names
from integrations.inbox.models import InboxEvent
from integrations.toolkit import log_lines
from integrations.toolkit.client import JsonClient
from integrations.toolkit.exchange import call_name
from integrations.toolkit.failures import NotFound, Refused, TemporaryFailure
from integrations.toolkit.outgoing import post_signed
from integrations.toolkit.retries import Retries
from tests.fakes.http_server import Answer, FakeServer, Hang, Reset
from tests.rendered import Lines

GOOD = Answer(status=200, body=b'{"name": "Jane Private"}')
SECRET = "whsec_" + "c2VjcmV0LW9mLXRlc3RzLXRoYXQtbm9ib2R5LWtub3dz"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeServer(lambda asked: GOOD) as running:
        yield running


@pytest.fixture
def client(server: FakeServer) -> JsonClient:
    retries = Retries(number=2, initial_delay=1.0, backoff_factor=2.0)
    return JsonClient(server.url, title="Vendor", retries=retries, sleep=lambda seconds: None)


def shown(lines: Lines) -> list[tuple[str, ...]]:
    return [
        (line["level"], line["event"], line.get("status", "-"), line.get("attempt", "-"), line.get("problem", "-"))
        for line in lines.of("calls")
    ]


# Calls ----------------------------------------------------------------------------------------------------------------


def test_call_has_one_line_without_a_value(client: JsonClient, lines: Lines) -> None:
    client.call("PUT", "/contacts/8aX9/tags", query={"email": "jane.private@example.com"}, body={"tag": "Secretplan"})
    assert shown(lines) == [("info", "[OUTGOING] Vendor PUT /contacts/{id}/tags?email", "200", "1", "-")]
    assert int(lines.of("calls")[0]["duration_ms"]) >= 0
    assert [value for value in ("8aX9", "jane.private", "Secretplan", "Private") if value in lines.text] == []


def test_failures_and_repetitions_have_a_line_each(client: JsonClient, server: FakeServer, lines: Lines) -> None:
    server.misbehave(Answer(status=429, body=b'{"message": "Jane Private"}'), Answer(status=503))
    client.call("GET", "/contacts/41")
    again = "[OUTGOING] Vendor GET /contacts/{id}: next try in "
    told = shown(lines)
    assert [line[1].startswith(again) for line in told] == [False, True, False, True, False]
    assert [line for line in told if not line[1].startswith(again)] == [
        ("warning", "[OUTGOING] Vendor GET /contacts/{id}", "429", "1", "-"),
        ("warning", "[OUTGOING] Vendor GET /contacts/{id}", "503", "2", "-"),
        ("info", "[OUTGOING] Vendor GET /contacts/{id}", "200", "3", "-"),
    ]
    assert "Private" not in lines.text


@pytest.mark.parametrize(
    ("answer", "raised", "level", "problem"),
    [
        (Answer(status=404, body=b"{}"), NotFound, "info", "-"),
        (Answer(status=403, body=b'{"message": "Jane Private may not"}'), Refused, "warning", "-"),
        (Answer(status=200, body=b"<html>Jane Private"), TemporaryFailure, "warning", "the answer cannot be used"),
    ],
)
def test_useless_answer_is_logged_with_its_problem(
    client: JsonClient, server: FakeServer, lines: Lines, answer: Answer, raised: Any, level: str, problem: str
) -> None:
    server.misbehave(answer)
    with pytest.raises(raised):
        client.call("POST", "/thing", body={})
    assert shown(lines) == [(level, "[OUTGOING] Vendor POST /thing", str(answer.status), "1", problem)]
    assert "Private" not in lines.text


def test_call_without_an_answer_is_logged_with_its_reason(server: FakeServer, lines: Lines) -> None:
    never = Retries(number=0, initial_delay=1, backoff_factor=1)
    server.misbehave(Hang(), Reset())
    client = JsonClient(server.url, title="Vendor", read_timeout=0.2, retries=never)
    for _time in range(2):
        with pytest.raises(TemporaryFailure):
            client.call("GET", "/thing")
    with pytest.raises(TemporaryFailure):
        JsonClient("http://127.0.0.1:1", title="Vendor", retries=never).call("GET", "/thing")
    assert [(line[0], line[2], line[4]) for line in shown(lines)] == [
        ("warning", "-", "the answer did not come in time"),
        ("warning", "-", "the connection broke off (ConnectionError)"),
        ("warning", "-", "no connection could be made (ConnectionError)"),
    ]


def test_new_token_continues_the_numbers_of_the_tries(server: FakeServer, lines: Lines) -> None:
    class Tokens:
        def current(self) -> str:
            return "old-token-of-somebody"

        def replacement_for(self, refused: str) -> str:
            return "new-token-of-somebody"

    server.misbehave(Answer(status=401, body=b"{}"))
    JsonClient(server.url, title="Vendor", tokens=Tokens()).call("GET", "/thing")
    assert [(line["status"], line["attempt"]) for line in lines.of("calls")] == [("401", "1"), ("200", "2")]
    assert "of-somebody" not in lines.text


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/v1/contacts/2149000001/relationships/tags", "/v1/contacts/{id}/relationships/tags"),
        ("/contacts/ocQHyuzHvysMoNhVsXcw/tags", "/contacts/{id}/tags"),
        ("/contacts/jane%40example.com", "/contacts/{id}"),
        ("/platform/api/v1/accounts/123", "/platform/api/v1/accounts/{id}"),
        ("/api/InsuredDetailList()", "/api/InsuredDetailList()"),
        ("/opportunities/", "/opportunities/"),
        ("/locations/ve9EPM428h8vShlRW1KT/customFields", "/locations/{id}/customFields"),
        ("/v1/form_submissions/77", "/v1/form_submissions/{id}"),
        ("", ""),
    ],
)
def test_path_is_shown_without_its_ids(path: str, named: str) -> None:
    url = f"https://api.example.com{path}?page=5"
    assert call_name("GET", url, {"q": "jane"}, hide_ids=True) == f"GET {named}?q&…"


def test_signed_webhook_has_a_line_with_its_host_alone(server: FakeServer, lines: Lines) -> None:
    url = f"{server.url}/hooks/a-key-in-the-path-0123?token=secret"
    server.misbehave(Answer(status=204), Answer(status=500), Reset())
    post_signed(url, b'{"name": "Acme"}', message_id="company.created.chatwoot_1", secrets=[SECRET])
    for _time in range(2):
        with pytest.raises(TemporaryFailure):
            post_signed(url, b"{}", message_id="company.created.chatwoot_1", secrets=[SECRET])
    assert {(line["event"], line["message_id"]) for line in lines.of("calls")} == {
        ("[OUTGOING] webhook POST 127.0.0.1", "company.created.chatwoot_1")
    }
    assert [(line[0], line[2], line[4]) for line in shown(lines)] == [
        ("info", "204", "-"),
        ("warning", "500", "-"),
        ("warning", "-", "no answer (ConnectionError)"),
    ]
    assert [value for value in ("a-key-in", "secret", "Acme") if value in lines.text] == []


# What may stand in a line ---------------------------------------------------------------------------------------------


def test_names_of_fields_are_shown_two_levels_deep() -> None:
    payload = json.loads('{"a": {"b": {"c": 1}, "d": [{"e": 1}]}, "f": null, "g h": {"i": "j"}, "é": 1}')
    assert field_names(payload) == "{a: {b, d}, f, …: {i}, …}"
    assert field_names({}) == "{}"


@pytest.mark.parametrize(
    ("contact", "named"),
    [
        ("2149000001", "2149000001"),
        ("mem_1001", "mem_1001"),
        ("jane.private@example.com", "j•••@example.com"),
        ("Jane Private", "•••"),
        ("JanePrivate", "•••"),
        ("1\n[OUTGOING] x", "•••"),
        ("305 555 0142", "•••"),
        ("long:" + "0a" * 32, "long:" + "0a" * 32),
    ],
)
def test_contact_is_named_by_an_id_or_a_masked_address(lines: Lines, contact: str, named: str) -> None:
    log_lines.syncing(registry.provider("kajabi"), contact=contact)
    assert lines.events() == [f"🔄 [Kajabi Webhook] Sincronizando contacto {named}..."]


def test_every_provider_has_phrases_for_every_line() -> None:
    event = InboxEvent(pk=1, provider="x", event_type="a\nb[c]", external_id="7", payload={"a": 1}, body=b"1")
    for provider in registry.all_providers().values():
        for word in ("processed", "ignored", "unmatched", "retry", "failed", "lease_lost"):
            log_lines.ended(provider, event, outcome=word, attempt=1, seconds=0.1, reason="because", changes=["one"])
        it = Subject(title=provider.title, event_type="a\nb[c]", external_id="7", payload={"a": 1})
        words = provider.phrases
        said = [
            words.received(it),
            words.processed(it, "one"),
            words.ignored(it),
            words.failed(it, "because"),
            words.syncing(it, "7"),
            words.company_creating(it, "x_7"),
            words.company_created(it, "x_7"),
        ]
        assert all(isinstance(text, str) and text and "\n" not in text and "[c]" not in text for text in said)
        assert "because" in words.failed(it, "because")


# Lines that cannot be written -----------------------------------------------------------------------------------------


class _Broken(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("No space left on device")


@pytest.fixture
def broken_log() -> Iterator[None]:
    handler = _Broken()
    for logger in (log_lines.WEBHOOKS, log_lines.CALLS):
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    yield
    for logger in (log_lines.WEBHOOKS, log_lines.CALLS):
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


@pytest.mark.django_db(transaction=True)
def test_webhook_is_stored_answered_and_processed_without_a_log(
    broken_log: None, post: Any, relay: Any, drain: Any, plan: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert post(relay()).json() == {"status": "success"}
    assert post(relay(), secret="wrong").status_code == 403
    drain()
    event = InboxEvent.objects.get()
    assert (event.status, event.attempts) == ("processed", 1)
    assert "No space left on device" in capsys.readouterr().err


def test_call_is_made_without_a_log(broken_log: None, client: JsonClient, server: FakeServer) -> None:
    server.misbehave(Answer(status=500))
    assert client.call("GET", "/thing") == {"name": "Jane Private"}


@pytest.mark.django_db(transaction=True)
def test_phrases_that_fail_break_nothing(post: Any, relay: Any, drain: Any, plan: Any, monkeypatch: Any) -> None:
    def fail(*arguments: Any) -> str:
        raise KeyError("no such word")

    words = registry.provider("kajabi").phrases
    for name in ("received", "processed", "ignored", "failed", "syncing", "about"):
        monkeypatch.setitem(words.__dict__, name, fail)
    assert post(relay()).status_code == 200
    drain()
    assert InboxEvent.objects.get().status == "processed"


@pytest.mark.django_db(transaction=True)
def test_parallel_lines_are_whole(post: Any, relay: Any, at_once: Any, plan: Any, lines: Lines) -> None:
    at_once([lambda number=number: post(relay(event_id=f"evt_{number}")) for number in range(20)])
    said = lines.of("webhooks")
    assert sorted(line["key"] for line in said) == sorted(f"nssa:evt_{number}" for number in range(20))
    assert {line["event"] for line in said} == {"📥 [Kajabi Webhook] Evento recibido: offer.purchased"}


@pytest.mark.django_db(transaction=True)
def test_line_is_written_when_the_row_is_committed_and_before_a_worker_is_woken(
    post: Any, relay: Any, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.queue import wakeup

    at_the_wake_up: list[int] = []
    publisher = type("Publisher", (), {"put": lambda self, task, key: at_the_wake_up.append(len(lines.events()))})()
    monkeypatch.setattr(wakeup, "publisher", publisher)
    post(relay())
    assert at_the_wake_up == [1]


@pytest.mark.django_db(transaction=True)
def test_delivery_that_is_rolled_back_has_no_line(post: Any, relay: Any, lines: Lines) -> None:
    with transaction.atomic():
        post(relay())
        transaction.set_rollback(True)
    assert lines.events() == []
