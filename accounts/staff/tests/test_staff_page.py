"""The page of staff: who may open the console, with which role, and how they sign in."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.people.models import User
from accounts.staff.models import ApiToken
from accounts.tests.admin_clients import clerk, signed_in
from accounts.tests.presses import queries_of

PAGE = "/admin/staff/"


@pytest.fixture
def superuser(staff: Any) -> Client:
    return signed_in(staff)


def colleague(email: str, *roles: str, **fields: Any) -> User:
    user = User.objects.create_user(email, "violet kettle under the stairs", is_staff=True, **fields)
    user.groups.set(Group.objects.filter(name__in=roles))
    return user


def token(owner: User, *, days: int) -> None:
    expiry = timezone.now() + timedelta(days=days)
    ApiToken(user=owner, name="script", digest=f"{owner.pk}:{days}", expiry=expiry).save()


def row_of(user: User, reader: Client) -> str:
    page = reader.get(PAGE).content.decode()
    return next(row for row in page.split("<tr>") if f">{user.email}</a>" in row)


def test_each_colleague_has_a_row_with_role_and_sign_in(superuser: Client, user: User) -> None:
    support = colleague("ana@example.com", "support", first_name="Ana")
    locked = colleague("gone@example.com", "auditor", is_active=False)
    invited = colleague("new@example.com", "operator")
    invited.set_unusable_password()
    invited.save()
    assert "support" in row_of(support, superuser)
    assert "can sign in" in row_of(support, superuser)
    assert "locked" in row_of(locked, superuser)
    assert "No password chosen yet" in row_of(invited, superuser)
    assert reverse("admin:accounts_user_change", args=[support.pk]) in row_of(support, superuser)
    assert user.email not in superuser.get(PAGE).content.decode(), "members are no staff"


def test_a_superuser_may_do_everything_whatever_their_groups(db: None) -> None:
    chief = User.objects.create_superuser("chief@example.com")
    assert "superuser: everything" in row_of(chief, signed_in(chief))


def test_second_factor_of_either_kind_counts_once_confirmed(superuser: Client) -> None:
    has_app, has_codes, began = (colleague(f"{name}@example.com") for name in ("app", "codes", "began"))
    TOTPDevice.objects.create(user=has_app, confirmed=True)
    StaticDevice.objects.create(user=has_codes, confirmed=True)
    TOTPDevice.objects.create(user=began, confirmed=False)
    said = ["<td>yes</td>" in row_of(one, superuser) for one in (has_app, has_codes, began)]
    assert said == [True, True, False]


def test_tokens_are_counted_until_they_expire(superuser: Client) -> None:
    ana, bob = colleague("ana@example.com"), colleague("bob@example.com")
    TOTPDevice.objects.create(user=ana, confirmed=True)
    for days in (1, 30, -1):
        token(ana, days=days)
    token(bob, days=-1)
    assert "?q=ana%40example.com" in row_of(ana, superuser)
    assert ">2</a>" in row_of(ana, superuser)
    assert "?q=bob" not in row_of(bob, superuser)


def test_number_of_tokens_leads_to_a_list_only_where_the_list_shows_them(db: None) -> None:
    reader, ana = colleague("me@example.com", "operator"), colleague("ana@example.com")
    token(ana, days=1)
    token(reader, days=1)
    client = signed_in(reader)
    assert "?q=ana" not in row_of(ana, client)
    assert "?q=me" in row_of(reader, client)


def test_only_superusers_are_offered_to_add_somebody(superuser: Client) -> None:
    add = reverse("admin:accounts_user_add")
    assert add in superuser.get(PAGE).content.decode()
    assert add not in clerk("view_user").get(PAGE).content.decode()


def test_who_may_not_see_users_does_not_see_the_page(db: None) -> None:
    assert clerk("view_completion").get(PAGE).status_code == 403


def test_a_hundred_colleagues_cost_as_many_statements_as_one(superuser: Client) -> None:
    colleague("ana@example.com", "support")
    one = len(queries_of(superuser, PAGE))
    for number in range(100):
        token(colleague(f"c{number}@example.com", "support", "auditor"), days=1)
    assert len(queries_of(superuser, PAGE)) == one <= 8
