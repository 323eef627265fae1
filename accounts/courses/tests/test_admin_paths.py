"""The console's page of an activity: the courses that it requires, and what staff are told when they save."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.courses import completions, paths
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion, Requirement
from accounts.people.models import User
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import page_of, signed_in
from accounts.tests.presses import act_url, list_of, press, queries_of
from core.cause import Cause

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(staff: User) -> Client:
    return signed_in(staff)


def complete(course: str, email: str = "jane@example.com") -> Completion:
    told = ReportedCompletion(
        source=f"x:{email}:{course}", channel="x", email=email, course=course, completed_on=date(2026, 3, 2)
    )
    return completions.receive(told, Activity.objects.get(code="LEARN"), cause=Cause(text="x")).completion


def save(
    console: Client, *courses: tuple[str, Any], row: Activity | None = None, expect: int = 302, **columns: Any
) -> list[str]:
    """Saves an activity with these required courses in place of all before; the messages, or the errors."""
    before = list(row.requirements.all()) if row else []
    answers = {"code": "PATH", "name": "AI path", "points": 100, "forms": "", "needed": "", "is_active": "on"}
    answers |= {"requirements-TOTAL_FORMS": len(before) + len(courses), "requirements-INITIAL_FORMS": len(before)}
    for number, requirement in enumerate(before):
        place = f"requirements-{number}-"
        answers |= {f"{place}id": requirement.pk, f"{place}activity": requirement.activity_id, f"{place}DELETE": "on"}
        answers |= {f"{place}course": requirement.course, f"{place}share": requirement.share}
    for number, (course, share) in enumerate(courses, start=len(before)):
        answers |= {f"requirements-{number}-course": course, f"requirements-{number}-share": share}
    answers |= {name: value for name, value in columns.items() if value is not None}
    response = console.post(page_of(row) if row else f"{list_of(Activity)}add/", answers)
    assert response.status_code == expect, response.content.decode()
    if expect != 302:
        context = response.context
        formset = context["inline_admin_formsets"][0].formset
        return [str(formset.non_form_errors()), *(str(errors) for errors in formset.errors)]
    return [str(message) for message in console.get(list_of(Activity)).context["messages"]]


def test_saved_path_says_how_many_members_meet_it_and_gives_them_the_points(console: Client, user: User) -> None:
    complete("AI Foundations")
    complete("Prompting")
    said = save(console, ("AI  Foundations", 100), ("prompting", 50))
    assert "1 member meets the requirements and gets the points within some minutes." in said
    activity = Activity.objects.get(code="PATH")
    assert list(activity.requirements.values_list("course", "course_key", "share")) == [
        ("AI Foundations", "ai foundations", 100),
        ("prompting", "prompting", 50),
    ]
    assert paths.sweep() == 1
    page = console.get(page_of(activity)).content.decode()
    assert "1 member has the points." in page
    assert "0 members meet the requirements" in page
    assert f"?activity__id__exact={activity.pk}&amp;state__exact=awarded" in page


def test_path_that_is_not_active_says_who_would_get_the_points(console: Client, user: User) -> None:
    complete("AI Foundations")
    said = save(console, ("AI Foundations", 100), is_active="")
    assert "1 member meets the requirements and would get the points if this were active." in said
    assert paths.sweep() == 0
    save(console, ("AI Foundations", 100), row=Activity.objects.get(code="PATH"))
    assert paths.sweep() == 1


def test_title_that_nobody_has_is_pointed_out(console: Client, user: User) -> None:
    complete("AI Foundations")
    said = save(console, ("AI Foundations", 100), ("Promting", 100))
    warnings = [message for message in said if "Check how the title is spelled" in message]
    assert warnings == ["Nobody has begun or completed “Promting” so far. Check how the title is spelled."]


@pytest.mark.parametrize(
    ("courses", "needed", "error"),
    [
        ([("A", 100), (" a ", 50)], None, "This course is listed twice."),
        ([("A", 100)], 2, "More courses are needed (2) than are listed (1)."),
        ([], 1, "More courses are needed (1) than are listed (0)."),
        ([("A", 0)], None, "greater than or equal to 1"),
        ([("A", 101)], None, "less than or equal to 100"),
        ([("A" * 256, 100)], None, "at most 255 characters"),
    ],
)
def test_path_that_makes_no_sense_is_refused(
    console: Client, courses: list[tuple[str, int]], needed: int | None, error: str
) -> None:
    errors = save(console, *courses, needed=needed, expect=200)
    assert any(error in one for one in errors), errors
    assert not Activity.objects.filter(code="PATH").exists()


def test_changes_by_staff_are_in_the_audit_log(console: Client) -> None:
    save(console, ("AI Foundations", 100), ("Prompting", 50), needed=1)
    entry = AuditEntry.objects.get(action="activity.added")
    assert [row["after"]["course"] for row in entry.facts["rows"]] == ["AI Foundations", "Prompting"]
    save(console, ("Ethics", 100), row=Activity.objects.get(code="PATH"))
    entry = AuditEntry.objects.get(action="activity.changed")
    assert [row["verb"] for row in entry.facts["rows"]] == ["added", "deleted", "deleted"]
    assert [str(one) for one in Requirement.objects.all()] == ["Ethics"]


def test_list_names_the_courses_at_a_constant_cost(console: Client) -> None:
    activity = Activity.objects.create(code="PATH", name="AI path", points=1)
    Requirement.objects.create(activity=activity, course="AI Foundations", share=50)
    few = len(queries_of(console, list_of(Activity)))
    assert "AI Foundations (50 %)" in console.get(list_of(Activity)).content.decode()
    for number in range(5):
        other = Activity.objects.create(code=f"P{number}", name="x", points=1)
        Requirement.objects.create(activity=other, course="A")
    assert len(queries_of(console, list_of(Activity))) == few


def test_taking_points_of_a_course_back_takes_those_of_the_path_too(console: Client, user: User) -> None:
    activity = Activity.objects.create(code="PATH", name="AI path", points=100)
    Requirement.objects.create(activity=activity, course="A")
    completion = complete("A")
    press(console, completion, "reverse", reason="not hers")
    assert Completion.objects.get(activity=activity).state == "reversed"
    page = console.get(page_of(Completion.objects.get(activity=activity))).content.decode()
    assert act_url(Completion.objects.get(activity=activity), "link") not in page


def test_only_superusers_change_activities(staff: User) -> None:
    activity = Activity.objects.create(code="PATH", name="AI path", points=1)
    Requirement.objects.create(activity=activity, course="AI Foundations")
    for role in ("operator", "support", "auditor"):
        person = User.objects.create_user(f"{role}@example.com", is_staff=True)
        person.groups.set([Group.objects.get(name=role)])
        client = signed_in(person)
        assert "AI Foundations" in client.get(page_of(activity)).content.decode()
        assert client.post(page_of(activity), {}).status_code == 403
