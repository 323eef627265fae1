"""Sentry receives the errors of a real process without any secret, password, address or token."""

import base64
import gzip
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from config.logs import Redactor
from config.sentry import Reducer
from tests.fakes.http_server import Answer, FakeServer

# A process without tables: so whatever asks the database fails, with a password in the variables of its frames.
PROCESS = """
import logging, os
import django
django.setup()
import sentry_sdk
from celery import shared_task
from django.test import Client
from config.celery import app

PAYLOAD = {"member": {"first_name": "Jane-Payload", "phone": "+15550100199", "email": "jane.private@example.com"}}
browser = Client(raise_request_exception=False, headers={
    "Authorization": "Token a-token-of-the-staff-api", "X-Kajabi-Signature": "signature-of-the-body-0001",
})
browser.cookies["sessionid"] = "session-of-somebody-0001"
form = {"username": "jane.private@example.com", "password": "violet kettle under the stairs"}
browser.post("/sign-in?next=/dashboard&token=token-in-the-query-0001", form)
browser.get("/nssa/setup-password?token=token-of-a-link-0001&email=jane.private%40example.com")
browser.post("/kajabi-webhook/a-token-that-only-tests-know", PAYLOAD, content_type="application/json")

@shared_task(name="tests.fail")
def fail(payload, password):
    secret = os.environ["GHL_API_KEY"]
    raise ValueError(f"no way for {payload['member']['email']} with {secret} password={password}")

fail.apply(args=[PAYLOAD], kwargs={"password": "password-of-a-task-0001"})

logger = logging.getLogger("tests")
logger.info("breadcrumb of %s", "jane.private@example.com", extra={"payload": PAYLOAD, "row": 4711})
logger.error("line about %s", PAYLOAD["member"]["email"], extra={"payload": PAYLOAD, "row": 4711})

import requests
called = os.environ["CALLED"]
credentials = ("operator", os.environ["WEBHOOK_CONFIG_PASSWORD"])
try:
    answer = requests.get(f"{called}/contacts?api_key=key-in-the-query-0001", auth=credentials, json=PAYLOAD)
    answer.raise_for_status()
except requests.HTTPError:
    logger.exception("call failed")
try:
    raise RuntimeError(f"said {answer.request.headers['Authorization']}")
except RuntimeError:
    sentry_sdk.set_user({"email": "jane.private@example.com", "id": 1})
    sentry_sdk.set_extra("payload", PAYLOAD)
    sentry_sdk.set_tag("who", "jane.private@example.com")
    sentry_sdk.set_context("member", PAYLOAD)
    sentry_sdk.capture_exception()
sentry_sdk.flush(10)
"""
SECRETS = {
    "SECRET_KEY": "a-secret-key-of-the-installation-that-is-long-enough-0001",
    "KAJABI_WEBHOOK_TOKEN": "a-token-that-only-tests-know",
    "KAJABI_WEBHOOK_SECRET": "a-secret-that-only-tests-know",
    "GHL_API_KEY": "a-key-that-only-tests-know",
    "WEBHOOK_CONFIG_PASSWORD": "a password/that+only tests know",
    "ACME_API_KEY": "a-key-of-somebody-new",
}
FORBIDDEN = [
    *SECRETS.values(),
    base64.b64encode(f"operator:{SECRETS['WEBHOOK_CONFIG_PASSWORD']}".encode()).decode(),
    base64.b64encode(SECRETS["WEBHOOK_CONFIG_PASSWORD"].encode()).decode()[:-4],
    "violet kettle", "violet+kettle", "a-token-of-the-staff-api", "signature-of-the-body-0001",
    "session-of-somebody-0001", "token-in-the-query-0001", "token-of-a-link-0001", "password-of-a-task-0001",
    "key-in-the-query-0001", "jane.private", "Jane-Payload", "15550100199",
]  # fmt: skip


@pytest.fixture(scope="module")
def envelopes(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return the unpacked bytes that a process posts to its DSN, without the DSN's own key."""

    def answer(asked: Any) -> Answer:
        return Answer(status=200 if "/envelope/" in asked.path else 500, body=b"{}")

    with FakeServer(answer) as server:
        environ = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        environ |= SECRETS | {
            "DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": "", "CALLED": server.url,
            "VAR_DIR": str(tmp_path_factory.mktemp("var")), "ALLOWED_HOSTS": "testserver",
            "SENTRY_DSN": server.url.replace("http://", "http://0123456789abcdef@") + "/1",
        }  # fmt: skip
        done = subprocess.run([sys.executable, "-c", PROCESS], env=environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        posted = [exchange.asked for exchange in server.exchanges if "/envelope/" in exchange.asked.path]
        called = [exchange.asked for exchange in server.exchanges if "/envelope/" not in exchange.asked.path]
    assert [name for asked in called for name in asked.headers if name in ("sentry-trace", "baggage")] == []
    assert all(asked.headers.get("content-encoding") == "gzip" for asked in posted)
    return [gzip.decompress(asked.body) for asked in posted]


def events(envelopes: list[bytes]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for envelope in envelopes for line in envelope.splitlines() if line]
    return [line for line in lines if "event_id" in line and "level" in line]


def test_errors_of_pages_tasks_log_lines_and_calls_arrive(envelopes: list[bytes]) -> None:
    raised = [
        (event["exception"]["values"][-1]["type"], event["exception"]["values"][-1]["value"])
        for event in events(envelopes)
        if "exception" in event
    ]
    assert [kind for kind, _text in raised].count("OperationalError") >= 2, raised
    assert ("ValueError", "no way for j•••@example.com with ••• password=•••") in raised
    assert any(kind == "HTTPError" for kind, _text in raised)
    lines = [event for event in events(envelopes) if event.get("logentry", {}).get("message", "").startswith("line")]
    assert [(line["logentry"]["message"], line["extra"]) for line in lines] == [
        ("line about j•••@example.com", {"row": 4711})
    ]
    crumbs = [crumb for event in events(envelopes) for crumb in event["breadcrumbs"]["values"]]
    assert any(crumb.get("message") == "breadcrumb of j•••@example.com" for crumb in crumbs)


def test_errors_name_the_place_in_the_code(envelopes: list[bytes]) -> None:
    for event in events(envelopes):
        for value in event.get("exception", {}).get("values", []):
            frames = value["stacktrace"]["frames"]
            assert all(frame["function"] and frame["lineno"] for frame in frames)


@pytest.mark.parametrize("secret", FORBIDDEN)
def test_no_envelope_holds_a_secret(envelopes: list[bytes], secret: str) -> None:
    assert len(envelopes) >= 6
    leaks = [envelope for envelope in envelopes if secret.encode() in envelope]
    around = [leak[max(0, leak.index(secret.encode()) - 200) :][:300] for leak in leaks]
    assert around == []


@pytest.mark.parametrize("part", ["vars", "cookies", "headers", "query_string", "user", "env"])
def test_no_event_has_a_data_section(envelopes: list[bytes], part: str) -> None:
    def names(value: Any) -> set[str]:
        if isinstance(value, dict):
            return {*value, *(name for item in value.values() for name in names(item))}
        return {name for item in value for name in names(item)} if isinstance(value, list) else set()

    assert part not in names(events(envelopes))


def test_transaction_is_reduced_too() -> None:
    transaction = {
        "type": "transaction", "event_id": "1", "transaction": "/x/jane@example.com", "user": {"email": "x"},
        "spans": [{"op": "db", "description": "SELECT 'jane'", "data": {"db.params": ["jane"]}, "span_id": "2"}],
        "contexts": {"trace": {"trace_id": "3", "data": {"http.query": "jane"}}}, "request": {"url": "http://x/?a=jane"},
    }  # fmt: skip
    made = Reducer(Redactor([])).event(transaction, {})
    assert made["spans"] == [{"op": "db", "span_id": "2"}]
    assert made["contexts"] == {"trace": {"trace_id": "3"}}
    assert "jane" not in json.dumps(made)


def test_row_values_in_postgresql_errors_are_removed() -> None:
    text = 'new row violates "x"\nDETAIL:  Failing row contains (5, Jane, +15550100199).'
    event = {"exception": {"values": [{"type": "IntegrityError", "value": text}]}}
    made = Reducer(Redactor([])).event(event, {})
    assert made["exception"]["values"][0]["value"] == 'new row violates "x"'
