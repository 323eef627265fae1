"""A person's own password and sessions: changed by whoever knows the password, told by mail, ended elsewhere."""

from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from accounts.mail.models import EmailMessage
from accounts.people.models import User
from accounts.signin import change_password
from accounts.signin.tests.browsers import link_for
from accounts.staff.models.audit_entry import AuditEntry
from accounts.tests.admin_clients import clerk, signed_in
from accounts.tests.presses import logged, press

pytestmark = pytest.mark.django_db

PASSWORD = "violet kettle under the stairs"
OTHER = "seven quiet lanterns in fog"
CHANGE, SESSIONS = "/account/password", "/account/sessions"


def recorded() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def here(user: Any) -> Client:
    return signed_in(user)


def change(browser: Client, current: str = PASSWORD, new: str = OTHER) -> Any:
    return browser.post(CHANGE, {"current_password": current, "new_password": new})


def test_changing_a_password_needs_the_current_one(here: Client, user: Any) -> None:
    refused = change(here, "not my password")
    assert refused.status_code == 200
    assert "This is not your current password." in refused.content.decode()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert not EmailMessage.objects.exists()


def test_changed_password_is_told_by_mail_and_ends_the_sessions_elsewhere(
    here: Client, user: Any, drain: Any, mailoutbox: Any
) -> None:
    elsewhere, before = signed_in(user), here.session.session_key
    assert change(here)["Location"] == "/dashboard"
    assert here.get("/dashboard").status_code == 200
    assert here.session.session_key != before
    assert here.cookies["device"].value, "the browser stays a known one"
    assert elsewhere.get("/dashboard").status_code == 302
    user.refresh_from_db()
    assert user.check_password(OTHER)
    assert recorded() == ["sign_in.succeeded", "sign_in.succeeded", "password.changed"]
    drain()
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [([user.email], "Your password was changed")]


@pytest.mark.parametrize("weak", ["short", "password1234", "jane@example.com", ""])
def test_changing_to_a_weak_password_changes_nothing(here: Client, user: Any, weak: str) -> None:
    assert change(here, new=weak).status_code == 200
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_password_of_any_letters_is_taken_as_it_is(here: Client, user: Any) -> None:
    odd = "  ñandú de las pampas 🙂  "
    assert change(here, new=odd).status_code == 302
    user.refresh_from_db()
    assert user.check_password(odd)
    assert not user.check_password(odd.strip())


def test_guessing_the_current_password_is_stopped(here: Client) -> None:
    answers = [change(here, f"guess {number}").status_code for number in range(change_password.TRIES)]
    assert set(answers) == {200}
    stopped = change(here)
    assert stopped.status_code == 429
    assert int(stopped["Retry-After"]) > 0
    assert here.post(SESSIONS, {"current_password": PASSWORD}).status_code == 429


def test_signing_out_elsewhere_keeps_this_session_and_the_password(here: Client, user: Any) -> None:
    elsewhere = [signed_in(user), signed_in(user)]
    link = link_for(user)
    assert here.post(SESSIONS, {"current_password": "wrong"}).status_code == 200
    assert elsewhere[0].get("/dashboard").status_code == 200
    assert here.post(SESSIONS, {"current_password": PASSWORD})["Location"] == "/dashboard"
    assert here.get("/dashboard").status_code == 200
    assert {browser.get("/dashboard").status_code for browser in elsewhere} == {302}
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert Client().get(link.removeprefix("http://testserver")).context["valid"] is False
    assert recorded()[-2:] == ["own_password.failed", "sessions.ended"]
    assert not EmailMessage.objects.exists()


def test_strangers_are_led_to_the_sign_in_page() -> None:
    for path in (CHANGE, SESSIONS):
        assert Client().get(path)["Location"] == f"/sign-in?next={path}"
        assert Client().post(path, {"current_password": PASSWORD})["Location"] == f"/sign-in?next={path}"


@pytest.mark.parametrize("path", [CHANGE, SESSIONS])
def test_pages_are_cached_nowhere_and_name_what_they_ask_for(here: Client, path: str) -> None:
    answer = here.get(path)
    assert "no-store" in answer["Cache-Control"]
    assert 'autocomplete="current-password"' in answer.content.decode()
    assert 'type="password"' in answer.content.decode()
    assert f'href="{path}"' in here.get("/dashboard").content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_wins(user: Any, at_once: Any) -> None:
    def to(new: str) -> Any:
        return lambda: change_password.change(User.objects.get(pk=user.pk), current=PASSWORD, new=new)

    results = at_once([to("the first of two at once"), to("the second of two at once")])
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "WrongPassword"]
    assert EmailMessage.objects.filter(kind="password_changed").count() == 1


def test_staff_end_the_sessions_of_one_person(user: Any, staff: Any) -> None:
    theirs, mine = [signed_in(user), signed_in(user)], signed_in(staff)
    assert press(mine, user, "end-sessions") == ["1 person is signed out everywhere."]
    assert {browser.get("/dashboard").status_code for browser in theirs} == {302}
    assert mine.get("/dashboard").status_code == 200
    assert logged(user) == ["end-sessions"]
    assert AuditEntry.objects.filter(about_user=user.pk).exists()
    assert press(mine, user, "end-sessions") == ["1 row was left as it is: this does not apply to it."]


def test_staff_without_the_permission_end_nobodys_sessions(user: Any, staff: Any) -> None:
    theirs = signed_in(user)
    looking = clerk("view_user")
    assert looking.post(f"/admin/accounts/user/{user.pk}/act/end-sessions/").status_code == 403
    changing = signed_in(User.objects.get(email="clerk@example.com"))
    assert changing.post(f"/admin/accounts/user/{staff.pk}/act/end-sessions/").status_code == 403
    assert theirs.get("/dashboard").status_code == 200


def test_locked_person_is_out_at_once(user: Any) -> None:
    theirs = signed_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert theirs.get("/dashboard").status_code == 302
    assert SESSION_KEY not in Client().session
