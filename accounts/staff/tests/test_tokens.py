"""API tokens: hashed at rest, worth no more than their owner, and what makes them worthless."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.people.models import User
from accounts.signin import token_authentication
from accounts.staff import tokens
from accounts.staff.models import ApiToken, AuditEntry
from accounts.staff.tests.callers import bearer

pytestmark = pytest.mark.django_db
MEMBERS = "/api/admin/nssa-users/"
PASSWORD = "another violet kettle"


def status(headers: dict[str, str], **environ: Any) -> int:
    return Client(**environ).get(MEMBERS, headers=headers).status_code


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_a_token_is_kept_as_a_digest_alone(staff: Any) -> None:
    token, text = tokens.make(staff, name="monitor", scopes=["read"])
    assert text.startswith("enlace_")
    assert len(text) == len("enlace_") + 64
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apitoken")
        kept = [str(value) for value in cursor.fetchone()]
    assert not [value for value in kept if text in value or text[15:] in value]
    assert (token.token_key, status({"Authorization": f"Token {text}"})) == (text[:15], 200)
    assert text not in str(AuditEntry.objects.values_list("facts", "after"))


def test_somebody_has_several_tokens_and_revokes_one(staff: Any) -> None:
    first, second = bearer(staff, "read"), bearer(staff, "read")
    assert tokens.revoke(ApiToken.objects.earliest("pk"), by=staff) is True
    assert [status(first), status(second)] == [401, 200]
    assert tokens.revoke(ApiToken(pk=999_999, user=staff)) is False


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "admin"]])
def test_scopes_that_do_not_exist_are_refused(staff: Any, scopes: list[str]) -> None:
    with pytest.raises(ValueError, match="scopes"):
        tokens.make(staff, name="x", scopes=scopes)


def test_a_token_lasts_for_the_days_of_the_setting(staff: Any, settings: Any, travel: Any) -> None:
    settings.API_TOKEN_DAYS = 7
    headers = bearer(staff)
    travel(timedelta(days=6, hours=23))
    assert status(headers) == 200
    travel(timedelta(days=7, seconds=1))
    assert status(headers) == 401
    assert ApiToken.objects.count() == 1  # for its owner to see that it has expired


def _by_password(user: User) -> None:
    user.set_password(PASSWORD)
    user.save()


ENDS = {
    "password": _by_password,
    "password, by a queryset": lambda user: User.objects.filter(pk=user.pk).update(password="argon2$other"),
    "no password any more": lambda user: (user.set_unusable_password(), user.save()),
    "locked": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "no staff": lambda user: User.objects.filter(pk=user.pk).update(is_staff=False),
    "deleted": lambda user: User.objects.filter(pk=user.pk).delete(),
}


@pytest.mark.parametrize("way", ENDS)
def test_a_token_ends_with_its_owners_password_account_and_staff_rights(way: str, staff: Any) -> None:
    headers = bearer(staff)
    assert status(headers) == 200
    ENDS[way](User.objects.get(pk=staff.pk))
    assert status(headers) == 401
    assert ApiToken.objects.count() == 0


@pytest.mark.parametrize("flag", ["is_active", "is_staff"])
def test_a_token_that_was_presented_meanwhile_does_not_come_back_with_its_owners_rights(flag: str, staff: Any) -> None:
    headers = bearer(staff)
    User.objects.filter(pk=staff.pk).update(**{flag: False})
    assert status(headers) == 401
    User.objects.filter(pk=staff.pk).update(**{flag: True})
    assert status(headers) == 401
    assert actions()[-1] == "token.revoked"


def test_a_new_secret_key_with_the_old_one_as_fallback_keeps_tokens(staff: Any, settings: Any) -> None:
    headers = bearer(staff)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a-new-key-" * 6
    assert status(headers) == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert status(headers) == 401


def test_the_last_use_is_written_once_a_minute(staff: Any, travel: Any) -> None:
    headers = bearer(staff)
    status(headers)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    with CaptureQueriesContext(connection) as queries:
        assert [status(headers) for _ in range(3)] == [200] * 3
    assert not [query["sql"] for query in queries if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]
    travel(timedelta(seconds=61))
    status(headers)
    assert ApiToken.objects.get().last_used_at > first


def test_the_log_names_a_tokens_first_use_of_a_day_from_each_address(staff: Any, travel: Any) -> None:
    headers = bearer(staff)
    for sender in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"):
        status(headers, REMOTE_ADDR=sender)
    used = AuditEntry.objects.filter(action="token.used").order_by("pk")
    assert [entry.client_address for entry in used] == ["192.0.2.1", "192.0.2.2"]
    assert {entry.actor_id for entry in used} == {staff.pk}
    tokens._USES._window = 0  # another process
    status(headers, REMOTE_ADDR="192.0.2.1")
    assert used.count() == 2


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Token",
        "Token a b",
        "Token x",
        "Token " + "f" * 40,
        "Token ä",
        "Token %00",
        "Token \udcff",
        "Token " + "a" * 9000,
    ],
)
def test_what_is_no_token_is_refused_and_never_an_error(value: str, staff: Any) -> None:
    bearer(staff)
    assert status({"Authorization": value.encode("utf-8", "surrogateescape").decode("latin-1")}) == 401


def test_guessing_is_limited_by_the_client_and_a_right_token_never_is(staff: Any) -> None:
    headers, wrong = bearer(staff), {"Authorization": "Token " + "0" * 64}
    here, elsewhere = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}
    for _ in range(token_authentication.TRIES + 5):
        assert status(headers, **here) == 200
    answers = [status(wrong, **here) for _ in range(token_authentication.TRIES + 5)]
    assert answers[: token_authentication.TRIES] == [401] * token_authentication.TRIES
    assert answers[token_authentication.TRIES :] == [429] * 5
    locked = Client(**here).get(MEMBERS, headers=headers)
    assert (locked.status_code, int(locked["Retry-After"]) > 0) == (429, True)
    assert status(headers, **elsewhere) == 200
    assert actions().count("token.locked") == 1


def test_a_token_stands_in_no_line_of_the_log(staff: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    headers = bearer(staff)
    text = headers["Authorization"].split()[1]
    status(headers)
    status({"Authorization": f"Token {text}x"})
    assert text not in caplog.text
