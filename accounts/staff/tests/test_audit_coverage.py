"""Entries of the audit log, by every way that people take."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.courses.admin.completion_files import CompletionResource
from accounts.courses.models import Completion
from accounts.courses.tests.tables import csv_of
from accounts.memberships import staff_actions
from accounts.memberships.models import Plan, PlanOffer
from accounts.people.models import Contact, PossibleDuplicate, User
from accounts.signin import password_links
from accounts.staff.models import ApiToken, AuditEntry
from accounts.tests.admin_clients import page_of
from accounts.tests.presses import press
from core.cause import Cause

pytestmark = pytest.mark.django_db
PASSWORD = "violet kettle under the stairs"
NEW_PASSWORD = "orange teapot beside the window"


def entry(action: str) -> AuditEntry:
    found: AuditEntry = AuditEntry.objects.get(action=action)
    return found


@pytest.fixture
def console(staff: Any) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.force_login(staff)
    return client


@pytest.mark.parametrize("url", ["/sign-in", "/admin/login/"])
def test_sign_in_is_recorded_with_its_failures(staff: Any, url: str) -> None:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.post(url, {"username": staff.email, "password": "wrong words altogether"})
    client.post(url, {"username": "Nobody@Example.com", "password": "wrong words altogether"})
    client.post(url, {"username": staff.email, "password": PASSWORD})
    known, unknown = AuditEntry.objects.filter(action="sign_in.failed").order_by("pk")
    assert (known.outcome, known.about_user, known.actor_id, known.client_address) == (
        "failed", staff.pk, None, "192.0.2.7",
    )  # fmt: skip
    assert (unknown.target_label, unknown.about_user) == ("n•••@example.com", None)
    assert (entry("sign_in.succeeded").actor, entry("sign_in.succeeded").client_address) == (staff, "192.0.2.7")
    client.post("/sign-out")
    assert entry("sign_out.done").actor == staff
    assert not any("wrong words" in str(row.__dict__) for row in AuditEntry.objects.all())


def test_member_at_the_console_door_is_recorded_as_failed(user: Any) -> None:
    Client().post("/admin/login/", {"username": user.email, "password": PASSWORD})
    assert (entry("sign_in.failed").about_user, entry("sign_in.failed").facts) == (user.pk, {"reason": "no staff"})


def test_second_factor_is_recorded(staff: Any, console: Client) -> None:
    page = console.get("/admin/second-factor/new/")
    assert page.status_code == 200
    console.post("/admin/second-factor/new/", {"password": PASSWORD, "code": "abcdef"})
    assert entry("second_factor.failed").facts == {"reason": "enrolment"}
    key = bytes.fromhex(console.session["second_factor_new_key"])
    console.post("/admin/second-factor/new/", {"password": PASSWORD, "code": f"{totp(key):06}"})
    device = TOTPDevice.objects.get()
    assert (entry("second_factor.enrolled").target_id, entry("second_factor.enrolled").actor) == (str(device.pk), staff)
    other = Client()
    other.force_login(staff)
    other.post("/admin/second-factor/", {"code": "abcdef"})
    assert AuditEntry.objects.filter(action="second_factor.failed", outcome="failed", about_user=staff.pk).count() == 2
    console.post(reverse("admin:otp_totp_totpdevice_delete", args=[device.pk]), {"post": "yes"})
    removed = entry("second_factor.removed")
    assert (removed.about_user, removed.before["name"]) == (staff.pk, "a•••")
    assert device.key not in str(list(AuditEntry.objects.values()))


def test_password_by_a_link_is_recorded_with_the_request_for_it(
    user: Any, drain: Any, mailoutbox: Any, link_in: Any
) -> None:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.post("/forgot-password", {"email": user.email})
    assert (entry("link.requested").target_label, entry("link.requested").client_address) == (
        "j•••@example.com", "192.0.2.7",
    )  # fmt: skip
    drain()
    link = link_in(mailoutbox[-1])
    form = {"token": link.token, "email": link.email, "password": NEW_PASSWORD}
    client.post("/nssa/setup-password", form)
    assert (entry("password.reset").actor, entry("password.reset").client_address) == (user, "192.0.2.7")
    Client().post("/nssa/setup-password", form)
    assert entry("password.set").outcome == "failed"
    assert link.token not in str(list(AuditEntry.objects.values()))


def test_first_password_by_the_api_is_recorded(db: None, drain: Any, mailoutbox: Any, link_in: Any) -> None:
    newcomer = User.objects.create_user("new@example.com")
    password_links.send_new_link(newcomer)
    drain()
    link = link_in(mailoutbox[-1])
    body = {"token": link.token, "email": link.email, "password": NEW_PASSWORD}
    url = reverse("api_setup_password")
    assert Client().post(url, body, content_type="application/json").status_code == 200
    assert entry("password.set").about_user == newcomer.pk
    Client().post(url, body, content_type="application/json")
    assert AuditEntry.objects.filter(action="password.set", outcome="failed").count() == 1


def test_own_new_password_of_staff_is_recorded(console: Client, staff: Any) -> None:
    form = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    assert console.post(reverse("admin:password_change"), form).status_code == 302
    assert entry("password.changed").actor == staff


def test_act_is_recorded_with_the_values_before_and_after(console: Client, staff: Any, user: Any, plan: Plan) -> None:
    until = timezone.now() + timedelta(days=100)
    subscription = staff_actions.grant(user, plan, until=until, cause=Cause(text="test")).subscription
    press(console, subscription, "expire", reason="fraud")
    made = entry("subscription.expire")
    assert (made.actor, made.client_address, made.about_user) == (staff, "192.0.2.7", user.pk)
    assert (made.before["status"], made.after["status"]) == ("active", "expired")
    assert made.facts == {"answers": {"reason": "fraud"}}


def test_act_that_changes_nothing_is_not_recorded(console: Client, user: Any, plan: Plan) -> None:
    until = timezone.now() + timedelta(days=100)
    subscription = staff_actions.grant(user, plan, until=until, cause=Cause(text="test")).subscription
    press(console, subscription, "expire", reason="fraud")
    press(console, subscription, "expire", reason="fraud")
    assert entry("subscription.expire")


def test_form_is_recorded_with_values_and_rights(console: Client, user: Any) -> None:
    permission = Permission.objects.get(codename="view_user")
    form = {
        "email": user.email, "first_name": "Other", "last_name": user.last_name, "language": "", "is_active": "on",
        "is_staff": "on", "user_permissions": [permission.pk], "subscriptions-TOTAL_FORMS": 0,
        "subscriptions-INITIAL_FORMS": 0, "points-TOTAL_FORMS": 0, "points-INITIAL_FORMS": 0,
    }  # fmt: skip
    response = console.post(page_of(user), form)
    assert response.status_code == 302, response.context["errors"]
    made = entry("user.changed")
    assert made.before == {"first_name": "J•••", "is_staff": False, "user_permissions": []}
    assert made.after == {"first_name": "O•••", "is_staff": True, "user_permissions": ["view_user"]}


def test_rows_beneath_are_recorded_with_their_values(console: Client, plan: Plan) -> None:
    offer = PlanOffer.objects.create(plan=plan, provider="kajabi", external_id="old-offer")
    names = [field.name for field in Plan._meta.concrete_fields if field.editable and field.name != "id"]
    form = {name: getattr(plan, name) for name in names} | {
        "offers-TOTAL_FORMS": 2, "offers-INITIAL_FORMS": 1, "offers-0-id": offer.pk, "offers-0-plan": plan.pk,
        "offers-0-provider": "kajabi", "offers-0-external_id": "new-offer", "offers-1-plan": plan.pk,
        "offers-1-provider": "kajabi", "offers-1-external_id": "second-offer",
    }  # fmt: skip
    assert console.post(page_of(plan), form).status_code == 302
    added, changed = entry("plan.changed").facts["rows"]
    assert (added["verb"], added["after"]["external_id"]) == ("added", "second-offer")
    assert changed == {
        "verb": "changed", "row": f"accounts.planoffer:{offer.pk}", "before": {"external_id": "old-offer"},
        "after": {"external_id": "new-offer"},
    }  # fmt: skip


def test_new_password_for_somebody_else_is_recorded_without_it(console: Client, user: Any) -> None:
    form = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"}
    assert console.post(reverse("admin:auth_user_password_change", args=[user.pk]), form).status_code == 302
    assert (entry("user.changed").before, entry("user.changed").after) == ({"password": "•••"}, {"password": "•••"})


def test_row_that_is_added_and_deleted_is_recorded_with_its_values(console: Client) -> None:
    console.post(reverse("admin:auth_group_add"), {"name": "Desk", "permissions": []})
    added = entry("group.added")
    assert added.after["name"] == "Desk"
    console.post(reverse("admin:auth_group_delete", args=[added.target_id]), {"post": "yes"})
    assert entry("group.deleted").before["name"] == "Desk"


def test_import_and_export_are_recorded(console: Client) -> None:
    file = csv_of([["ann@example.com", "Course", "2026-01-02"]])
    url = reverse("admin:accounts_completion_import")
    preview = console.post(url, {"import_file": SimpleUploadedFile("file.csv", file), "format": "0", "resource": ""})
    confirm = preview.context["confirm_form"].initial
    console.post(reverse("admin:accounts_completion_process_import"), confirm)
    assert Completion.objects.count() == 1
    assert entry("data.imported").facts == {"rows": {"new": 1}}
    console.post(reverse("admin:accounts_completion_export"), {"format": "0", "resource": ""} | _all_columns())
    assert (entry("data.exported").facts["rows"], entry("data.exported").facts["kind"]) == (1, "csv")


def _all_columns() -> dict[str, str]:
    return {f"completionresource_{name}": "on" for name in CompletionResource._meta.fields}


def test_refused_change_leaves_no_entry(console: Client, user: Any) -> None:
    assert console.post(page_of(user), {"email": "no address"}).status_code == 200
    assert not AuditEntry.objects.filter(action="user.changed").exists()


def test_merge_of_contacts_is_recorded(console: Client) -> None:
    one, other = Contact.objects.create(first_name="Ann"), Contact.objects.create(first_name="Anne")
    question = PossibleDuplicate.objects.create(contact=one, other=other, reason="test")
    press(console, question, "merge", reason="same person")
    made = entry("possibleduplicate.merge")
    assert (made.about_contact, made.before["status"], made.after["status"]) == (one.pk, "open", "merged")


def test_replay_of_an_event_is_recorded_without_its_body(console: Client, process: Any, relay: Any, plan: Plan) -> None:
    event = process(relay())
    page = f"/admin/integrations/inboxevent/replay/?ids={event.pk}"
    form = console.get(page).context["start"]
    console.post(page, {name: form[name].value() for name in form.fields})
    made = entry("replay.apply")
    assert made.facts["filter"] == {"ids": str(event.pk)}
    assert "Rivera" not in str(made.__dict__)


def test_tokens_are_recorded_and_never_shown(console: Client, staff: Any) -> None:
    form = {"user": staff.pk, "name": "a script", "scopes": ["read"], "last_day": str(timezone.now().date())}
    text = console.post(reverse("admin:accounts_apitoken_add"), form).context["text"]
    assert entry("token.created").about_user == staff.pk
    token = ApiToken.objects.get()
    console.post(reverse("admin:accounts_apitoken_act", args=[token.pk, "revoke"]), {"answered": "1"})
    assert entry("token.revoked").about_user == staff.pk
    kept = str(list(AuditEntry.objects.values()))
    assert not [secret for secret in (text, text[15:], token.digest, token.owner_seal) if secret in kept]
