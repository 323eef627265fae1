"""A session ends eight hours after sign-in, however much it is used."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.tests.admin_clients import signed_in

pytestmark = pytest.mark.django_db

PASSWORD = "violet kettle under the stairs"


def write(browser: Client) -> None:
    session = browser.session
    session["written"] = str(timezone.now())
    session.save()


def test_session_that_is_used_and_written_ends_eight_hours_after_sign_in(user: Any, travel: Any) -> None:
    browser = signed_in(user)
    end = Session.objects.get().expire_date
    for hours in (2, 5, 7):
        travel(timedelta(hours=hours))
        write(browser)
        assert browser.get("/dashboard").status_code == 200
    assert abs(Session.objects.get().expire_date - end) < timedelta(seconds=5)
    travel(timedelta(hours=8, seconds=5))
    assert browser.get("/dashboard").status_code == 302


@pytest.mark.parametrize("path", ["/sign-in", "/admin/login/"])
def test_cookie_lasts_as_long_as_its_session(staff: Any, path: str) -> None:
    browser = Client()
    browser.post(path, {"username": staff.email, "password": PASSWORD, "next": "/admin/"})
    assert 8 * 3600 - 5 <= browser.cookies["sessionid"]["max-age"] <= 8 * 3600
    end = Session.objects.get().expire_date
    browser.post("/account/password", {"current_password": PASSWORD, "new_password": "seven quiet lanterns in fog"})
    assert abs(Session.objects.get().expire_date - end) < timedelta(seconds=5), "another key, the same end"


def test_next_sign_in_begins_another_eight_hours(user: Any, travel: Any) -> None:
    browser = Client()
    form = {"username": user.email, "password": PASSWORD}
    browser.post("/sign-in", form)
    travel(timedelta(hours=7))
    browser.post("/sign-out")
    browser.post("/sign-in", form)
    travel(timedelta(hours=14))
    assert browser.get("/dashboard").status_code == 200
