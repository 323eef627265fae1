"""The addresses /configurar-webhooks-kajabi and /gestionar-webhooks-kajabi: who gets in, and what they are told."""

import ast
import inspect
import logging
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from accounts.staff.models.audit_entry import AuditEntry
from core.web import limits
from integrations.providers.kajabi.api import operator
from integrations.providers.kajabi.hooks import EVENTS
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi, errors, html

pytestmark = pytest.mark.django_db  # every call and refusal stands in the audit log
CONFIGURE, MANAGE = "/configurar-webhooks-kajabi", "/gestionar-webhooks-kajabi"
PASSWORD = "una contraseña larga & 'rara'+100%"
TOKEN = "a-token-that-only-tests-know"
FRONTEND = "https://hub.example.com"


@pytest.fixture(autouse=True)
def _operator(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_CONFIG_PASSWORD = PASSWORD
    settings.FRONTEND_URL = FRONTEND
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_015.0)  # 15 seconds into a minute


def ask(path: str = MANAGE, /, *, password: str | None = PASSWORD, method: str = "get", **parameters: str) -> Any:
    if password is not None:
        parameters["password"] = password
    return getattr(Client(), method)(path, parameters)


def bearer(password: str) -> dict[str, str]:
    """The header as a server hands it on: bytes of UTF-8, read as Latin-1."""
    return {"HTTP_AUTHORIZATION": f"Bearer {password.encode().decode('latin-1')}"}


# What it does ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_configuring_makes_the_six_hooks_once(kajabi: FakeKajabi, method: str, slash: str) -> None:
    first = ask(CONFIGURE + slash, method=method)
    assert first.status_code == 200
    assert (first.json()["success"], first.json()["message"]) == (True, "The hooks are configured.")
    told = [(hook["event"], hook["status"], hook["url"]) for hook in first.json()["hooks"]]
    assert told == [(event, "created", f"{FRONTEND}/kajabi-webhook/•••") for event in EVENTS]
    again = ask(CONFIGURE + slash, method=method)
    assert {hook["status"] for hook in again.json()["hooks"]} == {"kept"}
    targets = [hook["attributes"]["target_url"] for hook in kajabi.records["hooks"].values()]
    assert targets == [f"{FRONTEND}/kajabi-webhook/{TOKEN}"] * 6


@pytest.mark.parametrize("slash", ["", "/"])
def test_list_shows_what_there_is_and_what_is_missing(kajabi: FakeKajabi, slash: str) -> None:
    kajabi.add(records.hook("5", event="purchase", target_url=f"{FRONTEND}/kajabi-webhook/{TOKEN}", site_id="1"))
    answer = ask(MANAGE + slash, action="list")
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": f"Without a hook as it should be: {', '.join(EVENTS[1:])}.",
        "hooks": [{"id": "5", "event": "purchase", "url": f"{FRONTEND}/kajabi-webhook/•••", "status": "current"}],
        "missing": list(EVENTS[1:]),
    }


def test_list_takes_get_only(kajabi: FakeKajabi) -> None:
    answer = ask(action="list", method="post")
    assert (answer.status_code, answer["Allow"]) == (405, "GET")
    assert kajabi.exchanges == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_one_hook_is_created_and_deleted(kajabi: FakeKajabi, method: str) -> None:
    created = ask(action="create", event="purchase", url="https://x.example/hooks/a", method=method)
    assert created.status_code == 200
    [hook] = created.json()["hooks"]
    assert (hook["status"], hook["url"]) == ("created", "https://x.example/hooks/•••")
    again = ask(action="create", event="purchase", url="https://x.example/hooks/a", method=method)
    assert again.json()["hooks"][0] == hook | {"status": "kept"}
    deleted = ask(action="delete", id=hook["id"], method=method)
    assert deleted.json() == {"success": True, "message": "The hook was deleted.", "id": hook["id"]}
    assert kajabi.records["hooks"] == {}
    gone = ask(action="delete", id=hook["id"], method=method)
    assert (gone.status_code, gone.json()["success"]) == (404, False)


def test_action_may_stand_in_the_address_of_a_posted_form(kajabi: FakeKajabi) -> None:
    answer = Client().post(f"{MANAGE}?action=create", {"password": PASSWORD, "event": "tag_added"})
    assert answer.json()["message"] == "The hook was created."
    assert len(kajabi.records["hooks"]) == 1


def test_spanish_is_spoken(kajabi: FakeKajabi) -> None:
    answer = Client().get(CONFIGURE, headers={"Accept-Language": "es-ES,es"}, **bearer(PASSWORD))
    assert answer.json()["message"] == "Los webhooks están configurados."


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({}, "Say which action: list, create, delete."),
        ({"action": "configure"}, "Say which action"),
        ({"action": "create"}, "the event '' is unknown; there are: purchase, "),
        ({"action": "create", "event": "purchase", "url": "http://x.example"}, "an https address"),
        ({"action": "delete"}, "the id of a hook is expected"),
        ({"action": "delete", "id": "../contacts/5"}, "the id of a hook is expected"),
    ],
)
def test_what_makes_no_sense_is_said(kajabi: FakeKajabi, parameters: dict[str, str], says: str) -> None:
    answer = ask(**parameters)
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert says in answer.json()["message"]
    assert kajabi.exchanges == []


def test_kajabis_errors_are_told(kajabi: FakeKajabi, settings: Any) -> None:
    settings.MAX_RETRIES = 0
    kajabi.misbehave(errors(403, "Forbidden", "no scope"), html(502), on="/v1/hooks")
    refused = ask(action="list")
    assert (refused.status_code, refused.json()["success"]) == (502, False)
    assert "was answered with 403: Forbidden: no scope" in refused.json()["message"]
    away = ask(CONFIGURE)
    assert away.status_code == 502
    assert "502" in away.json()["message"]


def test_configuring_that_breaks_off_tells_what_was_done(kajabi: FakeKajabi) -> None:
    original = kajabi.answer
    kajabi.answer = lambda asked: (  # type: ignore[method-assign]
        errors(422, "invalid", f"{TOKEN} was refused") if b"tag_removed" in asked.body else original(asked)
    )
    answer = ask(CONFIGURE)
    assert answer.status_code == 502
    assert answer.json()["message"].startswith("Not all hooks could be configured: tag_removed: Kajabi: POST /v1/hooks")
    assert [hook["status"] for hook in answer.json()["hooks"]] == ["created"] * 5
    assert TOKEN not in answer.content.decode()


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("KAJABI_WEBHOOK_TOKEN", [], "set KAJABI_WEBHOOK_TOKEN"),
        ("FRONTEND_URL", "http://127.0.0.1:8000", "set FRONTEND_URL"),
        ("KAJABI_CLIENT_SECRET", "", "set KAJABI_CLIENT_SECRET"),
    ],
)
def test_what_is_not_configured_is_told(kajabi: FakeKajabi, settings: Any, setting: str, value: Any, says: str) -> None:
    setattr(settings, setting, value)
    answer = ask(CONFIGURE)
    assert (answer.status_code, answer.json()["success"]) == (503, False)
    assert says in answer.json()["message"]
    assert kajabi.records["hooks"] == {}


# Who gets in ----------------------------------------------------------------------------------------------------------

ADDRESSES = [f"{CONFIGURE}", f"{CONFIGURE}/", f"{MANAGE}?action=list", f"{MANAGE}/?action=create&event=purchase"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("unset", ["", "   "])
def test_without_a_configured_password_nothing_is_there(
    kajabi: FakeKajabi, settings: Any, address: str, unset: str
) -> None:
    settings.WEBHOOK_CONFIG_PASSWORD = unset
    for method in ("get", "post", "head", "put", "options"):
        for headers in ({}, bearer(unset), bearer("anything")):
            assert getattr(Client(), method)(address, **headers).status_code == 404
    assert Client().post(address, {"password": unset}).status_code == 404
    assert kajabi.exchanges == []


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "wrong", [None, "", " ", "x", PASSWORD[:-1], f"{PASSWORD}x", PASSWORD.upper(), "\udcff", TOKEN]
)
def test_wrong_password_opens_nothing(kajabi: FakeKajabi, address: str, wrong: str | None) -> None:
    given = {} if wrong is None else {"password": wrong.encode("utf-8", "surrogateescape")}
    for answer in (Client().get(address, query_params=_query(address) | given), Client().post(address, given)):
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        assert answer.json() == {"success": False, "message": "Wrong password."}
    assert kajabi.exchanges == []


def _query(address: str) -> dict[str, Any]:
    return dict(parse_qsl(urlsplit(address).query))


def test_right_password_is_taken_from_header_query_and_form(kajabi: FakeKajabi) -> None:
    assert Client().get(CONFIGURE, **bearer(PASSWORD)).status_code == 200
    assert Client().post(CONFIGURE, **bearer(PASSWORD)).status_code == 200
    assert Client().get(CONFIGURE, {"password": PASSWORD}).status_code == 200
    assert Client().post(CONFIGURE, {"password": PASSWORD}).status_code == 200
    assert Client().post(CONFIGURE, query_params={"password": PASSWORD}).status_code == 200


def test_wrong_header_is_not_mended_by_the_address(kajabi: FakeKajabi) -> None:
    answer = Client().get(CONFIGURE, {"password": PASSWORD}, **bearer("wrong"))
    assert answer.status_code == 401
    assert Client().get(CONFIGURE, HTTP_AUTHORIZATION=f"Basic {PASSWORD[:3]}").status_code == 401


def test_after_ten_wrong_tries_in_a_minute_even_the_right_one_has_to_wait(
    kajabi: FakeKajabi, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = [CONFIGURE, MANAGE]
    tries = [ask(addresses[number % 2], password="wrong") for number in range(10)]
    assert [answer.status_code for answer in tries] == [401] * 10
    for password in ("wrong", PASSWORD):
        answer = ask(CONFIGURE, password=password)
        assert (answer.status_code, answer["Retry-After"]) == (429, "46")
        assert answer.json() == {"success": False, "message": "Too many tries. Try again in 46 seconds."}
    assert kajabi.exchanges == []
    assert Client().get(CONFIGURE, REMOTE_ADDR="192.0.2.7", **bearer(PASSWORD)).status_code == 200, "another address"
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_061.0)
    assert ask(CONFIGURE).status_code == 200, "another minute"


@pytest.mark.django_db(transaction=True)
def test_thirty_wrong_passwords_at_one_moment_get_ten_evaluations(
    monkeypatch: pytest.MonkeyPatch, at_once: Any
) -> None:
    compared: list[str] = []
    real = operator.equals_any
    monkeypatch.setattr(operator, "equals_any", lambda given, accepted: compared.append(given) or real(given, accepted))
    statuses = at_once([lambda: ask(CONFIGURE, password="wrong").status_code] * 30)
    assert sorted(statuses) == [401] * 10 + [429] * 20
    assert compared == ["wrong"] * 10
    assert AuditEntry.objects.filter(action="operator.locked").count() == 1


def test_whoever_knows_the_password_is_not_limited(kajabi: FakeKajabi) -> None:
    assert {ask(action="list").status_code for _number in range(12)} == {200}


@pytest.mark.parametrize("method", ["head", "put", "patch", "delete", "options", "trace"])
def test_other_methods_do_nothing(kajabi: FakeKajabi, method: str) -> None:
    answer = getattr(Client(), method)(CONFIGURE, **bearer(PASSWORD))
    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST")
    assert kajabi.exchanges == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"a" * 70_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(2000)), "application/x-www-form-urlencoded"),
        (b"password=x", "application/x-www-form-urlencoded; charset=utf-16"),
        (b"--", "multipart/form-data"),
        (b"--", "multipart/form-data; boundary=\xff"),
    ],
)
def test_broken_form_is_refused(kajabi: FakeKajabi, body: bytes, content_type: str) -> None:
    answer = Client().generic("POST", CONFIGURE, body, content_type)
    assert answer.status_code == 400
    assert answer.json() == {"success": False, "message": "The form cannot be read."}
    assert answer["Cache-Control"] == "no-store"


def test_every_answer_is_kept_nowhere_and_tells_nobody_its_address(kajabi: FakeKajabi, settings: Any) -> None:
    answers = [ask(CONFIGURE), ask(action="list"), ask(password="wrong"), ask(), ask(method="put")]
    settings.WEBHOOK_CONFIG_PASSWORD = ""
    answers.append(ask(CONFIGURE))
    assert [answer.status_code for answer in answers] == [200, 200, 401, 400, 405, 404]
    for answer in answers:
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer["Content-Type"] == "application/json"
        assert not answer.cookies


def test_neither_password_nor_token_reaches_log_or_answer(
    kajabi: FakeKajabi, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MAX_RETRIES = 0
    caplog.set_level(logging.DEBUG)
    kajabi.misbehave(errors(422, "invalid", f"{FRONTEND}/kajabi-webhook/{TOKEN} is taken"), on="/v1/hooks")
    answers = [
        ask(CONFIGURE),
        ask(CONFIGURE),
        ask(action="list"),
        ask(action="list", password="a-wrong-password-of-tests"),
        Client().get(CONFIGURE, **bearer("a-wrong-password-of-tests")),
        Client().post(CONFIGURE, **bearer(PASSWORD)),
    ]
    assert [answer.status_code for answer in answers] == [502, 200, 200, 401, 401, 200]
    # What is written before anything is masked: what is never written need not be.
    written = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    told = "\n".join(answer.content.decode() for answer in answers)
    assert "operator's call refused" in written
    for secret in (PASSWORD, "contrase", "a-wrong-password-of-tests", TOKEN, settings.KAJABI_CLIENT_SECRET):
        assert secret not in told
        assert secret not in written


def test_password_is_compared_in_constant_time() -> None:
    tree = ast.parse(inspect.getsource(operator))
    calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert calls.count("equals_any") == 1
    compared = [
        node for node in ast.walk(tree) if isinstance(node, ast.Compare) and "password" in ast.unparse(node).lower()
    ]
    assert compared == [], "== and `in` end at the first difference"
