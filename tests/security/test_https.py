"""Plain http: people are redirected to https, machines are refused, and every answer has its headers."""

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

MACHINES = [
    "/api/webhook/kajabi/",
    "/kajabi-webhook/a-token",
    "/gestionar-webhooks-kajabi",
    "/api/kajabi/setup-password/",
    "/api/completions",
    "/api/me",
    "/api/nowhere",
    "/metrics",
    "/anymail/postmark/tracking/",
    "/api/system/info",
]
PEOPLE = ["/", "/sign-in", "/dashboard", "/nssa/setup-password?token=x&email=y", "/admin/", "/docs", "/static/x.css"]


@pytest.fixture(autouse=True)
def _https(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True


@pytest.mark.parametrize("path", MACHINES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_machine_without_https_is_refused_and_not_redirected(path: str, method: str) -> None:
    answer = getattr(Client(), method)(path)
    assert (answer.status_code, answer.json()["detail"]) == (403, "Use https.")


@pytest.mark.parametrize("path", PEOPLE)
def test_person_without_https_is_redirected(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (301, f"https://testserver{path}")


def test_health_answers_without_https() -> None:
    assert Client().get("/health").status_code == 200
    assert Client().get("/health/").status_code == 200


@pytest.mark.parametrize("secure", [True, False], ids=["https", "http"])
@pytest.mark.parametrize("host", ["testserver", "evil.example"])
def test_every_answer_has_its_headers(secure: bool, host: str) -> None:
    for path in [*MACHINES, *PEOPLE, "/health", "/static/accounts/enlace.css", "/nowhere"]:
        answer = Client().get(path, secure=secure, headers={"Host": host})
        assert answer.status_code < 500, path
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"
        if host == "testserver":
            assert answer["X-Content-Type-Options"] == "nosniff"
            if secure:
                assert answer["Strict-Transport-Security"].startswith("max-age=31536000; includeSubDomains")


@pytest.mark.parametrize("path", ["/static/accounts/favicon.svg", "/static/accounts/enlace.css", "/sign-in"])
def test_text_answer_names_its_encoding(path: str, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = False
    assert "charset=utf-8" in Client().get(path)["Content-Type"].lower().replace('"', "")
