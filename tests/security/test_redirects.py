"""S16: no form, link or header of a visitor redirects anybody to another site."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.test import Client

pytestmark = pytest.mark.django_db

PASSWORD = "violet kettle under the stairs"
ELSEWHERE = [
    "https://evil.example/",
    "http://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https:///evil.example",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "//evil.example/%2f..",
    "\t//evil.example",
    "/\t/evil.example",
    "\n//evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://testserver/",
    "\x00//evil.example",
    "/dashboard\r\nLocation: https://evil.example",
]


def stays_on_site(answer: Any) -> bool:
    """Return whether the answer redirects to a path of this site, or not at all."""
    location = answer.headers.get("Location", "")
    # Browsers drop tabs and new lines, and take a backslash for a slash.
    as_read = re.sub(r"[\t\r\n\x00]", "", location).replace("\\", "/").strip()
    parts = urlsplit(as_read)
    return not as_read or (
        parts.netloc in ("", "testserver") and not as_read.startswith("//") and parts.scheme in ("", "http")
    )


def sign_in(url: str) -> Any:
    def ask(wanted: str, browser: Client, person: Any) -> list[Any]:
        browser.logout()
        form = {"username": person.email, "password": PASSWORD, "next": wanted}
        return [browser.post(url, form), browser.post(url, {**form, "next": ""}, query_params={"next": wanted})]

    return ask


def open_signed_in(url: str) -> Any:
    """Request a page that redirects signed-in users to `next`."""
    return lambda wanted, browser, person: [browser.get(url, {"next": wanted})]


def posted(url: str, **form: str) -> Any:
    def ask(wanted: str, browser: Client, person: Any) -> list[Any]:
        answers = [browser.post(url, {**form, "next": wanted})]
        browser.force_login(person)
        answers.append(browser.post(url, form, query_params={"next": wanted}))
        browser.force_login(person)
        referer = wanted.replace("\r", "").replace("\n", "")
        answers.append(browser.post(url, form, headers={"Referer": referer}))
        browser.force_login(person)
        return answers

    return ask


WAYS = {
    "/sign-in": [sign_in("/sign-in"), open_signed_in("/sign-in")],
    "/sign-out": [posted("/sign-out")],
    "/language": [posted("/language", language="es")],
    "/admin/login/": [sign_in("/admin/login/"), open_signed_in("/admin/login/")],
    "/admin/logout/": [posted("/admin/logout/")],
    "/admin/second-factor/": [open_signed_in("/admin/second-factor/")],
}


@pytest.mark.parametrize("url", WAYS)
def test_next_page_on_another_site_is_ignored(staff: Any, url: str) -> None:
    browser = Client()
    for wanted in ELSEWHERE:
        browser.force_login(staff)
        for answer in (answer for way in WAYS[url] for answer in way(wanted, browser, staff)):
            assert answer.status_code < 500, wanted
            assert stays_on_site(answer), (wanted, answer["Location"])


@pytest.mark.parametrize("location", ["/dashboard", "/sign-in?next=/dashboard", "http://testserver/", ""])
def test_own_location_counts_as_own(location: str) -> None:
    assert stays_on_site(type("Answer", (), {"headers": {"Location": location}}))


@pytest.mark.parametrize("location", [one for one in ELSEWHERE if "\r" not in one])
def test_foreign_location_counts_as_foreign(location: str) -> None:
    as_browsers_read = location if "evil" in location or ":" in location else ""
    assert not stays_on_site(type("Answer", (), {"headers": {"Location": as_browsers_read}}))


def test_every_page_with_a_next_field_is_covered() -> None:
    """Require that every form with `next` is listed above."""
    base = Path(django_settings.BASE_DIR)
    forms = {
        str(path.relative_to(folder))
        for folder in (base / "templates", *base.glob("integrations/providers/*/templates"))
        for path in folder.rglob("*.html")
        if 'name="next"' in path.read_text()
    }
    assert forms == {
        "accounts/sign_in.html",
        "admin/second_factor.html",
        "admin/second_factor_new.html",
        "accounts/parts/language.html",
    }
