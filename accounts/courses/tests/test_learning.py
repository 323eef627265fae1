"""Courses and learning paths of a member, on the dashboard and as JSON."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.courses import completions, progress
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion, Requirement
from accounts.courses.progress import Report
from accounts.people.models import User
from accounts.tests.admin_clients import signed_in
from accounts.tests.presses import queries_of
from core.cause import Cause

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 2, tzinfo=UTC)
EVENT = Cause(text="kajabi form.submitted evt_1")


def complete(course: str, *, email: str = "jane@example.com", day: int = 2, code: str = "LEARN") -> Completion:
    told = ReportedCompletion(
        source=f"x:{email}:{course}:{day}", channel="x", email=email, course=course, completed_on=date(2026, 3, day)
    )
    return completions.receive(told, Activity.objects.get(code=code), cause=EVENT).completion


def reach(course: str, percent: int, *, email: str = "jane@example.com", day: int = 0) -> None:
    at = START + timedelta(days=day)
    progress.store(Report(email=email, course=course, percent=percent, occurred_at=at), cause=EVENT)


def path(*courses: tuple[str, int], code: str = "PATH", needed: int | None = None, **columns: Any) -> Activity:
    values = {"name": "AI path", "points": 100, "needed": needed} | columns
    activity = Activity.objects.create(code=code, **values)
    for course, share in courses:
        Requirement.objects.create(activity=activity, course=course, share=share)
    return activity


def text_of(browser: Client) -> str:
    """The words of the dashboard, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", browser.get("/dashboard").content.decode()).split())


def test_dashboard_of_a_newcomer_says_that_there_is_no_course_yet(user: User) -> None:
    path(("AI Foundations", 100))
    text = text_of(signed_in(user))
    assert "You have not begun a course yet." in text
    assert "Your learning paths" not in text, "none of its courses was begun"


def test_dashboard_shows_courses_with_their_progress(user: User) -> None:
    reach("Prompting", 45)
    reach("Ethics", 80, day=1)
    complete("AI Foundations", day=2)
    browser = signed_in(user)
    page, text = browser.get("/dashboard").content.decode(), text_of(browser)
    assert '<progress class="bar" max="100" value="45" aria-labelledby="course-2">45 %</progress>' in page
    assert "Ethics 80 % 80 % Prompting 45 % 45 % AI Foundations Completed on 2 March 2026" in text
    assert "style=" not in page


def test_dashboard_shows_paths_with_their_missing_courses(user: User) -> None:
    path(("AI Foundations", 100), ("Prompting", 50), ("Ethics", 100))
    complete("AI Foundations")
    reach("Prompting", 45)
    text = text_of(signed_in(user))
    assert "AI path 100 points to earn 1 of 3 courses 1/3" in text
    assert "AI Foundations (completed) 50 % of Prompting (45 %) Ethics (not begun)" in text


def test_completed_path_shows_its_points(user: User) -> None:
    path(("A", 100), ("B", 100), ("C", 100), needed=2)
    complete("A")
    complete("B")
    text = text_of(signed_in(user))
    assert "AI path 100 points received 2 of 2 courses any 2 of these 3" in text
    assert "+100" in text, "it stands in the statement too"


def test_milestone_shows_how_far_its_course_is(user: User) -> None:
    path(("A", 50), points=10)
    reach("A", 62)
    assert "AI path 10 points received 50 % of A (62 %)" in text_of(signed_in(user))


def test_courses_of_others_and_idle_paths_are_not_shown(user: User, newcomer: User) -> None:
    path(("A", 100), is_active=False)
    reach("A", 10)
    reach("Prompting", 10, email=newcomer.email)
    complete("Ethics", email=newcomer.email)
    text = text_of(signed_in(user))
    assert "A 10 %" in text
    assert not any(word in text for word in ("Prompting", "Ethics", "AI path"))


def test_title_is_escaped(user: User) -> None:
    reach("<script>alert(1)</script>", 10)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in signed_in(user).get("/dashboard").content.decode()


def test_dashboard_costs_the_same_for_many_courses_and_paths(user: User) -> None:
    path(("A", 100), ("B", 50))
    complete("A")
    reach("B", 10)
    browser = signed_in(user)
    few = len(queries_of(browser, "/dashboard"))
    for number in range(12):
        path((f"C{number}", 100), ("A", 100), ("B", 20), code=f"P{number}")
        complete(f"C{number}")
        reach(f"D{number}", 20)
    assert len(queries_of(browser, "/dashboard")) == few


def test_course_is_listed_once_whatever_its_channels(user: User) -> None:
    Activity.objects.create(code="QUIZ", name="Quiz", points=1, completes_course=False)
    reach("ai  foundations", 100)
    complete("AI Foundations", day=5)
    complete("AI Foundations ", day=3)
    complete("Quiz 1", code="QUIZ")
    assert signed_in(user).get("/api/me/courses").json() == {
        "courses": [{"title": "AI Foundations", "percent": 100, "completed_on": "2026-03-05", "as_of": None}],
        "paths": [],
    }


def test_member_reads_their_courses_and_paths_as_json(user: User) -> None:
    path(("AI Foundations", 100), ("Prompting", 50), needed=2)
    reach("ai foundations", 30)
    reach("Prompting", 60)
    answer = signed_in(user).get("/api/me/courses").json()
    assert [(course["title"], course["percent"]) for course in answer["courses"]] == [
        ("ai foundations", 30),
        ("Prompting", 60),
    ]
    assert answer["paths"] == [
        {
            "name": "AI path",
            "points": 100,
            "met": 1,
            "needed": 2,
            "is_awarded": False,
            "courses": [
                {"title": "ai foundations", "share": 100, "percent": 30, "is_met": False},
                {"title": "Prompting", "share": 50, "percent": 60, "is_met": True},
            ],
        }
    ]
    assert Client().get("/api/me/courses").status_code == 401
