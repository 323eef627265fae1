"""Roles are groups that hold what the table says; who has which is a superuser's decision and is in the audit log."""

from hashlib import sha512
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.people.models import User
from accounts.staff import roles
from accounts.staff.models import ApiToken, AuditEntry
from accounts.staff.tests.callers import bearer
from accounts.tests.admin_clients import signed_in
from core.web import access

pytestmark = pytest.mark.django_db
ROLES = ("operator", "support", "auditor")
MIGRATION = import_module("accounts.migrations.0011_roles_and_tokens")
EDITOR = SimpleNamespace(connection=connection)


def held(role: str) -> set[str]:
    rows = Group.objects.get(name=role).permissions.select_related("content_type")
    return {f"{one.content_type.app_label}.{one.codename}" for one in rows}


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    """Return the fields that the user's page posts."""
    totals = {
        f"{inline}-{total}_FORMS": 0
        for inline in ("identities", "subscriptions", "points")
        for total in ("TOTAL", "INITIAL")
    }
    return {"email": user.email, "is_active": "on", "is_staff": "on", **totals} | changes


def page_of(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


@pytest.fixture
def clerk() -> Any:
    return User.objects.create_user("clerk@example.com", is_staff=True)


# Groups ---------------------------------------------------------------------------------------------------------------


def test_after_a_migration_each_role_has_exactly_its_permissions_again() -> None:
    support, own = Group.objects.get(name="support"), Group.objects.create(name="front desk")
    wrong = Permission.objects.get(codename="delete_user")
    support.permissions.set([wrong])
    own.permissions.set([wrong])
    for _ in range(2):
        call_command("migrate", verbosity=0)
        assert {role: held(role) for role in ROLES} == dict(access.table().roles)
        assert held("front desk") == {"accounts.delete_user"}


def test_a_state_without_groups_is_left_alone() -> None:
    def get_model(*names: str) -> Any:
        raise LookupError

    roles.give_permissions(using="default", apps=SimpleNamespace(get_model=get_model))


@pytest.mark.django_db(transaction=True)
def test_the_roles_are_there_after_a_flush() -> None:
    """The second of two such tests runs on what the flush of the first has left."""
    assert {role: held(role) for role in ROLES} == dict(access.table().roles)


@pytest.mark.django_db(transaction=True)
def test_the_roles_are_there_after_another_flush() -> None:
    assert {role: held(role) for role in ROLES} == dict(access.table().roles)


def test_a_group_of_staff_with_the_name_of_a_role_keeps_its_members_and_its_permissions(clerk: Any) -> None:
    Group.objects.filter(name__in=ROLES).delete()
    own = Group.objects.create(name="support")
    own.permissions.set([Permission.objects.get(codename="view_plan")])
    clerk.groups.add(own)
    MIGRATION.make_roles(apps, EDITOR)
    own.refresh_from_db()
    assert own.name == f"support (own {own.pk})"
    assert held(own.name) == {"accounts.view_plan"}
    assert list(clerk.groups.all()) == [own]
    assert Group.objects.filter(name__in=ROLES).count() == 3
    assert held("support") == set()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_changed_in_no_page(role: str, staff: Any) -> None:
    group, client = Group.objects.get(name=role), signed_in(staff)
    change = reverse("admin:auth_group_change", args=[group.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {"name": "x"}).status_code == 403
    assert client.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"}).status_code == 403
    press = {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}
    client.post(reverse("admin:auth_group_changelist"), press)
    assert Group.objects.filter(name=role).exists()


# Who has which --------------------------------------------------------------------------------------------------------


def test_a_superuser_gives_somebody_a_role(staff: Any, clerk: Any) -> None:
    client, operator = signed_in(staff), Group.objects.get(name="operator")
    client.post(page_of(clerk), form_of(clerk, groups=[operator.pk]))
    assert list(clerk.groups.all()) == [operator]
    entry = AuditEntry.objects.get(action="role.changed")
    assert (entry.actor_id, entry.target_id) == (staff.pk, str(clerk.pk))
    assert (entry.before, entry.after) == ({"roles": []}, {"roles": ["operator"]})
    client.post(page_of(clerk), form_of(clerk, groups=[operator.pk], first_name="Cleo"))
    assert AuditEntry.objects.filter(action="role.changed").count() == 1


@pytest.mark.parametrize("role", ROLES)
def test_no_role_gives_rights_to_anybody(role: str, clerk: Any, user: Any) -> None:
    clerk.groups.add(Group.objects.get(name=role))
    client, everything = signed_in(clerk), Group.objects.create(name="everything")
    for person in (user, clerk):
        posted = form_of(person, groups=[everything.pk], is_superuser="on", user_permissions=[1])
        client.post(page_of(person), posted)
        person.refresh_from_db()
        assert (person.is_superuser, person.groups.filter(pk=everything.pk).exists()) == (False, False)
    assert user.is_staff is False
    password = reverse("admin:auth_user_password_change", args=[user.pk])
    assert client.get(password).status_code == 403
    assert password not in client.get(page_of(user)).content.decode()


@pytest.mark.parametrize("lost", ["is_active", "is_staff"])
def test_tokens_of_somebody_who_loses_rights_in_the_console_are_gone_at_once(lost: str, staff: Any, clerk: Any) -> None:
    bearer(clerk)
    form = form_of(clerk)
    del form[lost]
    signed_in(staff).post(page_of(clerk), form)
    assert ApiToken.objects.count() == 0
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
        "token.created",
        "token.revoked",
        "role.changed",
    }


# Tokens of before -----------------------------------------------------------------------------------------------------


@pytest.fixture
def old_table() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE authtoken_token (key varchar(40) PRIMARY KEY, created timestamp, user_id bigint)")
        yield cursor


def test_tokens_of_before_go_on_working_and_their_text_is_gone(
    old_table: Any, staff: Any, clerk: Any, user: Any
) -> None:
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    keys = {owner.pk: f"{owner.pk:040x}" for owner in (staff, clerk, user)}
    for owner, key in keys.items():
        old_table.execute("INSERT INTO authtoken_token VALUES (%s, CURRENT_TIMESTAMP, %s)", [key, owner])
    kind = ContentType.objects.create(app_label="authtoken", model="token")
    Permission.objects.create(content_type=kind, codename="add_token", name="Can add Token")
    for _ in range(2):  # as after a crash
        MIGRATION.hash_old_tokens(apps, EDITOR)
    token = ApiToken.objects.get()
    assert (token.user, token.scopes) == (staff, list(access.table().scopes))
    assert token.digest == sha512(keys[staff.pk].encode()).hexdigest()
    assert "authtoken_token" not in connection.introspection.table_names()
    assert not Permission.objects.filter(content_type__app_label="authtoken").exists()
    answers = [
        Client().get("/api/me", headers={"Authorization": f"Token {keys[one.pk]}"}).status_code
        for one in (staff, clerk, user)
    ]
    assert answers == [200, 401, 401]


def test_without_a_table_of_before_nothing_happens() -> None:
    MIGRATION.hash_old_tokens(apps, EDITOR)
    assert ApiToken.objects.count() == 0
