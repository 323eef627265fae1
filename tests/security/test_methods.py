"""S19: strangers can do what is listed and nothing else, by any method or header."""

from typing import Any

import pytest
from django.test import Client

from tests.test_security_pages import PUBLIC, ROUTES

pytestmark = pytest.mark.django_db

REFUSED_BODY = -1  # 400 or 415
# Addresses that strangers may post to: forms, password set-up, and webhooks that prove themselves.
POSTED = {
    "/sign-in": 200,
    "/forgot-password": 200,
    "/nssa/setup-password": 200,
    "/language": 302,
    "/sign-out": 302,
    "/admin/login/": 200,
    "/admin": 302,
    "/api/kajabi/setup-password": REFUSED_BODY,
    "/api/kajabi/resend-setup-email": REFUSED_BODY,
}
REFUSED = {301, 302, 401, 403, 404, 405, 411}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_strangers_change_nothing_by_any_method(method: str) -> None:
    browser = Client()
    for route in ROUTES:
        answer = getattr(browser, method)(route)
        if method == "post" and route in POSTED:
            expected = {400, 415} if POSTED[route] == REFUSED_BODY else {POSTED[route]}
            assert answer.status_code in expected, route
            continue
        assert answer.status_code in REFUSED, route
        if answer.status_code in (301, 302):
            where = answer["Location"]
            assert where == "/admin/" or where.startswith(("/sign-in?", "/admin/login/")), route


def test_trace_is_refused_everywhere() -> None:
    for route in ROUTES:
        answer = Client().generic("TRACE", route, headers={"X-Probe": "echoed"})
        assert answer.status_code in (301, 302, 401, 403, 404, 405), route
        assert b"echoed" not in answer.content


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_no_header_or_field_overrides_the_method(user: Any, header: str) -> None:
    browser = Client()
    browser.force_login(user)
    assert browser.get("/sign-out", {"_method": "POST"}, headers={header: "POST"}).status_code == 405
    assert browser.get("/dashboard").status_code == 200
    assert browser.post("/dashboard", {"_method": "GET"}, headers={header: "GET"}).status_code == 405


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("path", ["/api/kajabi/setup-password/", "/api/kajabi/resend-setup-email/"])
def test_endpoint_without_csrf_token_refuses_form_bodies(path: str, kind: str) -> None:
    answer = Client().generic("POST", path, b'{"email": "jane@example.com"}', kind)
    assert answer.status_code in (400, 415)


@pytest.mark.parametrize("path", ["/api/kajabi/setup-password/", "/api/me", "/api/completions", "/sign-in", "/health"])
def test_foreign_origin_may_neither_read_nor_preflight(path: str) -> None:
    for method in ("get", "options", "post"):
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = getattr(Client(), method)(path, headers=headers)
        assert "Access-Control-Allow-Origin" not in answer


def test_public_pages_are_in_the_crawl() -> None:
    assert {path.rstrip("/") for path in PUBLIC} <= {route.rstrip("/") for route in ROUTES}
