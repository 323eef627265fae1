"""People in the console: found, added, changed, and by whom."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import Contact, User
from accounts.people.tests.people import known_as
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import clerk, page_of, signed_in

PASSWORD = "violet kettle under the stairs"


@pytest.fixture
def superuser(staff: Any) -> Client:
    return signed_in(staff)


def test_staff_cannot_give_anybody_rights(db: None, newcomer: Any) -> None:
    client = clerk("view_user", "change_user")
    client.post(
        page_of(newcomer),
        {
            "email": newcomer.email,
            "first_name": "Changed",
            "is_active": "on",
            "is_staff": "on",
            "is_superuser": "on",
            "user_permissions": [str(Permission.objects.values_list("pk", flat=True)[0])],
            "subscriptions-TOTAL_FORMS": 0,
            "subscriptions-INITIAL_FORMS": 0,
            "points-TOTAL_FORMS": 0,
            "points-INITIAL_FORMS": 0,
        },
    )
    newcomer.refresh_from_db()
    assert (newcomer.first_name, newcomer.is_staff, newcomer.is_superuser) == ("Changed", False, False)
    assert newcomer.user_permissions.count() == 0


@pytest.mark.parametrize("is_superuser", [True, False])
def test_staff_cannot_change_staff(db: None, is_superuser: bool) -> None:
    client = clerk("view_user", "change_user")
    boss = User.objects.create_user("boss@example.com", PASSWORD, is_staff=True, is_superuser=is_superuser)
    password = reverse("admin:auth_user_password_change", args=[boss.pk])
    new = {"password1": "another violet kettle", "password2": "another violet kettle", "usable_password": "true"}
    assert client.post(page_of(boss), {"email": "mine@example.com"}).status_code == 403
    assert client.get(password).status_code == 403
    assert client.post(password, new).status_code == 403
    assert client.post(reverse("admin:accounts_user_act", args=[boss.pk, "send-set-up-mail"])).status_code == 403
    boss.refresh_from_db()
    assert (boss.email, boss.check_password(PASSWORD)) == ("boss@example.com", True)
    assert EmailMessage.objects.count() == 0


def test_list_action_leaves_staff_alone_too(db: None) -> None:
    client = clerk("view_user", "change_user", "send_link")
    boss = User.objects.create_superuser("boss@example.com", PASSWORD)
    press = {"action": "send-set-up-mail", "_selected_action": [boss.pk], "index": 0}
    page = client.post(reverse("admin:accounts_user_changelist"), press, follow=True).content.decode()
    assert "1 row was left as it is" in page
    assert EmailMessage.objects.count() == 0


def test_superuser_makes_a_user_staff(superuser: Client, newcomer: Any) -> None:
    superuser.post(
        page_of(newcomer),
        {
            "email": "New@Example.COM ",
            "is_active": "on",
            "is_staff": "on",
            "language": "es",
            "subscriptions-TOTAL_FORMS": 0,
            "subscriptions-INITIAL_FORMS": 0,
            "points-TOTAL_FORMS": 0,
            "points-INITIAL_FORMS": 0,
        },
    )
    newcomer.refresh_from_db()
    assert (newcomer.email, newcomer.is_staff, newcomer.language) == ("new@example.com", True, "es")
    assert LogEntry.objects.get().object_id == str(newcomer.pk)


def test_nobody_deletes_a_member(superuser: Client, user: Any, plan: Plan) -> None:
    assert superuser.post(reverse("admin:accounts_user_delete", args=[user.pk]), {"post": "yes"}).status_code == 403
    assert superuser.post(reverse("admin:accounts_plan_delete", args=[plan.pk]), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in superuser.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert User.objects.filter(pk=user.pk).exists()


def test_new_user_is_added_without_a_password(superuser: Client) -> None:
    superuser.post(
        reverse("admin:accounts_user_add"), {"email": " Ana@Example.com", "first_name": "Ana", "password": ""}
    )
    ana = User.objects.get(email="ana@example.com")
    assert (ana.first_name, ana.can_sign_in, ana.is_staff, ana.auth_provider) == ("Ana", False, False, "local")


def test_superuser_adds_a_colleague_with_a_role_who_chooses_the_password(superuser: Client) -> None:
    superuser.post(reverse("admin:accounts_user_add"), {"email": "ana@example.com", "role": "auditor", "password": ""})
    ana = User.objects.get(email="ana@example.com")
    assert (ana.is_staff, ana.is_superuser, ana.can_sign_in) == (True, False, False)
    assert [group.name for group in ana.groups.all()] == ["auditor"]
    assert not Contact.objects.filter(email=ana.email).exists(), "no member"
    (mail,) = EmailMessage.objects.all()
    assert (mail.kind, mail.to) == ("password_setup", "ana@example.com")
    assert AuditEntry.objects.get(action="role.changed").after["roles"] == ["auditor"]


def test_only_superusers_choose_a_role(db: None) -> None:
    client = clerk("view_user", "add_user", "change_user")
    assert 'name="role"' not in client.get(reverse("admin:accounts_user_add")).content.decode()
    client.post(reverse("admin:accounts_user_add"), {"email": "ana@example.com", "role": "operator", "password": ""})
    ana = User.objects.get(email="ana@example.com")
    assert (ana.is_staff, ana.groups.count()) == (False, 0)


def test_bad_password_is_refused_for_a_new_user(superuser: Client) -> None:
    response = superuser.post(
        reverse("admin:accounts_user_add"), {"email": "ana@example.com", "password": "password1234"}
    )
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == ["password"]
    assert not User.objects.filter(email="ana@example.com").exists()


def test_address_that_looks_like_another_is_refused(superuser: Client, user: Any) -> None:
    response = superuser.post(reverse("admin:accounts_user_add"), {"email": "JANE@example.com."})
    errors = response.context["adminform"].form.errors
    assert errors["email"] == ["There is already a user with this e-mail."]
    assert User.objects.filter(email__contains="jane").count() == 1


def test_password_set_by_a_superuser_notifies_its_owner(superuser: Client, user: Any) -> None:
    new = {"password1": "another violet kettle", "password2": "another violet kettle", "usable_password": "true"}
    superuser.post(reverse("admin:auth_user_password_change", args=[user.pk]), new | {"set-password": "1"})
    user.refresh_from_db()
    assert user.check_password("another violet kettle")
    assert EmailMessage.objects.get().kind == "password_changed"


def test_own_password_is_changed_with_the_old_one_and_notified(superuser: Client, staff: Any) -> None:
    new = {"new_password1": "another violet kettle", "new_password2": "another violet kettle"}
    superuser.post("/admin/password_change/", {"old_password": "wrong", **new})
    assert EmailMessage.objects.count() == 0
    response = superuser.post("/admin/password_change/", {"old_password": PASSWORD, **new})
    assert (response.status_code, response.url) == (302, "/admin/password_change/done/")
    assert EmailMessage.objects.get().to == staff.email
    assert superuser.get("/admin/").status_code == 200


@pytest.mark.parametrize("search", ["JANE@exam", "Janet", "orig", "jan Original"])
def test_people_are_found_by_the_beginning_of_address_and_name(search: str, superuser: Client, user: Any) -> None:
    response = superuser.get(reverse("admin:accounts_user_changelist"), {"q": search})
    assert list(response.context["cl"].result_list) == [user]


def test_identity_is_removed_to_solve_a_conflict(db: None, newcomer: Any) -> None:
    client = clerk("view_user", "view_contact", "view_contactmapping", "delete_contactmapping")
    identity = known_as(newcomer, "relay", "mem_1")
    url = reverse("admin:accounts_contactmapping_act", args=[identity.pk, "remove-id"])
    person = reverse("admin:accounts_contact_person", args=[newcomer.contact.pk])
    assert url.rsplit("act", 1)[0] in client.get(person).content.decode()
    client.post(url, {"answered": "1", "reason": "another customer"})
    assert newcomer.contact.mappings.count() == 0
    assert LogEntry.objects.get().change_message == "remove-id: another customer"
    assert "mem_1" in LogEntry.objects.get().object_repr


def test_page_of_a_person_leads_to_their_events_mails_and_subscriptions(
    superuser: Client, process: Any, relay: Any
) -> None:
    process(relay())
    jane = User.objects.get(email="jane@example.com")
    page = superuser.get(page_of(jane)).content.decode()
    assert "/admin/integrations/inboxevent/?q=jane%40example.com" in page
    assert "/admin/accounts/emailmessage/?q=jane%40example.com" in page
    assert reverse("admin:accounts_subscription_change", args=[Subscription.objects.get().pk]) in page
    assert "/admin/accounts/contact/?q=jane%40example.com" in page
    assert jane.password not in page
