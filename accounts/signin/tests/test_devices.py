"""Known browsers: strangers cannot lock their owner out, and a stolen cookie is worth little."""

from typing import Any

import pytest
from django.core import signing
from django.test import Client

from accounts.people.models import User
from accounts.signin.tests.browsers import EMAIL, PASSWORD, copy_of, link_for, lock_account, sign_in, stranger

pytestmark = pytest.mark.django_db


def test_known_browser_signs_in_while_strangers_have_locked_the_account(known: Client) -> None:
    lock_account()
    assert sign_in(stranger(), EMAIL, PASSWORD) == "locked"
    assert sign_in(known, EMAIL, PASSWORD) == "in"


def test_known_browser_signs_in_while_its_client_is_locked(known: Client) -> None:
    neighbour = Client(REMOTE_ADDR="198.51.100.7")
    for number in range(10):
        sign_in(neighbour, f"nobody{number}@example.com")
    assert sign_in(neighbour, EMAIL, PASSWORD) == "locked"
    assert sign_in(known, EMAIL, PASSWORD) == "in"


def test_abused_cookie_locks_itself_and_neither_account_nor_client(known: Client) -> None:
    thief = copy_of(known, REMOTE_ADDR="192.0.2.66")
    assert [sign_in(thief) for _number in range(12)] == ["wrong"] * 10 + ["locked"] * 2
    assert sign_in(copy_of(known), EMAIL, PASSWORD) == "locked"
    assert sign_in(Client(REMOTE_ADDR="192.0.2.66"), EMAIL, PASSWORD) == "in"


def test_browser_that_signs_in_again_no_longer_shares_its_tries_with_a_stolen_cookie(known: Client) -> None:
    thief = copy_of(known)
    assert sign_in(known, EMAIL, PASSWORD) == "in"
    known.post("/sign-out")
    for _number in range(11):
        sign_in(thief)
    assert sign_in(thief) == "locked"
    assert sign_in(known, EMAIL, PASSWORD) == "in"


@pytest.mark.parametrize("email", ["mark@example.com", "nobody@example.com", "no address"])
def test_cookie_of_one_account_is_a_strangers_for_another(known: Client, email: str) -> None:
    User.objects.create_user("mark@example.com", PASSWORD)
    lock_account(email)
    assert sign_in(copy_of(known), email, PASSWORD) == "locked"


def test_new_password_ends_the_cookie(known: Client, user: Any) -> None:
    user.set_password("another kettle under the stairs")
    user.save()
    lock_account()
    assert sign_in(known, EMAIL, "another kettle under the stairs") == "locked"


@pytest.mark.parametrize("value", ["", "x", "a:b:c", "W10:1abc:" + "x" * 43, "\x00", "9" * 5000])
def test_cookie_that_is_not_ours_is_a_strangers(user: Any, value: str) -> None:
    lock_account()
    browser = stranger()
    browser.cookies["device"] = value
    assert sign_in(browser, EMAIL, PASSWORD) == "locked"


def test_cookie_signed_for_another_purpose_is_a_strangers(user: Any) -> None:
    lock_account()
    browser = stranger()
    browser.cookies["device"] = signing.dumps([[user.pk, "x", "y"]])
    assert sign_in(browser, EMAIL, PASSWORD) == "locked"


def test_browser_knows_several_accounts_and_forgets_the_oldest(known: Client) -> None:
    emails = [f"colleague{number}@example.com" for number in range(5)]
    for email in emails:
        User.objects.create_user(email, PASSWORD)
        assert sign_in(known, email, PASSWORD) == "in"
        known.post("/sign-out")
    assert len(known.cookies["device"].value) < 1000
    for email in (*emails, EMAIL):
        lock_account(email)
    assert [sign_in(copy_of(known), email, PASSWORD) for email in (*emails, EMAIL)] == ["in"] * 5 + ["locked"]


def test_cookie_is_for_the_server_alone_and_tells_no_address(known: Client) -> None:
    cookie = known.cookies["device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    assert EMAIL not in str(signing.loads(cookie.value, salt="accounts.signin.devices"))


def test_cookie_is_secure_under_https(user: Any, settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE, settings.DEVICE_COOKIE_NAME = True, "__Host-device"
    browser = Client()
    assert sign_in(browser, EMAIL, PASSWORD) == "in"
    cookie = browser.cookies["__Host-device"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


def test_wrong_password_gives_no_cookie(user: Any) -> None:
    browser = stranger()
    sign_in(browser)
    assert "device" not in browser.cookies


def test_console_sign_in_makes_the_browser_known(staff: Any) -> None:
    browser = Client()
    assert sign_in(browser, staff.email, PASSWORD, "/admin/login/") == "in"
    lock_account(staff.email)
    assert sign_in(copy_of(browser), staff.email, PASSWORD, "/admin/login/") == "in"


def test_password_set_with_a_link_makes_the_browser_known(newcomer: Any, link_in: Any, mailoutbox: Any) -> None:
    token = link_for(newcomer).partition("token=")[2].partition("&")[0]
    browser = Client()
    browser.post("/nssa/setup-password", {"email": newcomer.email, "token": token, "password": PASSWORD})
    lock_account(newcomer.email)
    assert sign_in(copy_of(browser), newcomer.email, PASSWORD) == "in"


def test_password_set_at_the_api_makes_the_browser_known(newcomer: Any) -> None:
    token = link_for(newcomer).partition("token=")[2].partition("&")[0]
    body = {"email": newcomer.email, "token": token, "password": PASSWORD}
    browser = Client()
    browser.post("/api/kajabi/setup-password/", body, content_type="application/json")
    lock_account(newcomer.email)
    assert sign_in(copy_of(browser), newcomer.email, PASSWORD) == "in"
