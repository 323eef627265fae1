"""The queue of completions in the console: candidates, linking, members made, dismissals, reversals, awards by hand."""

from datetime import date
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail as mailbox
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from accounts.courses import completions, points
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion, PointsEntry
from accounts.mail.models import EmailMessage
from accounts.people import lookup
from accounts.people.models import User
from accounts.tests.admin_clients import clerk, page_of, signed_in
from core.cause import Cause
from tests.harness.statements import counts_a_table

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/completion/"
GOOD = "amber ladder behind the mill"


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def tell() -> Any:
    def receive(source: str, email: str, course: str = "Foundations", **more: Any) -> Completion:
        told = ReportedCompletion(
            source=source, email=email, course=course, channel="kajabi", completed_on=date(2024, 9, 2), **more
        )  # fmt: skip
        cause = Cause(text="kajabi form.submitted evt_1", event_id=7)
        return completions.receive(told, Activity.objects.get(), cause=cause).completion

    return receive


def press(client: Client, row: Any, act: str, **answers: Any) -> Any:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_act"
    return client.post(reverse(name, args=[row.pk, act]), answers | {"answered": "1"}, follow=True)


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_start_page_says_how_many_wait_and_leads_to_them(console: Client, tell: Any, user: User) -> None:
    tell("kajabi:1", "unknown@example.com")
    tell("kajabi:2", user.email)
    page = console.get("/admin/").content.decode()
    assert "Completions that need your decision" in page
    assert f"{LIST}?state__exact=received" in page
    rows = console.get(LIST, {"state__exact": "received"}).context["cl"].result_list
    assert [row.source for row in rows] == ["kajabi:1"]


def test_waiting_completion_shows_candidates_with_their_reasons(console: Client, tell: Any, user: User) -> None:
    User.objects.create_user("jane.r@gmail.com", first_name="Jane", last_name="Rivera")
    answers = {"course_name": "Foundations", "comment": "<script>alert(1)</script>"}
    completion = tell("kajabi:1", "janer@gmail.com", name="Janet Original", answers=answers)
    page = console.get(page_of(completion)).content.decode()
    link = reverse("admin:accounts_completion_act", args=[completion.pk, "link"])
    assert f'<a href="{link}?member=jane.r%40gmail.com">link to jane.r@gmail.com</a>' in page
    assert "Jane Rivera (the same to Gmail, which ignores dots)" in page
    assert "Janet Original (the same name)" in page
    assert "<script>alert" not in page
    question = console.get(link, {"member": "jane.r@gmail.com"}).content.decode()
    assert 'value="jane.r@gmail.com"' in question
    assert points.balance(user) == 0, "looking gives nothing"


def test_linking_gives_the_points_and_says_who_did_it(console: Client, tell: Any, user: User, staff: User) -> None:
    first, second = tell("kajabi:1", "j@work.example.com"), tell("kajabi:2", "j@work.example.com", "Next")
    answer = press(console, first, "link", member=" JANE@Example.com", remember="on", course="")
    assert said(answer) == ["1 completion was linked."]
    assert points.balance(user) == 40
    second.refresh_from_db()
    assert (second.state, second.staff) == ("awarded", staff)
    assert LogEntry.objects.get(content_type__model="completion").change_message == "link"
    assert tell("kajabi:3", "j@work.example.com", "Third").state == "awarded"
    page = console.get(page_of(user)).content.decode()
    assert "kajabi:1" in page
    assert ">60<" in page.replace("\n", "").replace(" ", "")


@pytest.mark.parametrize("member", ["nobody@example.com", "no address", ""])
def test_linking_to_nobody_asks_again_and_gives_nothing(console: Client, tell: Any, user: User, member: str) -> None:
    completion = tell("kajabi:1", "j@work.example.com")
    answer = press(console, completion, "link", member=member)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["member"])
    completion.refresh_from_db()
    assert (completion.state, PointsEntry.objects.count()) == ("received", 0)


def test_member_is_created_from_a_completion(console: Client, tell: Any) -> None:
    completion = tell("kajabi:1", "new@example.com", name="Nova Star")
    assert said(press(console, completion, "create-member")) == [
        "1 member was created. A mail with the link to choose a password is on its way."
    ]
    member = User.objects.get(email="new@example.com", first_name="Nova")
    assert points.balance(member) == 20
    queued = EmailMessage.objects.get()
    assert (queued.kind, queued.user, queued.to) == ("account_created", member, "new@example.com")
    page = console.get("/admin/accounts/emailmessage/", {"q": member.email}).content.decode()
    assert "account created, with the set-up link" in page


def test_mail_of_a_member_made_from_a_completion_leads_to_their_points(
    console: Client, tell: Any, drain: Any, link_in: Any
) -> None:
    press(console, tell("kajabi:1", "new@example.com", name="Nova Star"), "create-member")
    drain()
    (mail,) = mailbox.outbox
    assert (mail.to, mail.subject) == (["new@example.com"], "Your account is ready: choose your password")
    assert "You completed “Foundations”." in mail.body
    visitor, link = Client(), link_in(mail)
    assert visitor.get(link.url, follow=True).status_code == 200
    set_up = {"email": link.email, "token": link.token, "password": GOOD}
    assert visitor.post("/api/kajabi/setup-password/", set_up, content_type="application/json").status_code == 200
    assert "Foundations" in visitor.get("/dashboard").content.decode()


def test_somebody_who_became_a_member_meanwhile_gets_no_mail(console: Client, tell: Any, monkeypatch: Any) -> None:
    completion = tell("kajabi:1", "new@example.com")
    monkeypatch.setattr(lookup, "is_a_members_address", lambda: Q(pk=None))  # as the page was shown
    member = User.objects.create_user("new@example.com")
    assert said(press(console, completion, "create-member")) == [
        "new@example.com is a member already: the completion was linked, and no mail was sent."
    ]
    assert (points.balance(member), EmailMessage.objects.count()) == (20, 0)


def test_staff_who_may_not_add_users_create_no_member(tell: Any) -> None:
    completion = tell("kajabi:1", "new@example.com")
    client = clerk("view_completion", "link_completion")
    assert press(client, completion, "create-member").status_code == 403
    assert User.objects.filter(email="new@example.com").count() == 0


def test_completion_is_dismissed_with_a_reason(console: Client, tell: Any) -> None:
    completion = tell("kajabi:1", "new@example.com")
    assert press(console, completion, "dismiss", reason=" ").status_code == 422
    assert said(press(console, completion, "dismiss", reason="a test")) == ["1 completion was dismissed."]
    completion.refresh_from_db()
    assert (completion.state, completion.reason) == ("dismissed", "a test")


def test_points_are_taken_back_with_a_reason_and_given_again(console: Client, tell: Any, user: User) -> None:
    completion = tell("kajabi:1", user.email)
    assert said(press(console, completion, "reverse", reason="a mistake")) == ["1 award was reversed."]
    assert points.balance(user) == 0
    assert said(press(console, completion, "award", reason="none after all")) == ["1 completion has its points."]
    assert points.balance(user) == 20
    assert list(PointsEntry.objects.order_by("pk").values_list("points", "reason")) == [
        (20, ""),
        (-20, "a mistake"),
        (20, "none after all"),
    ]


def test_points_are_given_to_selected_members_and_taken_back_together(
    console: Client, user: User, newcomer: User
) -> None:
    chosen = {"action": "award-points", "_selected_action": [user.pk, newcomer.pk], "index": 0}
    question = console.post(reverse("admin:accounts_user_changelist"), chosen)
    batch = question.context["form"]["batch"].value()
    answers = {"answered": "1", "activity": Activity.objects.get().pk, "reason": "spring event", "batch": str(batch)}
    for _sent_twice in range(2):
        console.post(reverse("admin:accounts_user_changelist"), chosen | answers)
    assert (points.balance(user), points.balance(newcomer)) == (20, 20)
    one = Completion.objects.filter(user=user).get()
    assert said(press(console, one, "undo-bulk-award", reason="wrong list"))[-1] == "1 award by hand was undone."
    assert (points.balance(user), points.balance(newcomer)) == (0, 0)
    assert PointsEntry.objects.count() == 4


def test_staff_with_view_permission_only_cannot_act(tell: Any, user: User) -> None:
    completion = tell("kajabi:1", "j@work.example.com")
    client = clerk("view_completion", "view_pointsentry")
    assert client.get(page_of(completion)).status_code == 200
    assert press(client, completion, "link", member=user.email).status_code == 403
    assert PointsEntry.objects.count() == 0


@pytest.mark.parametrize("model", [Completion, PointsEntry])
def test_completions_and_the_ledger_cannot_be_written(console: Client, tell: Any, user: User, model: Any) -> None:
    tell("kajabi:1", user.email)
    row = model.objects.get()
    name = f"admin:accounts_{model._meta.model_name}"
    assert console.get(reverse(f"{name}_add")).status_code == 403
    assert console.post(page_of(row), {"points": 2000, "state": "reversed"}).status_code == 403
    assert console.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert points.balance(user) == 20


def test_changed_activity_leaves_the_ledger_alone(console: Client, tell: Any, user: User) -> None:
    tell("kajabi:1", user.email)
    learn = Activity.objects.get()
    fields = {"name": "Learning", "points": 50, "forms": "form_9", "once_per_course": "on", "is_active": "on"}
    fields |= {"requirements-TOTAL_FORMS": 0, "requirements-INITIAL_FORMS": 0}
    console.post(page_of(learn), fields)
    learn.refresh_from_db()
    assert (learn.points, learn.code, learn.forms) == (50, "LEARN", "form_9")
    assert points.balance(user) == 20
    tell("kajabi:2", user.email, "Next")
    assert points.balance(user) == 70


@pytest.mark.parametrize("points_given", ["0", "-1", ""])
def test_activity_gives_points(console: Client, points_given: str) -> None:
    answer = console.post(reverse("admin:accounts_activity_add"), {"code": "X", "name": "X", "points": points_given})
    assert (answer.status_code, list(answer.context["adminform"].form.errors)) == (200, ["points"])
    assert Activity.objects.count() == 1


def test_list_is_found_by_address_and_source_and_never_counts(console: Client, tell: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for number in range(60):
        tell(f"kajabi:{number}", f"u{number}@example.com")
    with CaptureQueriesContext(connection) as queries:
        assert console.get(LIST).status_code == 200
    assert [query["sql"] for query in queries if counts_a_table(query["sql"])] == []
    for search in ("U7@", "kajabi:7"):
        assert [row.source for row in console.get(LIST, {"q": search}).context["cl"].result_list] == ["kajabi:7"]
