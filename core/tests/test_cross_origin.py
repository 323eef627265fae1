"""A separate front end calls from its own origin: it reads every answer, errors too, and nobody else reads any."""

from typing import Any

import pytest
from django.test import Client

from config.access import SHARED, TABLE
from core.web.cross_origin import problem_of
from tests.test_access import ADDRESSES

pytestmark = pytest.mark.django_db
ORIGIN = "https://app.example.com"
SETUP = "/api/kajabi/setup-password/"
RESEND = "/api/kajabi/resend-setup-email/"
COMPANY = "/api/chatwoot/webhooks/company/123"
CORS = "Access-Control-Allow-"


@pytest.fixture(autouse=True)
def _front_end(settings: Any) -> None:
    settings.FRONTEND_ORIGINS = ["https://other.example.com", ORIGIN]


def preflight(path: str, origin: str, method: str = "POST") -> Any:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type",
    }
    return Client().options(path, headers=asked)


def cors_headers(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("path", [SETUP, RESEND, SETUP.rstrip("/")])
def test_preflight_of_the_front_end_names_method_and_header(path: str) -> None:
    answer = preflight(path, ORIGIN)
    assert (answer.status_code, answer.content) == (204, b"")
    assert cors_headers(answer) == {
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Accept, Content-Type",
        "Access-Control-Max-Age": "600",
        "Access-Control-Expose-Headers": "Retry-After",
    }
    assert "Origin" in answer["Vary"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ('{"email": "nobody@example.com"}', "application/json", 200),
        ('{"email": "no address"}', "application/json", 400),
        ("{", "application/json", 400),
        ("{}", "text/plain", 415),
        ('{"email": "' + "x" * 70_000 + '"}', "application/json", 413),
    ],
)
def test_every_answer_to_the_front_end_can_be_read_there(body: str, kind: str, status: int) -> None:
    answer = Client(enforce_csrf_checks=True).post(RESEND, body, content_type=kind, headers={"Origin": ORIGIN})
    assert answer.status_code == status
    assert answer[f"{CORS}Origin"] == ORIGIN
    assert "Origin" in answer["Vary"]
    assert f"{CORS}Credentials" not in answer


def test_refusal_for_too_many_tries_can_be_read_with_its_time_to_wait() -> None:
    answers = [
        Client().post(RESEND, {"email": "jane@example.com"}, "application/json", headers={"Origin": ORIGIN})
        for _time in range(4)
    ]
    assert (answers[3].status_code, answers[3][f"{CORS}Origin"]) == (429, ORIGIN)
    assert answers[3]["Access-Control-Expose-Headers"] == "Retry-After"
    assert int(answers[3]["Retry-After"]) > 0


def test_error_of_ours_can_be_read_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("accounts.signin.password_links.request_link", broken)
    browser = Client(raise_request_exception=False)
    answer = browser.post(RESEND, {"email": "a@example.com"}, "application/json", headers={"Origin": ORIGIN})
    assert (answer.status_code, answer[f"{CORS}Origin"]) == (500, ORIGIN)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        f"{ORIGIN}.evil.example",
        "https://appxexample.com",
        "http://app.example.com",
        f"{ORIGIN}:444",
        f"{ORIGIN}/",
        f"{ORIGIN}, https://evil.example",
        "*",
        "HTTPS://APP.EXAMPLE.COM",
    ],
)
@pytest.mark.parametrize("path", [SETUP, RESEND, COMPANY])
def test_other_origins_get_no_header(path: str, origin: str) -> None:
    for answer in (preflight(path, origin), Client().post(path, headers={"Origin": origin})):
        assert cors_headers(answer) == {}
        assert "Origin" in answer["Vary"]


def test_without_the_setting_nobody_is_named(settings: Any) -> None:
    settings.FRONTEND_ORIGINS = []
    assert cors_headers(preflight(SETUP, ORIGIN)) == {}


def test_the_page_that_may_look_companies_up_may_not_set_passwords(settings: Any) -> None:
    settings.FRONTEND_ORIGINS, settings.CHATWOOT_EMBED_ORIGINS = [], [ORIGIN]
    assert cors_headers(preflight(COMPANY, ORIGIN, "GET"))[f"{CORS}Origin"] == ORIGIN
    assert cors_headers(preflight(SETUP, ORIGIN)) == {}


def test_the_front_end_may_look_companies_up() -> None:
    answer = Client().get(COMPANY, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer[f"{CORS}Origin"]) == (200, ORIGIN)


def test_no_other_address_is_shared() -> None:
    shared = {name for name in ADDRESSES if name in SHARED}
    assert shared == {"api_setup_password", "api_resend_setup_email", "company-chatwoot", "explain"}
    for name, path in ADDRESSES.items():
        answer = preflight(path, ORIGIN)
        assert bool(cors_headers(answer)) == (name in shared), path


def test_answers_without_an_origin_vary_by_it_too() -> None:
    for path in (SETUP, COMPANY):
        answer = Client().get(path)
        assert "Origin" in answer["Vary"]
        assert cors_headers(answer) == {}


def test_methods_of_shared_addresses_are_listed_one_by_one() -> None:
    names = [name for name in ADDRESSES if name in TABLE.shared]
    assert names
    assert [name for name in names if "*" in TABLE.methods(name)] == []


def test_a_host_in_capitals_is_told_how_browsers_write_it() -> None:
    assert problem_of("https://App.example.com") == "Browsers send https://app.example.com: write that."
    assert problem_of("https://app.example.com:443/") == "Browsers send https://app.example.com: write that."
