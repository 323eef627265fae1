"""Pages for strangers: only public addresses answer, with all headers, nothing inline and no leak."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.harness.routes import routes

pytestmark = pytest.mark.django_db

# Addresses that answer 200 to strangers. A new public address is a decision: it is written here.
PUBLIC = {
    "/health",
    "/api/system/info",
    "/api/chatwoot/webhooks/company/x",
    "/embed/dashboard",
    "/kajabi-webhook",
    "/kajabi-webhook/x",
    "/sign-in",
    "/nssa/setup-password",
    "/forgot-password",
    "/link-sent",
    "/api/schema/",
    "/docs",
    "/site/colours.css",  # of the sign-in page, as its logo
    "/docs?script=",
    "/admin/login/",
    "/admin/jsi18n/",
}
NO_PAGES = {
    "/health",
    "/api/system/info",
    "/api/chatwoot/webhooks/company/x",
    "/kajabi-webhook",
    "/kajabi-webhook/x",
    "/api/schema/",
    "/docs?script=",
    "/admin/jsi18n/",
}
PAGES = sorted(PUBLIC - NO_PAGES)


ROUTES = sorted({*routes(), "/kajabi-webhook", "/nowhere", "/docs?script="})


def test_crawl_covers_every_kind_of_address() -> None:
    assert {"/", "/sign-in", "/dashboard", "/health", "/api/webhook/kajabi", "/kajabi-webhook/x"} <= set(ROUTES)
    assert {"/api/admin/nssa-users", "/admin/", "/admin/login/", "/docs", "/language"} <= set(ROUTES)
    assert not [route for route in ROUTES if re.search(r"[\^$()<>\\]", route)]


@pytest.mark.parametrize("route", ROUTES)
def test_only_public_addresses_answer_strangers(route: str) -> None:
    answer = Client().get(route)
    if answer.status_code == 200:
        assert {route, route + "/"} & PUBLIC, "open to everybody; is that meant?"
    else:
        assert answer.status_code in (302, 301, 401, 403, 404, 405)
    if answer.status_code in (301, 302):
        assert answer["Location"].startswith("/")


@pytest.mark.parametrize("provider", ["sendgrid", "mailgun", "amazon_ses", "brevo", "mailersend", "nobody"])
@pytest.mark.parametrize("report", ["tracking", "inbound"])
def test_webhooks_of_unused_mail_providers_are_not_found(provider: str, report: str) -> None:
    for method in ("get", "head", "post"):
        assert getattr(Client(), method)(f"/anymail/{provider}/{report}/").status_code == 404


@pytest.mark.parametrize("route", ROUTES)
def test_every_answer_has_its_headers(route: str) -> None:
    for method in ("get", "post", "options"):
        answer = getattr(Client(), method)(route)
        assert answer.status_code < 500
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["Referrer-Policy"] in ("same-origin", "strict-origin", "no-referrer")
        assert route.startswith(("/docs", "/api/schema", "/site/")) or "no-store" in answer["Cache-Control"]
        assert "Server" not in answer
        assert "X-Powered-By" not in answer


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_inline_or_foreign_script_or_style(page: str) -> None:
    answer = Client().get(page)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)", text)
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert not re.findall(r"""(?:src|href|action)=["']?(?:https?:)?//""", text)


@pytest.mark.parametrize("page", ["/dashboard", "/sign-in", "/account/password", "/account/sessions"])
def test_member_pages_are_as_strict(user: Any, page: str) -> None:
    browser = Client()
    browser.force_login(user)
    text = browser.get(page, follow=True).content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)


@pytest.mark.parametrize("page", ["/admin/", "/admin/accounts/user/", "/admin/jsi18n/", "/admin/nowhere/"])
def test_staff_pages_are_not_cached(staff: Any, page: str) -> None:
    browser = Client()
    browser.force_login(staff)
    assert "no-store" in browser.get(page)["Cache-Control"]


@pytest.mark.parametrize("path", ["/static/accounts/enlace.css", "/docs", "/api/schema/"])
def test_public_files_may_be_cached(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 200
    assert "no-store" not in answer.headers.get("Cache-Control", "")


@pytest.mark.parametrize("path", ["/nowhere", "/admin/nowhere/", "/api/nowhere", "/kajabi-webhook/a/b", "/%00", "/%ff"])
def test_unknown_address_is_not_found_without_details(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code in (302, 400, 404)
    text = answer.content.decode()
    assert "Traceback" not in text
    assert "urlpatterns" not in text
    assert "DEBUG" not in text


def test_internal_error_shows_a_page_without_details(monkeypatch: Any) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("a detail that is nobody's business")

    monkeypatch.setattr("accounts.signin.password_links.request_link", broken)
    answer = Client(raise_request_exception=False).post("/forgot-password", {"email": "jane@example.com"})
    assert answer.status_code == 500
    assert b"nobody's business" not in answer.content
    assert b"<h1" in answer.content
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_cookies_are_same_site_and_http_only(user: Any) -> None:
    browser = Client()
    browser.post("/language", {"language": "es"})
    browser.post("/sign-in", {"username": user.email, "password": "violet kettle under the stairs"})
    browser.get("/sign-in")
    assert {"sessionid", "django_language"} <= set(browser.cookies)
    for cookie in browser.cookies.values():
        assert cookie["httponly"], cookie
        assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver@evil.example", ""])
def test_foreign_host_name_is_refused(host: str) -> None:
    assert Client().get("/sign-in", headers={"Host": host or " "}).status_code == 400


@pytest.mark.parametrize("path", ["/sign-in", "/forgot-password", "/nssa/setup-password", "/language", "/sign-out"])
def test_form_from_another_site_is_refused(path: str, user: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    answer = browser.post(path, {"email": "jane@example.com"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
