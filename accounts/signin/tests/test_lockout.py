"""Guessing passwords: what is counted, for whom, and that nobody can lock the owner out."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_otp.plugins.otp_static.models import StaticDevice

from accounts.people.models import User
from accounts.signin.forms import SignInForm
from accounts.signin.tests.browsers import EMAIL, PASSWORD, link_for, lock_account, sign_in, stranger
from accounts.staff.models.audit_entry import AuditEntry
from core.text import InvalidAddress, normalise_email

pytestmark = pytest.mark.django_db


def lock_outs() -> Any:
    """Return the lock-outs in the audit log."""
    return AuditEntry.objects.filter(action__endswith=".locked")


@pytest.mark.parametrize("path", ["/sign-in", "/admin/login/"])
def test_account_at_its_limit_is_locked_for_strangers_until_the_window_ends(
    staff: Any, path: str, clock: dict[str, float]
) -> None:
    for number in range(10):
        assert sign_in(stranger(number), staff.email, path=path) == "wrong"
    assert sign_in(stranger(20), staff.email, PASSWORD, path) == "locked"
    other = "/sign-in" if path == "/admin/login/" else "/admin/login/"
    assert sign_in(stranger(20), staff.email, PASSWORD, other) == "locked", "both forms share the counters"
    clock["now"] += 15 * 60
    assert sign_in(stranger(20), staff.email, PASSWORD, path) == "in"


def test_client_at_its_limit_is_locked_for_every_account_and_uses_up_none(user: Any) -> None:
    for number in range(10):
        assert sign_in(stranger(), f"nobody{number}@example.com") == "wrong"
    assert [sign_in(stranger(), EMAIL) for _number in range(15)] == ["locked"] * 15
    assert sign_in(stranger(2), EMAIL, PASSWORD) == "in"


def test_account_named_like_a_client_does_not_lock_that_client(user: Any) -> None:
    for number in range(10):
        sign_in(stranger(100 + number), "192.0.2.1")
    assert sign_in(stranger(1), EMAIL, PASSWORD) == "in"


SPELLINGS = (
    "mark@example.com",
    "MARK@EXAMPLE.COM",
    " mark@example.com",
    "mark@example.com.",
    "mark@example.com..",
    "mark@example.com. . .",
    "mark@example.com\u3000",
    "\uff4d\uff41\uff52\uff4b@example.com",
    "mark\uff20example.com",
    "mark@\uff25xample.com",
    "mar\u212a@example.com",
    "\u2003mark@example.com",
)


def test_no_spelling_of_an_account_has_tries_of_its_own(judged: list[str]) -> None:
    User.objects.create_user("mark@example.com", PASSWORD)
    judged.clear()
    outcomes = [sign_in(stranger(number), spelling) for number, spelling in enumerate(SPELLINGS)]
    assert outcomes == ["wrong"] * 10 + ["locked"] * 2
    assert len(judged) == 10


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_signs_its_owner_in(spelling: str) -> None:
    User.objects.create_user("mark@example.com", PASSWORD)
    assert sign_in(stranger(), spelling, PASSWORD) == "in"


@pytest.mark.parametrize("spelling", [*SPELLINGS, "mark@example.com\u3002", "m@b\u00fccher.de.", '"a b"@example.com. '])
def test_normalising_again_changes_nothing(spelling: str) -> None:
    try:
        once = normalise_email(spelling)
    except InvalidAddress:
        return
    assert normalise_email(once) == once


@pytest.mark.parametrize(
    "text", ["mark", "mark@", "@example.com", "m\u0131ke@example.com", "mark@exa mple.com", "192.0.2.1", "a@b@c..", "@"]
)
def test_text_that_is_no_address_is_counted_and_never_reaches_the_hasher(text: str, judged: list[str]) -> None:
    client = stranger()
    assert [sign_in(client, text) for _number in range(12)] == ["wrong"] * 10 + ["locked"] * 2
    assert judged == []


def test_known_and_unknown_accounts_cost_the_same_work(user: Any, judged: list[str]) -> None:
    costs = []
    for email in (EMAIL, "nobody@example.com"):
        judged.clear()
        with CaptureQueriesContext(connection) as queries:
            sign_in(stranger(), email)
        costs.append((len(judged), len(queries)))
    assert costs[0] == costs[1]
    assert costs[0][0] == 1


def test_right_password_for_a_page_that_is_not_theirs_is_a_wrong_try(user: Any) -> None:
    """Else the number of tries left would tell a right password from a wrong one."""
    outcomes = [sign_in(stranger(), EMAIL, PASSWORD, "/admin/login/") for _number in range(11)]
    assert outcomes == ["wrong"] * 10 + ["locked"]


def test_field_that_is_empty_is_no_try(user: Any) -> None:
    for _number in range(20):
        stranger().post("/sign-in", {"username": EMAIL, "password": ""})
    assert sign_in(stranger(), EMAIL, PASSWORD) == "in"


def test_clients_within_one_ipv6_network_share_their_tries(user: Any) -> None:
    for number in range(10):
        sign_in(Client(REMOTE_ADDR=f"2001:db8::{number}"), f"nobody{number}@example.com")
    assert sign_in(Client(REMOTE_ADDR="2001:db8::ffff"), EMAIL, PASSWORD) == "locked"
    assert sign_in(Client(REMOTE_ADDR="2001:db8:0:1::1"), EMAIL, PASSWORD) == "in"


def test_form_without_a_request_judges_and_counts(user: Any) -> None:
    form = SignInForm(None, {"username": EMAIL, "password": PASSWORD})
    assert form.is_valid(), form.errors


# Links and codes ------------------------------------------------------------------------------------------------------


def test_wrong_links_are_counted_for_the_page_and_the_api_together(newcomer: Any) -> None:
    client = stranger()
    wrong = {"email": newcomer.email, "token": "wrong", "password": PASSWORD}
    for number in range(15):
        assert client.get("/nssa/setup-password", {"email": newcomer.email, "token": str(number)}).status_code == 200
        assert client.post("/api/kajabi/setup-password/", wrong, content_type="application/json").status_code == 400
    refused = client.get("/nssa/setup-password", {"email": newcomer.email, "token": "x"})
    assert (refused.status_code, refused["Retry-After"]) == (429, "46")
    at_the_api = client.post("/api/kajabi/setup-password/", wrong, content_type="application/json")
    assert (at_the_api.status_code, at_the_api["Retry-After"]) == (429, "46")
    assert lock_outs().get().action == "set_up.locked"


def test_right_link_may_be_opened_any_number_of_times(newcomer: Any) -> None:
    link = link_for(newcomer).partition("testserver")[2]
    assert {stranger().get(link).status_code for _number in range(40)} == {200}


def test_wrong_codes_of_the_second_factor_lock_its_account(staff: Any) -> None:
    device = StaticDevice.objects.create(user=staff)
    device.token_set.create(token="right")
    browser = Client()
    browser.force_login(staff)
    for _number in range(10):
        assert "not right" in browser.post("/admin/second-factor/", {"code": "000000"}).content.decode()
    StaticDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    elsewhere = Client(REMOTE_ADDR="192.0.2.9")
    elsewhere.force_login(staff)
    for client in (browser, elsewhere):
        assert "Too many tries" in client.post("/admin/second-factor/", {"code": "right"}).content.decode()
        assert client.get("/admin/").status_code == 302
    entry = lock_outs().get()
    assert (entry.actor_id, entry.about_user) == (staff.pk, staff.pk)


def test_right_codes_of_the_second_factor_lock_nobody_out(staff: Any) -> None:
    device = StaticDevice.objects.create(user=staff)
    for number in range(12):
        device.token_set.create(token=f"code{number}")
        browser = Client()
        browser.force_login(staff)
        assert browser.post("/admin/second-factor/", {"code": f"code{number}"}).status_code == 302
        assert browser.get("/admin/").status_code == 200


# Audit ----------------------------------------------------------------------------------------------------------------


def test_lock_out_is_recorded_once_in_a_window_with_its_account(user: Any, clock: dict[str, float]) -> None:
    for window in (1, 2):
        lock_account()
        for number in range(5):
            sign_in(stranger(number), EMAIL)
        assert lock_outs().count() == window
        clock["now"] += 15 * 60
    entry = lock_outs().earliest("pk")
    assert (entry.action, entry.outcome, entry.about_user) == ("sign_in.locked", "denied", user.pk)
    assert (entry.client_address, entry.facts["counted_by"]) == ("192.0.2.0", "account")


def test_lock_out_of_a_client_and_of_a_device_are_recorded_too(known: Client) -> None:
    for number in range(12):
        sign_in(stranger(), f"nobody{number}@example.com")
        sign_in(known)
    assert {entry.facts["counted_by"] for entry in lock_outs()} == {"client", "device"}
    assert not lock_outs().filter(target_label__contains="nobody").exists()
