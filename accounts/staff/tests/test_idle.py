"""Staff who did nothing for a while sign in again; members don't."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.staff.idle import LAST_USED
from accounts.tests.admin_clients import signed_in

pytestmark = pytest.mark.django_db
CONSOLE = "/admin/"
Travel = Callable[[timedelta], None]


def is_signed_in(client: Client) -> bool:
    return client.get(CONSOLE).status_code == 200


def test_idle_staff_are_signed_out(staff: Any, travel: Travel) -> None:
    client = signed_in(staff)
    assert is_signed_in(client)
    travel(timedelta(minutes=61))
    answer = client.get(CONSOLE)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")
    assert Session.objects.count() == 0, "the session is gone, not only this request's"
    assert client.get("/admin/login/").status_code == 200


def test_staff_at_work_stay_signed_in(staff: Any, travel: Travel) -> None:
    client = signed_in(staff)
    for later in range(5):
        travel(timedelta(minutes=50 * later))
        assert is_signed_in(client)


def test_session_of_staff_that_was_never_used_ends_too(staff: Any, travel: Travel) -> None:
    client = signed_in(staff)
    travel(timedelta(minutes=61))
    assert not is_signed_in(client)


def test_idle_minutes_are_a_setting(staff: Any, travel: Travel, settings: Any) -> None:
    settings.STAFF_IDLE_MINUTES = 5
    client = signed_in(staff)
    assert is_signed_in(client)
    travel(timedelta(minutes=6))
    assert not is_signed_in(client)


def test_idle_members_stay_signed_in(user: Any, travel: Travel) -> None:
    client = signed_in(user)
    for minutes in (0, 120, 300):
        travel(timedelta(minutes=minutes))
        assert client.get("/dashboard").status_code == 200
    assert LAST_USED not in client.session


def test_requests_of_one_minute_write_a_session_once(staff: Any, travel: Travel) -> None:
    client = signed_in(staff)
    client.get(CONSOLE)
    written = client.session[LAST_USED]
    travel(timedelta(seconds=30))
    client.get(CONSOLE)
    assert client.session[LAST_USED] == written
    travel(timedelta(seconds=61))
    client.get(CONSOLE)
    assert client.session[LAST_USED] > written


def test_idle_staff_get_nothing_of_the_api(staff: Any, travel: Travel) -> None:
    client = signed_in(staff)
    assert is_signed_in(client)
    travel(timedelta(minutes=61))
    assert client.get("/api/points/").status_code in (401, 403, 404)
