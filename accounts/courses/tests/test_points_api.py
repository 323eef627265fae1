"""A member's points as JSON and on their dashboard, and completions that a script reports."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.courses import completions, points
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion, PointsEntry
from accounts.people.models import User
from accounts.staff.tests.callers import bearer
from core.cause import Cause
from core.moments import iso

pytestmark = pytest.mark.django_db
REPORT = "/api/completions/"
DONE = {"key": "row-17", "email": "jane@example.com", "course": "Foundations", "completed_on": "2024-09-02"}


def awarded(user: User, source: str = "kajabi:sub_1", course: str = "Foundations") -> Completion:
    told = ReportedCompletion(
        source=source, channel="kajabi", email=user.email, course=course, completed_on=date(2024, 9, 2)
    )
    return completions.receive(told, Activity.objects.get(), cause=Cause(text="test")).completion


def headers_of(person: User) -> dict[str, str]:
    return bearer(person)


@pytest.fixture
def script(staff: Any) -> Any:
    """Reports as a script with a token of staff would."""
    return lambda headers=None, **told: Client().post(
        REPORT, told, "application/json", headers=headers_of(staff) | (headers or {})
    )


def test_points_of_a_member_are_a_balance_and_its_lines(user: User, staff: User) -> None:
    awarded(user, "kajabi:sub_1")
    points.reverse(awarded(user, "kajabi:sub_2", "Next"), cause=Cause.by_staff(staff, "a mistake"))
    first, second, third = PointsEntry.objects.order_by("pk")
    moment = {entry.pk: iso(entry.created_at) for entry in (first, second, third)}
    for path in (f"/api/admin/users/{user.pk}/points/", f"/api/admin/users/{user.pk}/points"):
        answer = Client().get(path, headers=headers_of(staff))
        assert answer.status_code == 200
        assert answer.json() == {
            "balance": 20,
            "entries": [
                {"points": -20, "activity": "LEARN", "source": "kajabi:sub_2", "created_at": moment[third.pk]},
                {"points": 20, "activity": "LEARN", "source": "kajabi:sub_2", "created_at": moment[second.pk]},
                {"points": 20, "activity": "LEARN", "source": "kajabi:sub_1", "created_at": moment[first.pk]},
            ],
        }


def test_user_without_points_has_none(user: User, staff: User) -> None:
    answer = Client().get(f"/api/admin/users/{user.pk}/points/", headers=headers_of(staff))
    assert answer.json() == {"balance": 0, "entries": []}


def test_points_are_for_staff(user: User, staff: User) -> None:
    path = f"/api/admin/users/{user.pk}/points/"
    assert Client().get(path).status_code == 401
    assert Client().get(path, headers=headers_of(user)).status_code == 401  # the token of somebody who is no staff
    for unknown in (user.pk + staff.pk + 99, "x", "9" * 18):
        assert Client().get(f"/api/admin/users/{unknown}/points/", headers=headers_of(staff)).status_code == 404


def test_script_reports_a_completion_once(script: Any, user: User, staff: User) -> None:
    first, again = script(**DONE), script(**DONE)
    kept = Completion.objects.get()
    assert (first.status_code, first.json()) == (201, {"id": kept.pk, "state": "awarded", "duplicate": False})
    assert (again.status_code, again.json()) == (200, {"id": kept.pk, "state": "awarded", "duplicate": True})
    assert (kept.source, kept.channel, kept.completed_on) == ("api:row-17", "api", date(2024, 9, 2))
    assert (kept.cause, points.balance(user)) == (f"API: {staff.email}", 20)


def test_key_may_be_a_header(script: Any, user: User) -> None:
    told = {name: value for name, value in DONE.items() if name != "key"}
    for _time in range(2):
        assert script({"Idempotency-Key": "abc"}, **told).status_code in (200, 201)
    assert Completion.objects.get().source == "api:abc"
    assert points.balance(user) == 20


def test_key_of_another_persons_completion_is_refused(script: Any, user: User, newcomer: User) -> None:
    script(**DONE)
    answer = script(**DONE | {"email": newcomer.email})
    assert answer.status_code == 409
    assert (points.balance(user), points.balance(newcomer), Completion.objects.count()) == (20, 0, 1)


def test_unknown_address_needs_review(script: Any, user: User) -> None:
    answer = script(**DONE | {"email": "jane at example.com"})
    assert (answer.status_code, answer.json()["state"]) == (201, "received")
    assert points.balance(user) == 0


def test_without_a_date_it_was_today(script: Any, user: User) -> None:
    assert script(key="k", email=user.email, course="Foundations").status_code == 201
    assert Completion.objects.get().completed_on == timezone.now().date()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": "x" * 151}, "key"),
        ({"key": None}, "key"),
        ({"email": ""}, "email"),
        ({"course": " "}, "course"),
        ({"completed_on": "9/2/2024"}, "completed_on"),
        ({"certificate_url": "http://example.com/1"}, "certificate_url"),
        ({"certificate_url": "javascript:alert(1)"}, "certificate_url"),
        ({"activity": "NONE"}, "activity"),
        ({"name": "\x00"}, "name"),
        ({"email": {"a": 1}}, "email"),
    ],
    ids=str,
)
def test_invalid_value_is_refused_by_its_field(script: Any, user: User, change: dict[str, Any], field: str) -> None:
    answer = script(**DONE | change)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert (Completion.objects.count(), points.balance(user)) == (0, 0)


def test_activity_that_is_not_active_is_refused(script: Any) -> None:
    Activity.objects.update(is_active=False)
    for told in (DONE, DONE | {"activity": "LEARN"}):
        answer = script(**told)
        assert (answer.status_code, list(answer.json())) == (400, ["activity"])


def test_only_staff_who_may_add_completions_report_them(user: User) -> None:
    clerk = User.objects.create_user("clerk@example.com", is_staff=True)
    assert Client().post(REPORT, DONE, "application/json").status_code == 401
    for person, status in ((user, 401), (clerk, 403)):
        assert Client().post(REPORT, DONE, "application/json", headers=headers_of(person)).status_code == status
    assert Completion.objects.count() == 0
    clerk.user_permissions.add(Permission.objects.get(codename="add_completion"))
    assert Client().post(REPORT, DONE, "application/json", headers=headers_of(clerk)).status_code == 201


def test_session_needs_the_token_of_a_page(staff: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(staff)
    assert browser.post(REPORT, DONE, "application/json").status_code == 403
    assert Completion.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_key_that_is_sent_by_eight_at_once_gives_points_once(script: Any, user: Any, at_once: Any) -> None:
    Activity.objects.get_or_create(code="LEARN", defaults={"name": "Course completed", "points": 20})
    answers = at_once([lambda: script(**DONE).status_code] * 8)
    assert sorted(answers) == [200] * 7 + [201]
    assert points.balance(user) == 20


def test_dashboard_shows_the_members_own_statement(user: User, newcomer: User, staff: User) -> None:
    awarded(user, course="Foundations & more")
    points.reverse(awarded(user, "kajabi:2", "Second"), cause=Cause.by_staff(staff, "for staff's eyes"))
    awarded(newcomer, "kajabi:3", "Somebody else's course")
    browser = Client()
    browser.force_login(user)
    page = browser.get("/dashboard").content.decode()
    assert "<strong>20</strong> points" in page
    assert "Course completed: Foundations &amp; more" in page
    assert "taken back" in page
    assert "-20" in page
    assert "Somebody else" not in page
    assert "for staff" not in page


def test_dashboard_of_a_user_without_points_does_not_mention_them(user: User) -> None:
    browser = Client()
    browser.force_login(user)
    assert "Your points" not in browser.get("/dashboard").content.decode()
