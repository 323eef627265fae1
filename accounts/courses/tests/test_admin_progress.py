"""The console's list of progress in courses."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.courses import progress
from accounts.courses.models import CourseProgress
from accounts.courses.progress import Report
from accounts.people.models import Contact, User
from accounts.tests.admin_clients import clerk, link_to, page_of, signed_in
from accounts.tests.presses import list_of, queries_of, rows_of
from core.cause import Cause

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 3, 2, 10, 31, tzinfo=UTC)


@pytest.fixture
def console(staff: User) -> Client:
    return signed_in(staff)


def stored(email: str = "jane@example.com", course: str = "AI Foundations", **more: Any) -> CourseProgress:
    report = Report(email=email, course=course, percent=45, occurred_at=DAY, **more)
    return progress.store(report, cause=Cause(text="kajabi course.progress evt_1")).progress


def test_progress_is_found_by_person_and_course(console: Client, user: User) -> None:
    janes, other = stored(course_id="course_77"), stored("zoe@example.com", "Prompting")
    assert rows_of(console, CourseProgress, q="JANE@") == [janes]
    assert rows_of(console, CourseProgress, q="prompt") == [other]
    assert rows_of(console, CourseProgress, q="course_77") == [janes]
    assert rows_of(console, CourseProgress, q="foundations") == []
    assert rows_of(console, CourseProgress) == [other, janes]


def test_row_shows_the_member_and_the_source_event(console: Client, user: User) -> None:
    page = console.get(page_of(stored())).content.decode()
    assert link_to(user) in page
    assert "45 %" in page
    assert "Kajabi course.progress evt_1" in page


def test_list_costs_the_same_for_many_rows(console: Client, user: User) -> None:
    stored()
    few = len(queries_of(console, list_of(CourseProgress)))
    for number in range(10):
        member = User.objects.create(email=f"m{number}@example.com")
        stored(member.email)
    assert len(queries_of(console, list_of(CourseProgress))) == few


def test_person_s_page_links_to_their_progress(console: Client, user: User) -> None:
    row = stored()
    contact = Contact.objects.create(user=user, email=user.email)
    for page in (page_of(user), page_of(contact)):
        link = f"{list_of(CourseProgress)}?user__exact={user.pk}"
        assert link in console.get(page).content.decode()
    assert rows_of(console, CourseProgress, user__exact=user.pk) == [row]


def test_nobody_writes_progress_by_hand(console: Client, user: User) -> None:
    row = stored()
    assert console.post(page_of(row), {"percent": 100}).status_code == 403
    assert console.get(f"{list_of(CourseProgress)}add/").status_code == 403
    assert clerk("view_user").get(list_of(CourseProgress)).status_code == 403
