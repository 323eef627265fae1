"""Places of the pages of operations in the console's navigation."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.people.models import User
from accounts.tests.admin_clients import signed_in

pytestmark = pytest.mark.django_db


def of_role(name: str) -> Client:
    user = User.objects.create_user(f"{name}@example.com", is_staff=True)
    user.groups.set(Group.objects.filter(name=name))
    return signed_in(user)


def pages(client: Client) -> list[str]:
    """Return where the links of the section go, on its first page."""
    found = client.get("/admin/connections/").context["navigation"]
    assert found.section == "connections"
    return [link.url for link in found.pages]


def test_section_of_connections_begins_with_their_page_and_leads_deeper(staff: Any) -> None:
    first, second, *_providers = pages(signed_in(staff))
    assert (first, second) == ("/admin/connections/", "/admin/integrations/circuit/")


@pytest.mark.parametrize(
    ("role", "deeper"), [("operator", 2), ("auditor", 2), ("support", 0)], ids=lambda value: str(value)
)
def test_each_role_reaches_the_page_and_what_it_may_open_beneath(role: str, deeper: int) -> None:
    assert len(pages(of_role(role))) == deeper, "a single page needs no links beside it"
