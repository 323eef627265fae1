"""Signing in and out, the dashboard, and the language of the pages."""

from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.memberships import staff_actions
from accounts.people.models import User
from core.cause import Cause
from core.web import limits

pytestmark = pytest.mark.django_db
PASSWORD = "violet kettle under the stairs"


def sign_in(browser: Client, email: str = "jane@example.com", password: str = PASSWORD, **more: str) -> Any:
    return browser.post("/sign-in", {"username": email, "password": password} | more)


@pytest.mark.parametrize("email", ["jane@example.com", "JANE@Example.com", " jane@example.com. "])
def test_a_member_signs_in_with_any_spelling_of_their_address(user: Any, email: str) -> None:
    browser = Client()
    answer = sign_in(browser, email)
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard")
    assert browser.get("/dashboard").status_code == 200


def test_wrong_unknown_locked_and_passwordless_are_told_the_same(user: Any, newcomer: Any) -> None:
    User.objects.create_user("locked@example.com", PASSWORD, is_active=False)
    told = []
    for email, password in [
        ("jane@example.com", "wrong"),
        ("nobody@example.com", PASSWORD),
        ("locked@example.com", PASSWORD),
        ("new@example.com", ""),
        ("new@example.com", "!"),
        ("mike\u212a@example.com", PASSWORD),
    ]:
        browser = Client(REMOTE_ADDR="192.0.2.1")
        answer = sign_in(browser, email, password)
        assert answer.status_code == 200
        assert SESSION_KEY not in browser.session
        if password:
            told.append(str(answer.context["form"].non_field_errors()))
    assert len(set(told)) == 1
    assert "do not fit together" in told[0]


def test_ten_wrong_tries_lock_the_address_and_the_client_for_a_while(user: Any, monkeypatch: Any) -> None:
    now = {"is": 1_800_000_000.0}
    monkeypatch.setattr(limits.time, "time", lambda: now["is"])
    for number in range(10):
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{number}"), password="wrong")
    refused = Client()
    assert "Too many tries" in sign_in(refused).content.decode()
    assert SESSION_KEY not in refused.session
    now["is"] += 15 * 60
    assert sign_in(Client()).status_code == 302


def test_signing_in_rightly_any_number_of_times_locks_nobody_out(user: Any) -> None:
    assert [sign_in(Client()).status_code for _number in range(15)] == [302] * 15


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/dashboard?x=1", "/dashboard?x=1"),
        ("https://evil.example/", "/dashboard"),
        ("//evil.example", "/dashboard"),
        ("/\\evil.example", "/dashboard"),
        ("javascript:alert(1)", "/dashboard"),
        ("http:///evil.example", "/dashboard"),
    ],
)
def test_nobody_is_led_to_another_site(user: Any, wanted: str, led_to: str) -> None:
    assert sign_in(Client(), next=wanted)["Location"] == led_to


def test_signing_out_takes_a_post_and_ends_the_session(user: Any) -> None:
    browser = Client()
    sign_in(browser)
    assert browser.get("/sign-out").status_code == 405
    assert browser.get("/dashboard").status_code == 200
    assert browser.post("/sign-out")["Location"] == "/sign-in"
    assert browser.get("/dashboard")["Location"] == "/sign-in?next=/dashboard"


@pytest.mark.parametrize("path", ["/sign-out", "/admin/logout/"])
def test_signing_out_clears_what_the_browser_kept(staff: Any, path: str) -> None:
    browser = Client()
    browser.force_login(staff)
    key = browser.session.session_key
    answer = browser.post(path)
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert SESSION_KEY not in Client(headers={"Cookie": f"sessionid={key}"}).session
    assert not Session.objects.filter(session_key=key).exists()


def test_home_leads_where_one_belongs(user: Any) -> None:
    browser = Client()
    assert browser.get("/")["Location"] == "/sign-in"
    browser.force_login(user)
    assert browser.get("/")["Location"] == "/dashboard"


def test_the_dashboard_shows_the_plan_its_status_and_its_end(user: Any, plan: Any, staff: Any) -> None:
    until = timezone.now().replace(year=2031, month=5, day=17)
    staff_actions.grant(user, plan, until=until, cause=Cause.by_staff(staff))
    browser = Client()
    browser.force_login(user)
    page = browser.get("/dashboard").content.decode()
    assert "NSSA Annual Membership" in page
    assert "2031" in page
    assert "no-store" in browser.get("/dashboard")["Cache-Control"]


def test_a_hostile_name_is_only_text_on_the_pages(user: Any) -> None:
    User.objects.update(first_name="<script>alert(1)</script>", last_name='"><img src=x>')
    browser = Client()
    browser.force_login(user)
    page = browser.get("/dashboard").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x>" not in page


@pytest.mark.parametrize("path", ["/sign-in", "/forgot-password", "/link-sent", "/nssa/setup-password"])
def test_pages_are_in_the_language_of_the_browser_until_another_is_chosen(path: str) -> None:
    browser = Client(headers={"Accept-Language": "es-AR,es;q=0.9,en;q=0.5"})
    assert '<html lang="es">' in browser.get(path).content.decode()
    assert '<html lang="en">' in Client().get(path).content.decode()
    browser.post("/language", {"language": "en", "next": path})
    assert '<html lang="en">' in browser.get(path).content.decode()


def test_a_member_reads_their_own_language_unless_this_browser_chose_another(user: Any) -> None:
    User.objects.update(language="es")
    browser = Client()
    browser.force_login(user)
    assert '<html lang="es">' in browser.get("/dashboard").content.decode()
    browser.post("/language", {"language": "en"})
    assert '<html lang="en">' in browser.get("/dashboard").content.decode()


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example"])
def test_choosing_a_language_leads_to_no_other_site(wanted: str) -> None:
    assert "evil" not in Client().post("/language", {"language": "es", "next": wanted})["Location"]
