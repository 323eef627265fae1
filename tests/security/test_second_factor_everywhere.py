"""S18: staff without their due second factor open nothing of the console and the API, by any method."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.security import hostile
from tests.test_security_pages import PUBLIC, ROUTES

pytestmark = pytest.mark.django_db

# What a signed-in person has as a member, the way to the second factor itself, and setting a password by a link.
OWN = {
    *("/admin", "/admin/core/customuser/", "/admin/core/kajabiwebhookevent/"),  # lead to pages of the console
    "/api/kajabi/setup-password",
    "/api/kajabi/resend-setup-email",
    "/",
    "/dashboard",
    "/account/password",  # asks for the current one
    "/account/sessions",
    "/api/me",
    "/api/me/",
    "/api/me/courses",
    "/sign-out",
    "/language",
    "/admin/logout/",
    "/admin/second-factor/",
    "/admin/second-factor/new/",
    "/admin/second-factor/new/code.svg",
}
METHODS = ("get", "post")
DOORS = ("/admin/login/", "/admin/second-factor/", "/sign-in")


def opened_by(browser: Client, routes: list[str], methods: tuple[str, ...] = METHODS) -> list[tuple[str, str, int]]:
    """Return the addresses that answer this browser with content or an effect and are not public."""
    opened = []
    for route in routes:
        if {route, f"{route}/"} & (PUBLIC | OWN):
            continue
        for method in methods:
            answer = getattr(browser, method)(route)
            led_to_a_door = answer.status_code in (301, 302) and answer["Location"].startswith(DOORS)
            if not led_to_a_door and answer.status_code not in (401, 403, 404, 405, 411):
                opened.append((method, route, answer.status_code))
    return opened


@pytest.fixture
def rows() -> list[str]:
    """Return addresses of existing rows; those of missing rows open nothing anyway."""
    one_of_each = {type(row): row for row in hostile.make_all() if admin.site.is_registered(type(row))}
    return [
        reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])
        for row in one_of_each.values()
        for page in ("change", "delete")
    ]


@pytest.mark.parametrize(
    ("rule", "has_device"),
    [("required", False), ("required", True), ("optional", True)],
    ids=["required, no device", "required, before its code", "optional, before its code"],
)
def test_session_without_its_second_factor_opens_nothing(
    staff: Any, settings: Any, rows: list[str], rule: str, has_device: bool
) -> None:
    settings.ADMIN_2FA = rule
    if has_device:
        TOTPDevice.objects.create(user=staff, name="phone")
    browser = Client()
    browser.force_login(staff)
    assert opened_by(browser, ROUTES) + opened_by(browser, rows) == []
    if rule == "required" and not has_device:
        assert opened_by(browser, ROUTES, ("put", "delete")) == []


def test_crawl_finds_open_addresses(staff: Any) -> None:
    browser = Client()
    browser.force_login(staff)
    found = {route for _method, route, _status in opened_by(browser, ["/admin/", "/admin/accounts/user/", "/metrics"])}
    assert found == {"/admin/", "/admin/accounts/user/", "/metrics"}
