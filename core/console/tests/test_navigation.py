"""Navigation by task: every page of the console in one section, for whoever may open it."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from accounts.memberships.models import Plan
from accounts.people.models import User
from config.navigation import joined
from core.console import navigation, tools

pytestmark = pytest.mark.django_db
SECTIONS = ["Home", "People", "Events", "Sync", "Courses", "Companies", "Connections", "Reports", "Settings"]


def signed_in(client: Client, role: str) -> Client:
    staff = User.objects.create_user(f"{role or 'nobody'}@example.com", is_staff=True)
    staff.groups.set(Group.objects.filter(name=role))
    client.force_login(staff)
    return client


def shown(client: Client, path: str) -> navigation.Navigation:
    found: navigation.Navigation = client.get(path).context["navigation"]
    return found


def current(links: Any) -> list[tuple[str, str]]:
    return [(str(link.label), link.current) for link in links if link.current]


def test_every_list_and_tool_stands_in_exactly_one_section() -> None:
    lists = {model._meta.label_lower for model in admin.site._registry}
    every = lists | {tool.name for tool in tools.registered()} | {"index"}
    pages = list(navigation.every_page())
    assert sorted(pages) == sorted(every)


def test_provider_joins_a_section_by_its_folder() -> None:
    class Folder:
        PAGES = {"connections": ("hooks_acme",)}

    pages = {section.key: section.pages for section in joined([Folder])}
    assert pages["connections"][-1] == "hooks_acme"


def test_provider_that_names_an_unknown_section_is_refused() -> None:
    class Folder:
        PAGES = {"nowhere": ("hooks_acme",)}

    with pytest.raises(KeyError, match="nowhere"):
        joined([Folder])


def test_superuser_sees_every_section_on_every_kind_of_page(staff: Any, client: Client) -> None:
    client.force_login(staff)
    paths = {
        "/admin/": ("Home", "page", [("Home", "page")]),
        "/admin/accounts/contact/": ("People", "page", [("Contacts", "page")]),
        "/admin/accounts/contactmapping/": ("People", "true", [("Contacts at providers", "page")]),
        f"/admin/accounts/user/{staff.pk}/change/": ("People", "true", [("Users", "true")]),
        "/admin/metrics/": ("Reports", "page", [("Metrics", "page")]),
        "/admin/password_change/": ("Settings", "true", []),
    }
    for path, (section, is_page, pages) in paths.items():
        found = shown(client, path)
        assert [str(link.label) for link in found.sections] == SECTIONS
        assert current(found.sections) == [(section, is_page)], path
        assert current(found.pages) == pages, path


@pytest.mark.parametrize("role", ["", "operator", "support", "auditor"])
def test_navigation_holds_what_the_role_may_open(client: Client, role: str) -> None:
    signed_in(client, role)
    found = shown(client, "/admin/")
    for section in found.sections:
        opened = client.get(section.url)
        assert opened.status_code == 200
        for page in opened.context["navigation"].pages:
            assert client.get(page.url).status_code == 200, page.url
    labels = [str(link.label) for link in found.sections]
    assert labels == (SECTIONS if role else ["Home", "Settings"])


def test_page_names_its_place_once_in_the_bar_and_once_in_the_menu(staff: Any, client: Client) -> None:
    client.force_login(staff)
    html = client.get("/admin/accounts/company/").content.decode()
    bar = html[html.index('<nav class="tasks"') : html.index("</nav>", html.index('<nav class="tasks"'))]
    places = re.findall(r'<a href="([^"]+)" aria-current="(\w+)"', bar)
    assert places == [("/admin/accounts/company/", "page")] * 4
    assert "<summary>Menu: Companies</summary>" in bar


def test_stranger_and_somebody_without_second_factor_see_no_navigation(
    client: Client, staff: Any, settings: Any
) -> None:
    assert 'class="tasks"' not in client.get("/admin/login/").content.decode()
    settings.ADMIN_2FA = "required"
    client.force_login(staff)
    assert 'class="tasks"' not in client.get("/admin/second-factor/new/").content.decode()


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("accounts/plan/", "Settings"),
        ("accounts/plan/{plan}/change/", "Settings"),
        ("accounts/plan/{plan}/history/", "Settings"),
        ("auth/group/{group}/delete/", "Settings"),
        ("accounts/user/{user}/password/", "Settings"),
        ("accounts/completion/import/", "Courses"),
        ("staff/", "Settings"),
        ("reading-lists/", "Sync"),
    ],
)
def test_breadcrumbs_lead_by_the_task_not_by_the_app(path: str, section: str, staff: Any, user: Any) -> None:
    rows = {
        "plan": Plan.objects.create(code="gold", name="Gold"),
        "group": Group.objects.create(name="new"),
        "user": user,
    }
    client = Client()
    client.force_login(staff)
    page = client.get(f"/admin/{path.format(**{name: row.pk for name, row in rows.items()})}").content.decode()
    assert _first_crumbs(page) == ["Home", section]


def test_breadcrumbs_of_a_task_s_own_page_name_it_once(staff: Any) -> None:
    client = Client()
    client.force_login(staff)
    page = client.get("/admin/connections/").content.decode()
    assert _first_crumbs(page) == ["Home"]


def test_breadcrumbs_of_a_deletion_of_several_lead_by_the_task(staff: Any) -> None:
    client = Client()
    client.force_login(staff)
    chosen = {"action": "delete_selected", "_selected_action": [Group.objects.create(name="new").pk]}
    page = client.post("/admin/auth/group/", chosen).content.decode()
    assert "Delete multiple objects" in page
    assert _first_crumbs(page) == ["Home", "Settings"]


def _first_crumbs(page: str) -> list[str]:
    (crumbs,) = re.findall(r'<div class="breadcrumbs">(.*?)</div>', page, re.DOTALL)
    assert not re.search(r'"/admin/(accounts|auth)/"', crumbs)
    return [label for _url, label in re.findall(r'<a href="([^"]+)">([^<]+)</a>', crumbs)][:2]
