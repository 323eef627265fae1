"""The page of API tokens: everybody's own, all of them for superusers, and auditors look."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.people.models import User
from accounts.staff import tokens
from accounts.staff.models import ApiToken, AuditEntry
from accounts.staff.tests.callers import bearer
from accounts.tests.admin_clients import signed_in

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/apitoken/"
TODAY = timezone.now().date()


@pytest.fixture
def clerk() -> Any:
    return User.objects.create_user("clerk@example.com", is_staff=True)


def asked(**changes: Any) -> dict[str, Any]:
    return {"name": "a script", "scopes": ["read"], "last_day": str(TODAY + timedelta(days=30))} | changes


def shown(client: Client) -> list[str]:
    return [token.name for token in client.get(LIST).context["cl"].result_list]


def test_staff_make_a_token_of_their_own_and_see_it_once(clerk: Any) -> None:
    client = signed_in(clerk)
    assert 'name="user"' not in client.get(f"{LIST}add/").content.decode()
    answer = client.post(f"{LIST}add/", asked(user=999))
    token = ApiToken.objects.get()
    text = answer.context["text"]
    assert (answer.status_code, token.user, token.scopes) == (200, clerk, ["read"])
    assert text in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert Client().get("/api/me", headers={"Authorization": f"Token {text}"}).status_code == 200
    assert text not in str(client.cookies)
    for path in (LIST, f"{LIST}{token.pk}/change/", "/admin/"):
        assert text not in client.get(path).content.decode()
    entry = AuditEntry.objects.get(action="token.created")
    assert (entry.actor_id, entry.target_id, text in str(entry.facts)) == (clerk.pk, str(token.pk), False)


def test_a_superuser_makes_one_for_somebody_else(staff: Any, clerk: Any, user: Any) -> None:
    client = signed_in(staff)
    client.post(f"{LIST}add/", asked(user=clerk.pk))
    assert ApiToken.objects.get().user == clerk
    refused = client.post(f"{LIST}add/", asked(user=user.pk))
    assert list(refused.context["adminform"].form.errors) == ["user"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"name": ""}, "name"),
        ({"last_day": str(TODAY - timedelta(days=1))}, "last_day"),
        ({"last_day": str(TODAY + timedelta(days=400))}, "last_day"),
        ({"last_day": "9999-12-31"}, "last_day"),
        ({"last_day": "soon"}, "last_day"),
    ],
)
def test_a_form_that_is_wrong_makes_no_token(clerk: Any, changes: dict[str, Any], field: str) -> None:
    answer = signed_in(clerk).post(f"{LIST}add/", asked(**changes))
    assert list(answer.context["adminform"].form.errors) == [field]
    assert ApiToken.objects.count() == 0


def test_the_form_proposes_the_days_of_the_setting(clerk: Any, settings: Any) -> None:
    settings.API_TOKEN_DAYS = 14
    assert str((timezone.now() + timedelta(days=14)).date()) in signed_in(clerk).get(f"{LIST}add/").content.decode()


def test_staff_see_and_revoke_their_own_and_nobody_elses(staff: Any, clerk: Any) -> None:
    theirs, _text = tokens.make(staff, name="theirs", scopes=["read"])
    mine, _text = tokens.make(clerk, name="mine", scopes=["read"])
    client = signed_in(clerk)
    assert shown(client) == ["mine"]
    assert client.get(f"{LIST}{theirs.pk}/change/").status_code == 302
    assert client.post(f"{LIST}{theirs.pk}/act/revoke/", {"answered": "1"}).status_code == 404
    assert client.get(f"{LIST}{mine.pk}/act/revoke/").status_code == 200
    answer = client.post(f"{LIST}{mine.pk}/act/revoke/", {"answered": "1"})
    assert (answer.status_code, answer.url) == (302, LIST)
    assert list(ApiToken.objects.all()) == [theirs]
    assert AuditEntry.objects.get(action="token.revoked").actor_id == clerk.pk


def test_several_are_revoked_from_the_list(staff: Any, clerk: Any) -> None:
    made = [tokens.make(owner, name="x", scopes=["read"])[0].pk for owner in (staff, clerk, clerk)]
    client = signed_in(staff)
    press = {"action": "revoke", "_selected_action": made, "index": 0}
    assert ApiToken.objects.count() == 3
    assert client.post(LIST, press).status_code == 200
    client.post(LIST, press | {"answered": "1"})
    assert ApiToken.objects.count() == 0


def test_an_auditor_sees_all_of_them_and_revokes_none(staff: Any, clerk: Any) -> None:
    token, _text = tokens.make(staff, name="theirs", scopes=["read"])
    clerk.groups.add(Group.objects.get(name="auditor"))
    client = signed_in(clerk)
    assert shown(client) == ["theirs"]
    page = client.get(f"{LIST}{token.pk}/change/").content.decode()
    assert token.token_key in page
    assert token.digest not in page
    assert "/act/" not in page
    assert client.post(f"{LIST}{token.pk}/act/revoke/", {"answered": "1"}).status_code == 403
    assert ApiToken.objects.count() == 1


def test_the_list_says_which_tokens_open_nothing_any_more(staff: Any, clerk: Any, travel: Any) -> None:
    bearer(clerk)
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    assert "worthless: its owner changed" in signed_in(staff).get(LIST).content.decode()
    travel(timedelta(days=91))
    assert "expired" in signed_in(staff).get(LIST).content.decode()
