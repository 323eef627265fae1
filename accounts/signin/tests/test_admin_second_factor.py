"""The second factor: who has one gives it, and where it is required nothing opens without."""

import time
from base64 import b32decode
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.signin import change_password

PASSWORD = "violet kettle under the stairs"
STEP = "/admin/second-factor/"
NEW = "/admin/second-factor/new/"


def code_of(key: bytes) -> str:
    return f"{totp(key):06}"


@pytest.fixture(autouse=True)
def clock() -> None:
    """The real clock in place of the one that stands still: codes follow the time."""


@pytest.fixture
def device(staff: Any) -> TOTPDevice:
    return TOTPDevice.objects.create(user=staff, name="phone")


@pytest.fixture
def signed_in(staff: Any) -> Client:
    """A client that gave the password, and nothing more."""
    client = Client()
    response = client.post("/admin/login/", {"username": staff.email, "password": PASSWORD, "next": "/admin/"})
    assert response.status_code == 302
    return client


def test_without_a_device_optional_lets_staff_in(signed_in: Client) -> None:
    assert signed_in.get("/admin/").status_code == 200


def test_with_a_device_nothing_opens_before_its_code(device: TOTPDevice, signed_in: Client) -> None:
    refused = signed_in.get("/admin/accounts/user/", follow=True)
    assert refused.redirect_chain[-1][0] == f"{STEP}?next=%2Fadmin%2Faccounts%2Fuser%2F"
    wrong = signed_in.post(STEP, {"code": "000000" if code_of(device.bin_key) != "000000" else "111111"})
    assert "not right" in wrong.content.decode()
    assert signed_in.get("/admin/").status_code == 302


def test_the_code_opens_what_was_asked_for_and_turns_the_session_over(device: TOTPDevice, signed_in: Client) -> None:
    before = signed_in.session.session_key
    response = signed_in.post(STEP, {"code": code_of(device.bin_key), "next": "/admin/accounts/user/"})
    assert (response.status_code, response.url) == (302, "/admin/accounts/user/")
    assert signed_in.session.session_key != before
    assert signed_in.get("/admin/accounts/user/").status_code == 200


def test_a_code_works_once(device: TOTPDevice, signed_in: Client, staff: Any) -> None:
    code = code_of(device.bin_key)
    signed_in.post(STEP, {"code": code})
    other = Client()
    other.force_login(staff)
    other.post(STEP, {"code": code})
    assert other.get("/admin/").status_code == 302


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_second_step_leads_nowhere_else(wanted: str, device: TOTPDevice, signed_in: Client) -> None:
    assert signed_in.post(STEP, {"code": code_of(device.bin_key), "next": wanted}).url == "/admin/"


def test_a_session_from_the_members_page_owes_the_code_too(device: TOTPDevice, staff: Any) -> None:
    client = Client()
    client.post("/sign-in", {"username": staff.email, "password": PASSWORD})
    assert client.get("/admin/").status_code == 302


def test_a_new_device_does_not_replace_the_code_that_is_owed(device: TOTPDevice, signed_in: Client) -> None:
    assert signed_in.get(NEW).url == f"{STEP}?next=%2Fadmin%2F"
    assert signed_in.post(NEW, {"code": "123456"}).url == f"{STEP}?next=%2Fadmin%2F"
    assert signed_in.get(f"{NEW}code.svg").status_code == 404


def test_required_leads_to_setting_a_device_up(signed_in: Client, staff: Any, settings: Any) -> None:
    settings.ADMIN_2FA = "required"
    page = signed_in.get("/admin/accounts/user/", follow=True)
    assert page.redirect_chain[-1][0] == f"{NEW}?next=%2Fadmin%2Faccounts%2Fuser%2F"
    picture = signed_in.get(f"{NEW}code.svg")
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    key = b32decode(page.context["secret"].replace(" ", ""))
    assert signed_in.post(NEW, {"password": PASSWORD, "code": "12345"}).status_code == 200
    assert TOTPDevice.objects.count() == 0
    code = code_of(key)
    for password in ("", "not the password"):
        assert signed_in.post(NEW, {"password": password, "code": code}).status_code == 200
    assert TOTPDevice.objects.count() == 0
    given = {"password": PASSWORD, "code": f"{code[:3]} {code[3:]}", "next": "/admin/accounts/user/"}
    done = signed_in.post(NEW, given)
    assert (done.status_code, done.url) == (302, "/admin/accounts/user/")
    made = TOTPDevice.objects.get()
    assert (made.user, made.confirmed, made.bin_key) == (staff, True, key)
    assert signed_in.get("/admin/accounts/user/").status_code == 200
    # The code that set it up is spent.
    assert made.last_t >= int(time.time()) // 30 - 1


def test_a_further_device_needs_the_password_again(device: TOTPDevice, signed_in: Client) -> None:
    signed_in.post(STEP, {"code": code_of(device.bin_key)})
    key = b32decode(signed_in.get(NEW).context["secret"].replace(" ", ""))
    assert signed_in.post(NEW, {"code": code_of(key)}).status_code == 200
    for _ in range(change_password.TRIES):
        assert signed_in.post(NEW, {"password": "a guess", "code": code_of(key)}).status_code == 200
    stopped = signed_in.post(NEW, {"password": PASSWORD, "code": code_of(key)})
    assert "Too many tries" in stopped.content.decode()
    assert TOTPDevice.objects.get() == device


def test_required_opens_nothing_before(signed_in: Client, settings: Any) -> None:
    settings.ADMIN_2FA = "required"
    names = [key for key in get_resolver().namespace_dict["admin"][1].reverse_dict if isinstance(key, str)]
    lists = [name for name in names if name.endswith(("_changelist", "_add"))] + ["index", "password_change"]
    assert len(lists) > 15
    assert {signed_in.get(reverse(f"admin:{name}")).status_code for name in lists} == {302}


def test_members_and_strangers_have_no_second_step(user: Any) -> None:
    client = Client()
    assert client.get(STEP).url == "/admin/login/"
    client.force_login(user)
    assert client.get(NEW).url == "/admin/login/"
    assert client.get(f"{NEW}code.svg").status_code == 404


def test_guessing_is_stopped(device: TOTPDevice, signed_in: Client) -> None:
    for _ in range(12):
        signed_in.post(STEP, {"code": "000000"})
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    signed_in.post(STEP, {"code": code_of(device.bin_key)})
    assert signed_in.get("/admin/").status_code == 302
