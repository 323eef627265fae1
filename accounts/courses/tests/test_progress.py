"""Progress in courses: any order, number and overlap of reports ends in the same rows."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.courses import progress
from accounts.courses.models import CourseProgress
from accounts.courses.progress import Report
from accounts.people.models import Contact, ContactEmail, User
from core.cause import Cause

EVENT = Cause(text="kajabi course.progress evt_1", event_id=7)
START = datetime(2026, 3, 2, tzinfo=UTC)


def report(percent: int, day: float, *, course: str = "AI Foundations", email: str = "jane@example.com") -> Report:
    return Report(email=email, course=course, percent=percent, occurred_at=START + timedelta(days=day))


def state() -> list[tuple[Any, ...]]:
    columns = ("email", "course", "percent", "occurred_at", "highest", "highest_at")
    return list(CourseProgress.objects.order_by("course_key").values_list(*columns))


@pytest.mark.django_db
def test_reports_in_any_order_end_in_the_same_row(user: User) -> None:
    reports = [report(80, 2), report(40, 1), report(60, 3), report(80, 4), report(70, 4, course="ai  foundations")]
    ends = set()
    for order in itertools.islice(itertools.permutations(reports), 0, None, 3):
        CourseProgress.objects.all().delete()
        for one in (*order, order[0]):
            progress.store(one, cause=EVENT)
        ends.add(tuple(state()))
    last, first = START + timedelta(days=4), START + timedelta(days=2)
    assert ends == {(("jane@example.com", "AI Foundations", 80, last, 80, first),)}


@pytest.mark.django_db(transaction=True)
def test_reports_at_the_same_time_end_in_one_row(user: User, at_once: Any) -> None:
    reports = [report(percent, day) for day, percent in enumerate((10, 50, 30, 40))]
    results = at_once([lambda one=one: progress.store(one, cause=EVENT) for one in reports * 2])
    assert not [result for result in results if isinstance(result, Exception)]
    last, reached = START + timedelta(days=3), START + timedelta(days=1)
    assert state() == [("jane@example.com", "AI Foundations", 40, last, 50, reached)]


@pytest.mark.django_db
def test_older_event_never_lowers_the_progress(user: User) -> None:
    progress.store(report(80, 2), cause=EVENT)
    stored = progress.store(report(20, 1), cause=EVENT)
    assert (stored.changed, stored.progress.percent) == (False, 80)


@pytest.mark.django_db
def test_stranger_who_became_a_member_is_matched_by_the_next_report(newcomer: User) -> None:
    User.objects.filter(pk=newcomer.pk).update(email="later@example.com")
    assert progress.store(report(10, 1), cause=EVENT).progress.user is None
    User.objects.filter(pk=newcomer.pk).update(email="jane@example.com")
    assert progress.store(report(5, 0), cause=EVENT).progress.user == newcomer


@pytest.mark.django_db
def test_address_that_became_another_members_begins_anew(user: User, newcomer: User) -> None:
    progress.store(report(90, 3), cause=EVENT)
    User.objects.filter(pk=user.pk).update(email="janet@example.com")
    assert progress.store(report(95, 4), cause=EVENT).progress.user == user, "it is nobody's meanwhile"
    User.objects.filter(pk=newcomer.pk).update(email="jane@example.com")
    row = progress.store(report(10, 2), cause=EVENT).progress
    assert (row.user, row.percent, row.highest) == (newcomer, 10, 10)


@pytest.mark.django_db
def test_clock_matches_by_address_and_alias_alone(user: User) -> None:
    for email in ("janet@work.example.com", "jane+x@example.com", "nobody@example.com"):
        progress.store(report(10, 1, email=email), cause=EVENT)
    contact = Contact.objects.create(user=user, email=user.email)
    ContactEmail.objects.create(contact=contact, email="janet@work.example.com")
    assert progress.match_pending() == 1
    matched = CourseProgress.objects.filter(user=user).values_list("email", flat=True)
    assert list(matched) == ["janet@work.example.com"]


@pytest.mark.django_db
@pytest.mark.parametrize("columns", [{"percent": 101, "highest": 101}, {"percent": 50, "highest": 40}, {"email": ""}])
def test_database_refuses_impossible_progress(columns: dict[str, Any]) -> None:
    row = {"email": "jane@example.com", "course": "AI", "course_key": "ai", "percent": 1, "highest": 1, "cause": "x"}
    with pytest.raises(IntegrityError), transaction.atomic():
        CourseProgress.objects.create(**{**row, "occurred_at": START, "highest_at": START, **columns})
