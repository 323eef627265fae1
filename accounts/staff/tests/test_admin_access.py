"""Access to the console, by role."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import User
from accounts.tests.admin_clients import clerk, page_of, signed_in

PASSWORD = "violet kettle under the stairs"
LISTS = [
    "accounts_user",
    "accounts_plan",
    "accounts_subscription",
    "accounts_emailmessage",
    "accounts_linkrequest",
    "integrations_inboxevent",
    "auth_group",
    "otp_totp_totpdevice",
    "otp_static_staticdevice",
    "admin_logentry",
]
READ_BY_PERMISSION = LISTS[6:]


@pytest.fixture
def superuser(staff: Any) -> Client:
    return signed_in(staff)


@pytest.mark.parametrize("name", LISTS)
def test_nobody_is_led_to_the_sign_in_page(name: str, client: Client, db: None) -> None:
    url = reverse(f"admin:{name}_changelist")
    response = client.get(url)
    assert (response.status_code, response.url) == (302, f"/admin/login/?next={url}")


@pytest.mark.parametrize("name", LISTS)
def test_a_member_is_led_there_too(name: str, client: Client, user: Any) -> None:
    client.force_login(user)
    assert client.get(reverse(f"admin:{name}_changelist")).status_code == 302
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("name", LISTS)
def test_staff_without_a_permission_see_no_list(name: str, db: None) -> None:
    assert clerk().get(reverse(f"admin:{name}_changelist")).status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_a_superuser_sees_every_list(name: str, superuser: Client) -> None:
    assert superuser.get(reverse(f"admin:{name}_changelist")).status_code == 200


@pytest.mark.parametrize("name", READ_BY_PERMISSION)
def test_permissions_let_staff_look_at_what_decides_about_permissions_and_no_more(name: str, db: None) -> None:
    model = name.split("_")[-1]
    client = clerk(*(f"{what}_{model}" for what in ("view", "add", "change", "delete")))
    assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:{name}_add")).status_code == 403
    assert client.get(reverse(f"admin:{name}_delete", args=[1])).status_code == 403
    assert client.post(reverse(f"admin:{name}_change", args=[1])).status_code == 403


def test_staff_who_may_only_look_are_offered_nothing_to_press(db: None, newcomer: Any, plan: Plan) -> None:
    client = clerk("view_user", "view_subscription", "view_emailmessage", "view_plan")
    page = client.get(page_of(newcomer)).content.decode()
    assert 'name="first_name"' not in page
    assert "/act/" not in page
    assert client.post(reverse("admin:accounts_user_act", args=[newcomer.pk, "send-set-up-mail"])).status_code == 403
    assert "send-set-up-mail" not in client.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert EmailMessage.objects.count() == 0


def test_the_sign_in_form_takes_staff_and_tells_members_what_it_tells_strangers(user: Any, staff: Any) -> None:
    client = Client()
    wrong = client.post("/admin/login/", {"username": user.email, "password": "wrong"}).context["form"].errors
    member = client.post("/admin/login/", {"username": user.email, "password": PASSWORD}).context["form"].errors
    assert wrong == member != {}
    taken = client.post("/admin/login/", {"username": staff.email.upper(), "password": PASSWORD, "next": "/admin/"})
    assert (taken.status_code, taken.url) == (302, "/admin/")


def test_the_sign_in_form_stops_guessing(staff: Any) -> None:
    client = Client()
    for _ in range(10):
        client.post("/admin/login/", {"username": staff.email, "password": "wrong"})
    response = client.post("/admin/login/", {"username": staff.email, "password": PASSWORD})
    assert response.status_code == 200
    assert "Too many tries" in response.content.decode()


def test_no_page_needs_more_than_the_strict_policy_allows(superuser: Client, process: Any, relay: Any) -> None:
    process(relay())
    rows = [User.objects.get(email="jane@example.com"), Plan.objects.get(), Subscription.objects.get()]
    rows += [EmailMessage.objects.earliest("pk")]
    pages = [reverse(f"admin:{name}_changelist") for name in LISTS]
    pages += [reverse(f"admin:accounts_{row._meta.model_name}_change", args=[row.pk]) for row in rows]
    pages += [reverse(f"admin:accounts_{name}_add") for name in ("user", "plan", "subscription")]
    pages += ["/admin/", "/admin/password_change/", "/admin/second-factor/new/", "/admin/accounts/"]
    for url in pages:
        response = superuser.get(url)
        page = response.content.decode()
        assert response.status_code == 200, url
        policy = response["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert re.findall(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son[a-z]+=\"|javascript:", page) == [], url


def test_the_start_page_says_what_waits_to_those_who_may_see_it(db: None, superuser: Client) -> None:
    rows = [
        EmailMessage(kind="welcome", key=str(n), to="a@example.com", language="en", status="bounced")
        for n in range(120)
    ]
    EmailMessage.objects.bulk_create(rows)
    page = superuser.get("/admin/").content.decode()
    assert "<strong>100+</strong>" in page
    assert "/admin/accounts/emailmessage/?unresolved=bounced" in page
    assert "100+" not in clerk("view_user").get("/admin/").content.decode()


@pytest.mark.parametrize("number", [1, 30])
def test_pages_of_rights_name_their_permissions_by_one_statement(
    number: int, superuser: Client, user: Any, django_assert_max_num_queries: Any
) -> None:
    group = Group.objects.create(name="many")
    for rows in (group.permissions, user.user_permissions):
        rows.set(Permission.objects.order_by("pk")[:number])
    ContentType.objects.get_for_models(Group, User)  # else the first page that needs one asks
    for address in ("admin:auth_group_change", "admin:accounts_user_change"):
        with django_assert_max_num_queries(12):
            page = superuser.get(reverse(address, args=[group.pk if "group" in address else user.pk]))
        assert page.status_code == 200
    role = Group.objects.exclude(pk=group.pk).order_by("-pk")[0]  # shown, and changed by nobody
    with django_assert_max_num_queries(8):
        assert superuser.get(reverse("admin:auth_group_change", args=[role.pk])).status_code == 200
