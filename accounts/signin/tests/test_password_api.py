"""The JSON endpoints behind other front ends' set-up pages, in the shapes that those were written for."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from accounts.people.models import User
from accounts.privacy import prune
from accounts.signin.models import LinkRequest

pytestmark = pytest.mark.django_db
PASSWORD = "violet kettle under the stairs"
SETUP = "/api/kajabi/setup-password/"
RESEND = "/api/kajabi/resend-setup-email/"


def send(path: str, body: Any, browser: Client | None = None, **options: Any) -> Any:
    return (browser or Client()).post(path, body, content_type="application/json", **options)


@pytest.fixture
def link(process: Any, relay: Any, mailoutbox: Any, link_in: Any) -> Any:
    process(relay())
    return link_in(mailoutbox[0])


def test_a_password_is_set_and_the_browser_is_signed_in(link: Any) -> None:
    browser = Client()
    answer = send(SETUP, {"email": link.email, "token": link.token, "password": PASSWORD}, browser)
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Password set successfully",
        "user": {"email": "jane@example.com", "first_name": "Jane", "partner": "NSSA"},
    }
    assert browser.session[SESSION_KEY] == str(User.objects.get().pk)
    assert User.objects.get().check_password(PASSWORD)


def test_staff_set_a_password_and_sign_in_at_the_console_with_both_factors(link: Any) -> None:
    User.objects.update(is_staff=True)
    browser = Client()
    answer = send(SETUP, {"email": link.email, "token": link.token, "password": PASSWORD}, browser)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert answer.json()["user"]["email"] == "jane@example.com"
    assert User.objects.get().check_password(PASSWORD)
    assert SESSION_KEY not in browser.session


def test_a_link_that_is_not_valid_is_refused_in_the_same_words_for_anybody(link: Any) -> None:
    answers = [
        send(SETUP, {"email": email, "token": token, "password": PASSWORD})
        for email, token in [(link.email, "wrong"), ("nobody@example.com", link.token), ("no address", "x")]
    ]
    told = "This link has expired or was used. Please request a new setup link."
    body = {"success": False, "message": told, "detail": told, "code": "invalid_token"}
    assert [(answer.status_code, answer.json()) for answer in answers] == [(400, body)] * 3
    assert not User.objects.get().has_usable_password()


def test_a_weak_password_is_refused_with_its_reasons_and_the_link_stays_good(link: Any) -> None:
    asked = {"email": link.email, "token": link.token}
    answer = send(SETUP, asked | {"password": "password"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "weak_password"
    assert "12 characters" in answer.json()["message"]
    assert "too common" in answer.json()["message"]
    assert not User.objects.get().has_usable_password()
    assert send(SETUP, asked | {"password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("path", [SETUP, RESEND, SETUP.rstrip("/"), RESEND.rstrip("/")])
@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"x"', "{}", '{"email": 1}', '{"email": {"a": 1}}', '{"email": "\\u0000"}']
)
def test_a_body_that_is_not_what_was_asked_for_is_refused_as_json(path: str, body: str) -> None:
    answer = send(path, body)
    assert answer.status_code == 400
    assert_can_be_shown(answer, "parse_error", "invalid", "invalid_email")
    assert LinkRequest.objects.count() == 0


def assert_can_be_shown(answer: Any, *codes: str) -> None:
    """A front end can read every error the same way, and show its message."""
    assert answer["Content-Type"].startswith("application/json")
    told = answer.json()
    assert told["success"] is False
    assert told["code"] in codes
    assert told["message"] == told["detail"] != ""
    assert all(isinstance(text, str) for texts in told.get("errors", {}).values() for text in texts)


@pytest.mark.parametrize("path", [SETUP, RESEND])
def test_get_is_refused(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 405
    assert_can_be_shown(answer, "method_not_allowed")


@pytest.mark.parametrize("path", [SETUP, RESEND])
@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        ("text/plain", "{}", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", "email=jane@example.com", 415, "unsupported_media_type"),
        ("application/json", '{"email": "' + "x" * 70_000 + '"}', 413, "body_too_long"),
        ("application/json", '{"email": "' + "x" * 300 + '", "token": "x", "password": "x"}', 400, "invalid"),
    ],
    ids=["text", "form", "too long", "field too long"],
)
def test_what_cannot_be_taken_says_so_in_the_same_form(path: str, kind: str, body: str, status: int, code: str) -> None:
    answer = Client().post(path, body, content_type=kind)
    assert answer.status_code == status
    assert_can_be_shown(answer, code)


def test_chunks_without_a_length_are_refused_in_the_same_form() -> None:
    answer = Client().post(SETUP, "{}", content_type="application/json", headers={"Transfer-Encoding": "chunked"})
    assert answer.status_code == 411
    assert_can_be_shown(answer, "length_required")


def test_fields_at_fault_are_named_in_the_language_of_the_browser() -> None:
    answer = send(SETUP, {"email": "jane@example.com"}, headers={"Accept-Language": "es"})
    assert answer.json()["errors"] == {
        "token": ["Este campo es requerido."],
        "password": ["Este campo es requerido."],
    }
    assert answer.json()["message"] == "token: Este campo es requerido. password: Este campo es requerido."


def test_an_address_of_the_api_that_does_not_exist_says_so_as_json() -> None:
    answer = send("/api/kajabi/setup-passwords/", {})
    assert answer.status_code == 404
    assert_can_be_shown(answer, "not_found")
    assert "text/html" in Client().get("/nowhere")["Content-Type"]


def test_an_error_of_ours_is_told_as_json_without_a_detail(monkeypatch: Any) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("a detail that is nobody's business")

    monkeypatch.setattr("accounts.signin.password_links.request_link", broken)
    answer = send(RESEND, {"email": "jane@example.com"}, Client(raise_request_exception=False))
    assert answer.status_code == 500
    assert_can_be_shown(answer, "error")
    assert b"business" not in answer.content


def test_asking_for_links_too_often_is_refused_with_the_time_to_wait() -> None:
    answers = [send(RESEND, {"email": "jane@example.com"}) for _time in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert_can_be_shown(answers[3], "throttled")
    assert answers[3].json()["message"].startswith(f"Too many tries. Try again in {answers[3]['Retry-After']} seconds")


def test_guessing_tokens_is_limited(link: Any) -> None:
    guess = {"email": link.email, "token": "wrong", "password": PASSWORD}
    statuses = [send(SETUP, guess).status_code for _number in range(31)]
    assert statuses == [400] * 30 + [429]
    refused = send(SETUP, guess)
    assert 0 < int(refused["Retry-After"]) <= 60
    assert_can_be_shown(refused, "throttled")


def test_a_new_link_is_sent_to_whoever_has_no_password_and_to_whoever_has_one(
    user: Any, newcomer: Any, drain: Any, mailoutbox: Any, link_in: Any
) -> None:
    for person in (user, newcomer):
        assert send(RESEND, {"email": person.email.upper()}).status_code == 200
    drain()
    assert [(mail.to[0], link_in(mail).email) for mail in mailoutbox] == [(user.email,) * 2, (newcomer.email,) * 2]
    kinds = list(user.emails.values_list("kind", flat=True)) + list(newcomer.emails.values_list("kind", flat=True))
    assert kinds == ["password_reset", "password_setup"]


def test_nothing_is_sent_to_unknown_or_locked_addresses(newcomer: Any, drain: Any, mailoutbox: Any) -> None:
    User.objects.update(is_active=False)
    for email in (newcomer.email, "nobody@example.com"):
        assert send(RESEND, {"email": email}).status_code == 200
    drain()
    assert mailoutbox == []
    assert set(LinkRequest.objects.values_list("status", flat=True)) == {"done"}


def test_the_mail_goes_to_the_stored_address_in_the_language_of_the_browser(
    newcomer: Any, drain: Any, mailoutbox: Any
) -> None:
    send(RESEND, {"email": "NEW@example.com."}, headers={"Accept-Language": "es"})
    drain()
    assert mailoutbox[0].to == ["new@example.com"]
    assert newcomer.emails.get().language == "es"


def test_the_host_header_does_not_decide_where_a_link_leads(
    newcomer: Any, drain: Any, mailoutbox: Any, settings: Any
) -> None:
    settings.FRONTEND_URL = "https://hub.example.com"
    settings.ALLOWED_HOSTS = ["*"]
    send(RESEND, {"email": newcomer.email}, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    drain()
    assert "https://hub.example.com/nssa/setup-password?" in mailoutbox[0].body
    assert "evil.example" not in str(mailoutbox[0].message())


def test_old_requests_are_pruned_once_answered(newcomer: Any, drain: Any, travel: Any) -> None:
    send(RESEND, {"email": newcomer.email})
    drain()
    pending = LinkRequest.objects.create(email="x@example.com", language="en")
    assert prune.prune() == {}
    travel(timedelta(hours=25))
    assert prune.prune() == {"accounts.LinkRequest": 1}
    assert LinkRequest.objects.get() == pending
