"""Groups in the console: what they may do, in words and in the reader's language."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts.tests.admin_clients import signed_in

pytestmark = pytest.mark.django_db
OWN = "Dar puntos a mano"


@pytest.fixture
def console(staff: Any) -> Client:
    client = signed_in(staff)
    client.cookies["django_language"] = "es"
    return client


def page(console: Client, name: str) -> str:
    return console.get(f"/admin/auth/group/{Group.objects.get(name=name).pk}/change/").content.decode()


def test_role_lists_what_it_may_do_in_the_readers_language(console: Client) -> None:
    shown = page(console, "operator")
    assert "<br>Planes: cambiar<br>" in shown
    assert OWN in shown
    assert "Can " not in shown


def test_permissions_of_a_group_are_boxes_with_a_label_each(console: Client) -> None:
    group = Group.objects.create(name="points")
    chosen = Permission.objects.get(codename="award_points")
    group.permissions.add(chosen)
    shown = page(console, "points")
    boxes = re.findall(
        r'<label for="(id_permissions_\d+)">\s*<input type="checkbox" [^>]*id="\1"[^>]*>\s*([^<]+)', shown
    )
    assert len(boxes) == Permission.objects.count()
    assert [label.strip() for number, label in boxes if "Can " in label] == []
    assert [box for box in re.findall(r"<input [^>]*checked[^>]*>", shown) if f'value="{chosen.pk}"' in box]
    answer = console.post(f"/admin/auth/group/{group.pk}/change/", {"name": "points", "permissions": []})
    assert answer.status_code == 302
    assert not group.permissions.exists()
