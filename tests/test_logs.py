"""Logs hold no secret, token, password, whole address or control character."""

import io
import logging
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.people.models import User
from accounts.staff.audit import record
from accounts.staff.models import AuditEntry
from config.logs import Redactor, mask
from tests.rendered import rendered_log

PASSWORD = "violet kettle under the stairs"
SECRET = "a-secret-that-only-tests-know"


@pytest.mark.parametrize(
    ("written", "logged"),
    [
        (
            "GET /nssa/setup-password?token=abc-123&email=x HTTP/1.1",
            "GET /nssa/setup-password?token=•••&email=x HTTP/1.1",
        ),
        (
            "GET /embed/dashboard?accountId=1&signature=0a1b&expires=2 HTTP/1.1",
            "GET /embed/dashboard?accountId=1&signature=•••&expires=2 HTTP/1.1",
        ),
        ("POST /kajabi-webhook/abc123 200", "POST /kajabi-webhook/••• 200"),
        ("POST /kajabi-webhook/abc123/ 200", "POST /kajabi-webhook/•••/ 200"),
        ("POST /api/v1/webhooks/ghl/abc123?x=1", "POST /api/v1/webhooks/ghl/•••?x=1"),
        ("https://x.example/?api_key=abc&n=1", "https://x.example/?api_key=•••&n=1"),
        ("sent to jane.doe+x@example.com.", "sent to j•••@example.com."),
        ("a@example.com, b@example.com", "a•••@example.com, b•••@example.com"),
        ("one\x1b[31m\x00\rtwo", "one�[31m��two"),
        ("one\u2028two\x85", "one�two�"),
        ("one\ntwo", "one\ntwo"),
        ("nothing to hide", "nothing to hide"),
        ("POST /api/webhook/kajabi/ 200", "POST /api/webhook/kajabi/ 200"),
    ],
)
def test_text_is_masked(written: str, logged: str) -> None:
    assert mask(written) == logged


@pytest.mark.parametrize(
    "written",
    [
        "GET /nssa/setup-password?email=jane.doe%40example.com",
        "'jane.doe@example.com'",
        "<jane.doe@example.com>",
        "DETAIL: Key (email)=(jane.doe@example.com) already exists.",
        "JANE.DOE@EXAMPLE.COM",
        "_jane.doe@example.com",
    ],
)
def test_masked_text_holds_no_whole_address(written: str) -> None:
    assert "jane.doe" not in mask(written).lower()


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "new_password",
        "token",
        "Authorization",
        "set_cookie",
        "webhook_secret",
        "X-Kajabi-Signature",
        "api_key",
        "apikey",
        "sessionid",
    ],
)
def test_value_with_a_secret_name_is_masked(key: str) -> None:
    assert Redactor([])(None, "info", {"event": "x", key: "value"}) == {"event": "x", key: "•••"}


def test_configured_secret_is_masked_everywhere() -> None:
    redact = Redactor(["a-long-secret", "a-long-secret-and-longer", "short", ""])
    line = {
        "event": "told a-long-secret-and-longer and a-long-secret and short",
        "number": 5,
        "nothing": None,
        "yes": True,
    }
    assert redact(None, "info", line) == {
        "event": "told ••• and ••• and short",
        "number": 5,
        "nothing": None,
        "yes": True,
    }


def test_values_of_other_types_are_masked_as_text() -> None:
    redact = Redactor(["a-long-secret"])
    line = redact(
        None,
        "info",
        {"event": "x", "list": ["jane@example.com", "a-long-secret"], "error": ValueError("jane@example.com")},
    )
    assert line == {"event": "x", "list": "['j•••@example.com', '•••']", "error": "j•••@example.com"}


def test_names_inside_a_value_are_masked_too() -> None:
    line = Redactor([])(None, "info", {"event": "x", "form": {"password": "open sesame please", "page": 1}})
    assert "open sesame" not in str(line)


@given(st.text(max_size=100))
def test_masking_accepts_any_text_and_is_idempotent(text: str) -> None:
    once = mask(text)
    assert mask(once) == once
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", once)


@pytest.fixture
def log(level: int) -> Iterator[io.StringIO]:
    with rendered_log(level) as written:
        yield written


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG], ids=["INFO", "DEBUG"])
def test_path_from_purchase_to_password_leaves_no_secret_in_the_log(
    post: Any,
    relay: Any,
    sign: Any,
    drain: Any,
    mailoutbox: Any,
    link_in: Any,
    log: io.StringIO,
    monkeypatch: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    logging.getLogger("accounts").info("the handler listens to jane@example.com")
    address = "jane.rivera.private@example.com"
    post(relay(email=address))
    post(relay(email=address), secret="wrong-secret-of-somebody")
    post(relay(email=address), "/kajabi-webhook/wrong-token-of-somebody", sign=False)
    post(b'{"type": "offer.purchased", "member": {"email": "' + address.encode() + b'"')
    drain()
    link = link_in(next(mail for mail in mailoutbox if mail.to == [address]))
    browser = Client()
    browser.get(link.url)
    browser.get(link.url.replace("setup-password", "setup-passwort"))
    browser.post("/nssa/setup-password", {"token": link.token, "email": address, "password": "weak"})
    with django_capture_on_commit_callbacks(execute=True):
        browser.post("/nssa/setup-password", {"token": link.token, "email": address, "password": PASSWORD})
        browser.post("/forgot-password", {"email": address})
    Client().post("/sign-in", {"username": address, "password": "not my password at all"})
    drain()
    newer = link_in(mailoutbox[-1])

    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError(f"no way to {link.url} for {address} with password={PASSWORD.split()[0]}")

    monkeypatch.setattr("integrations.inbox.process.handle", broken)
    post(relay(event_id="evt_2", email=address))
    drain()
    monkeypatch.setattr("accounts.signin.views.password_links.holder_of", broken)
    Client(raise_request_exception=False).get(newer.url)

    written = log.getvalue()
    assert "the handler listens to j•••@example.com" in written
    for action in ("sign_in.failed", "sign_in.succeeded", "password.set", "link.requested"):
        assert re.search(rf"logger=audit event=audit .*action={re.escape(action)} ", written)
    assert written.count("\n") > 10
    assert written.count("logger=webhooks") > 5
    assert "RuntimeError" in written
    secrets = [
        SECRET,
        sign(b"{}"),
        "wrong-secret-of-somebody",
        "wrong-token-of-somebody",
        link.token,
        newer.token,
        link.token.partition("-")[2],
        PASSWORD,
        PASSWORD.split()[0],
        "not my password",
        "jane.rivera.private",
        browser.cookies["sessionid"].value,
        django_settings.SECRET_KEY,
        User.objects.get(email=address).password,
    ]
    leaks = [(secret, match.start()) for secret in secrets for match in re.finditer(re.escape(secret), written)]
    assert [written[max(0, place - 100) : place + 60] for _secret, place in leaks] == []


@pytest.mark.django_db
@pytest.mark.parametrize("level", [logging.INFO], ids=["INFO"])
def test_audit_log_lines_hold_no_value(user: Any, log: io.StringIO) -> None:
    address = "jane.rivera.private@example.com"
    values = {"email": address, "first_name": "Jane-Audit", "password": "pbkdf2$hash-of-audit", "key": SECRET}
    link = f"https://x.example/?token=token-of-audit&email={address}"
    record("user.changed", actor=user, target=user, before=values, after=values | {"api_key": "key-of-audit"}, at=link)
    record("sign_in.failed", target=f"{address} {link}", outcome="failed", token="token-of-audit", **values)
    record(f"odd.{address}", target=(link, address), client=link, outcome=link)
    written = log.getvalue()
    assert written.count("logger=audit") == 3
    for secret in ("jane.rivera.private", "Jane-Audit", "hash-of-audit", "key-of-audit", "token-of-audit"):
        assert secret not in written
        assert secret not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("piece", ["a", "a.", "%40", "a@", "token=", "/kajabi-webhook/"])
def test_masking_takes_linear_time(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        begun = time.thread_time()  # what this thread computes, whatever else the machine does
        mask(text)
        return time.thread_time() - begun

    short, long = (min(seconds(length) for _turn in range(5)) for length in (5_000, 40_000))
    assert long / short < 24, "eight times the text: 8 in proportion, 64 in its square"
