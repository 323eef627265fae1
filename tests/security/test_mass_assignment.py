"""Mass assignment: endpoints and forms accept listed fields only."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.courses.models import Completion, PointsEntry
from accounts.people.models import User
from accounts.signin import password_links
from accounts.tests.admin_clients import clerk, signed_in

pytestmark = pytest.mark.django_db

ROOT = Path(django_settings.BASE_DIR)
PASSWORD = "violet kettle under the stairs"
TOO_MUCH = {
    "id": 999,
    "pk": 999,
    "is_staff": True,
    "is_superuser": True,
    "is_active": False,
    "groups": [1],
    "user_permissions": [1],
    "auth_provider": "kajabi",
    "link_version": 77,
    "date_joined": "2001-01-01",
}


def rights_of(person: User) -> tuple[Any, ...]:
    person.refresh_from_db()
    names = ("is_staff", "is_superuser", "is_active", "auth_provider", "date_joined")
    return (*(getattr(person, name) for name in names), person.groups.count(), person.user_permissions.count())


def test_no_form_or_serializer_accepts_every_column() -> None:
    found = []
    for path in [*(ROOT / "accounts").rglob("*.py"), *(ROOT / "integrations").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name, value = node.targets[0].id, node.value
                if name == "fields" and isinstance(value, ast.Constant) and value.value == "__all__":
                    found.append(str(path))
    assert found == []


def test_password_form_sets_nothing_else(user: User) -> None:
    before = rights_of(user)
    token = password_links._tokens.make_token(user)
    known = {"email": user.email, "token": token, "password": "seven quiet lanterns in fog"}
    answer = Client().post("/api/kajabi/setup-password/", {**TOO_MUCH, **known}, content_type="application/json")
    assert answer.status_code == 200
    assert rights_of(user) == before
    page = {"current_password": "seven quiet lanterns in fog", "new_password": PASSWORD}
    assert signed_in(user).post("/account/password", {**TOO_MUCH, **page}).status_code == 302
    assert rights_of(user) == before


def test_reported_completion_sets_no_decision(staff: Any, user: User) -> None:
    asked = {"key": "one", "email": "unknown@example.com", "course": "Foundations"}
    decided = {"state": "awarded", "user": user.pk, "user_id": user.pk, "points": 5000, "staff": staff.pk, "rule": "x"}
    answer = signed_in(staff).post("/api/completions", {**decided, **asked}, content_type="application/json")
    assert answer.status_code == 201
    stored = Completion.objects.get()
    assert (stored.state, stored.user, stored.staff) == ("received", None, None)
    assert not PointsEntry.objects.exists()


def test_member_form_changes_only_its_own_columns(user: User) -> None:
    before = rights_of(user)
    browser = clerk("view_user", "change_user")
    form = {"email": user.email, "first_name": "New", "last_name": "Name", "language": "", "is_active": "on"}
    for formset in ("identities", "subscriptions", "points"):
        form |= {f"{formset}-TOTAL_FORMS": "0", f"{formset}-INITIAL_FORMS": "0"}
    too_much = {name: str(value) for name, value in TOO_MUCH.items() if name != "is_active"}
    answer = browser.post(reverse("admin:accounts_user_change", args=[user.pk]), {**too_much, **form})
    assert answer.status_code == 302, answer.context["errors"]
    assert rights_of(user) == before
    assert user.first_name == "New"
    assert user.check_password(PASSWORD)


def test_no_console_list_is_editable_in_place() -> None:
    assert [page for page in admin.site._registry.values() if page.list_editable] == []
