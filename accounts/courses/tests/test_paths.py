"""Milestones and learning paths: points once for several courses, or for a share of one, whatever the order."""

import itertools
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from accounts.courses import completions, decisions, learning, paths, points, progress
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion, CourseProgress, PointsEntry, Requirement
from accounts.courses.progress import Report
from accounts.people.models import User
from accounts.people.person import of_user
from accounts.privacy import erase
from core.cause import Cause

pytestmark = pytest.mark.django_db
EVENT = Cause(text="kajabi form.submitted evt_1", event_id=7)
START = datetime(2026, 3, 2, tzinfo=UTC)
JANE = "jane@example.com"


@pytest.fixture
def learn(db: None) -> Activity:
    return Activity.objects.get_or_create(code="LEARN", defaults={"name": "Course completed", "points": 20})[0]


def path(
    *courses: str | tuple[str, int], code: str = "PATH", points: int = 100, needed: int | None = None, **columns: Any
) -> Activity:
    activity = Activity.objects.create(code=code, name="AI path", points=points, needed=needed, **columns)
    for course in courses:
        title, share = (course, 100) if isinstance(course, str) else course
        Requirement.objects.create(activity=activity, course=title, share=share)
    return activity


def complete(course: str, *, email: str = JANE, day: int = 2, source: str = "", code: str = "LEARN") -> Completion:
    told = ReportedCompletion(
        source=source or f"kajabi:{email}:{course}",
        channel="kajabi",
        email=email,
        course=course,
        completed_on=date(2026, 3, day),
    )
    return completions.receive(told, Activity.objects.get(code=code), cause=EVENT).completion


def reach(course: str, percent: int, *, email: str = JANE, day: int = 0) -> CourseProgress:
    report = Report(email=email, course=course, percent=percent, occurred_at=START + timedelta(days=day))
    return progress.store(report, cause=EVENT).progress


def lines(activity: Activity, user: User) -> list[int]:
    return list(
        PointsEntry.objects.filter(activity=activity, user=user).order_by("pk").values_list("points", flat=True)
    )


def award_of(activity: Activity) -> Completion:
    return Completion.objects.get(activity=activity, channel="path")


# Meeting a path -------------------------------------------------------------------------------------------------------


def test_path_gives_its_points_once_all_of_its_courses_are_completed(learn: Activity, user: User) -> None:
    activity = path("AI Foundations", "Prompting", "Ethics")
    complete("AI Foundations", day=2)
    complete("Ethics", day=9)
    assert lines(activity, user) == []
    last = complete(" prompting ", day=5)
    complete("Prompting", source="kajabi:again")
    assert lines(activity, user) == [100]
    assert points.balance(user) == 160
    kept = award_of(activity)
    assert (kept.source, kept.state, kept.user) == (f"path:{activity.pk}:{user.pk}", "awarded", user)
    assert (kept.rule, kept.completed_on) == ("3 of 3 required courses, 3 needed", date(2026, 3, 9))
    assert kept.answers["Prompting"] == f"completed on 2026-03-05 (completion {last.pk})"
    assert (kept.cause, kept.event_id, kept.entries.get().event_id) == (EVENT.text, 7, 7)


def test_one_course_under_two_spellings_counts_once(learn: Activity, user: User) -> None:
    activity = path("AI Foundations", "Prompting", needed=2)
    complete("AI Foundations")
    complete("AI  FOUNDATIONS", source="kajabi:2")
    reach("ai foundations", 100)
    assert lines(activity, user) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        Requirement.objects.create(activity=activity, course="ai  foundations")


def test_path_may_need_any_two_of_its_courses(learn: Activity, user: User) -> None:
    activity = path("A", "B", "C", needed=2)
    complete("C", day=1)
    assert lines(activity, user) == []
    complete("A", day=2)
    complete("B", day=3)
    assert lines(activity, user) == [100]
    assert set(award_of(activity).answers) == {"A", "C"}
    assert award_of(activity).completed_on == date(2026, 3, 2)


def test_milestone_is_reached_by_progress_and_stays_reached(user: User) -> None:
    activity = path(("AI Foundations", 50), code="HALF", points=10)
    reach("AI Foundations", 49)
    assert lines(activity, user) == []
    reach("AI Foundations", 50, day=1)
    reach("AI Foundations", 30, day=2)
    reach("AI Foundations", 80, day=3)
    assert lines(activity, user) == [10]
    assert award_of(activity).answers == {"AI Foundations": "50 % on 2026-03-03"}


def test_milestone_passed_by_a_completion_is_reached(learn: Activity, user: User) -> None:
    activity = path(("AI Foundations", 50))
    complete("AI Foundations")
    assert lines(activity, user) == [100]


def test_all_lessons_done_are_the_course_where_a_path_asks_for_it(learn: Activity, user: User) -> None:
    activity = path("AI Foundations", "Prompting")
    reach("AI Foundations", 99)
    complete("Prompting")
    assert lines(activity, user) == []
    reach("AI Foundations", 100, day=1)
    assert lines(activity, user) == [100]
    assert not Completion.objects.filter(course="AI Foundations").exists(), "progress is no completion"


def test_any_order_of_events_ends_in_the_same_points(learn: Activity) -> None:
    activity = path("A", "B", ("C", 50))
    events: list[Callable[[str], Any]] = [
        lambda email: complete("A", email=email),
        lambda email: complete("B", email=email),
        lambda email: reach("C", 60, email=email),
        lambda email: reach("C", 20, email=email, day=1),
    ]
    for number, order in enumerate(itertools.permutations(events)):
        member = User.objects.create(email=f"m{number}@example.com")
        for happen in (*order, *order):
            happen(member.email)
        assert lines(activity, member) == [100]
        assert set(Completion.objects.get(activity=activity, user=member).answers) == {"A", "B", "C"}


def test_courses_of_two_addresses_of_one_member_count_together(learn: Activity, user: User, staff: User) -> None:
    activity = path("A", ("B", 50))
    reach("B", 50, email="janet@work.example.com")
    completion = complete("A", email="janet@work.example.com")
    assert lines(activity, user) == []
    decisions.link(completion, user, remember=True, cause=Cause.by_staff(staff))
    assert progress.match_pending() == 1
    assert lines(activity, user) == [100]


def test_path_counts_no_path_and_nothing_that_completes_no_course(learn: Activity, user: User) -> None:
    first = path("A", code="FIRST")
    Activity.objects.create(code="QUIZ", name="Quiz", points=1, completes_course=False)
    second = path("A", first.name, "Quiz 1", code="SECOND", needed=2)
    complete("A")
    complete("Quiz 1", code="QUIZ")
    assert (lines(first, user), lines(second, user)) == ([100], [])


def test_pending_courses_meet_the_path_once_the_member_exists(learn: Activity) -> None:
    activity = path("A", ("B", 50))
    complete("A")
    reach("B", 70)
    member = User.objects.create(email=JANE)
    completions.match_pending()
    progress.match_pending()
    assert lines(activity, member) == [100]


def test_path_that_is_not_active_gives_nothing(learn: Activity, user: User) -> None:
    idle = path("A", code="IDLE", is_active=False)
    complete("A")
    paths.changed()
    assert (paths.sweep(), lines(idle, user)) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_erased_person_gets_no_more_points(learn: Activity, user: User) -> None:
    complete("A")
    erase.forget(of_user(user))
    activity = path("A")
    paths.changed()
    assert (paths.sweep(), lines(activity, user), list(paths.lacking(activity))) == (0, [], [])


def test_points_given_by_hand_for_a_course_count_it(learn: Activity, user: User, staff: User) -> None:
    activity = path("A")
    decisions.award_by_hand(user, learn, batch=uuid4(), course="A", cause=Cause.by_staff(staff))
    assert lines(activity, user) == [100]
    assert award_of(activity).staff is None, "nobody decided it by hand"


@pytest.mark.django_db(transaction=True)
def test_two_completions_at_once_give_the_path_once(learn: Activity, user: User, at_once: Any) -> None:
    activity = path("A", "B", ("C", 50))
    results = at_once([lambda: complete("A"), lambda: complete("B"), lambda: reach("C", 60), lambda: complete("A")])
    assert not [result for result in results if isinstance(result, Exception)]
    assert lines(activity, user) == [100]


# Reversals ------------------------------------------------------------------------------------------------------------


def test_reversed_course_takes_the_path_back_and_its_return_gives_it_again(
    learn: Activity, user: User, staff: User
) -> None:
    activity = path("A", "B")
    first, _second = complete("A"), complete("B")
    decisions.reverse(first, cause=Cause.by_staff(staff, "not hers"))
    assert lines(activity, user) == [100, -100]
    kept = award_of(activity)
    assert (kept.state, kept.staff) == ("reversed", None)
    assert kept.reason == f"not met without completion {first.pk} (A), which was reversed: not hers"
    assert kept.entries.get(reverses__isnull=False).cause == "staff: staff@example.com"
    decisions.award_again(first, cause=Cause.by_staff(staff, "hers after all"))
    assert lines(activity, user) == [100, -100, 100]
    assert kept.entries.latest("pk").follows == kept.entries.get(reverses__isnull=False)
    assert points.balance(user) == 140


def test_reversed_course_that_the_path_does_not_need_changes_nothing(learn: Activity, user: User, staff: User) -> None:
    activity = path("A", "B", "C", needed=2)
    first, second, third = complete("A"), complete("B"), complete("C")
    decisions.reverse(first, cause=Cause.by_staff(staff))
    assert lines(activity, user) == [100]
    assert set(award_of(activity).answers) == {"B", "C"}, "what it rests on now"
    decisions.reverse(third, cause=Cause.by_staff(staff))
    assert lines(activity, user) == [100, -100]
    assert second.state == "awarded"


def test_course_that_was_completed_twice_counts_by_the_completion_with_points(
    learn: Activity, user: User, staff: User
) -> None:
    activity = path("A")
    first, again = complete("A"), complete("A", source="kajabi:again")
    decisions.reverse(first, cause=Cause.by_staff(staff))
    assert lines(activity, user) == [100, -100]
    decisions.award_again(again, cause=Cause.by_staff(staff))
    assert lines(activity, user) == [100, -100, 100]


def test_completion_that_was_refused_counts_nothing(learn: Activity, user: User) -> None:
    activity = path("A")
    told = ReportedCompletion(
        source="kajabi:1", channel="kajabi", email=JANE, course="A", completed_on=date(2026, 3, 2), refusal="not passed"
    )
    assert completions.receive(told, learn, cause=EVENT).completion.state == "dismissed"
    paths.changed()
    assert (paths.sweep(), lines(activity, user)) == (0, [])
    assert learning.overview(user).courses == []


def test_path_reversed_by_staff_stays_reversed(learn: Activity, user: User, staff: User) -> None:
    activity = path("A", "B", needed=1)
    complete("A")
    decisions.reverse(award_of(activity), cause=Cause.by_staff(staff, "a mistake"))
    complete("B")
    paths.changed()
    assert (paths.sweep(), lines(activity, user)) == (0, [100, -100])


def test_path_awarded_again_by_staff_is_not_withdrawn_automatically(learn: Activity, user: User, staff: User) -> None:
    activity = path("A")
    completion = complete("A")
    decisions.reverse(award_of(activity), cause=Cause.by_staff(staff, "a mistake"))
    decisions.award_again(award_of(activity), cause=Cause.by_staff(staff, "no mistake"))
    decisions.reverse(completion, cause=Cause.by_staff(staff, "not hers"))
    assert lines(activity, user) == [100, -100, 100]


def test_points_of_a_path_are_nobody_elses(learn: Activity, user: User, newcomer: User, staff: User) -> None:
    activity = path("A")
    complete("A")
    decisions.reverse(award_of(activity), cause=Cause.by_staff(staff))
    assert decisions.link(award_of(activity), newcomer, remember=False, cause=Cause.by_staff(staff)) == 0
    assert points.balance(newcomer) == 0


def test_course_linked_to_another_member_moves_the_path_with_it(
    learn: Activity, user: User, newcomer: User, staff: User
) -> None:
    activity = path("A")
    completion = complete("A")
    decisions.reverse(completion, cause=Cause.by_staff(staff, "not hers"))
    decisions.link(completion, newcomer, remember=False, cause=Cause.by_staff(staff))
    assert (lines(activity, user), lines(activity, newcomer)) == ([100, -100], [100])


@pytest.mark.django_db(transaction=True)
def test_reversal_beside_a_completion_leaves_consistent_points(
    learn: Activity, user: User, staff: User, at_once: Any
) -> None:
    activity = path("A", "B")
    first = complete("A")
    results = at_once([lambda: complete("B"), lambda: decisions.reverse(first, cause=Cause.by_staff(staff))])
    assert not [result for result in results if isinstance(result, Exception)]
    assert sum(lines(activity, user)) == 0


# Changes by staff -----------------------------------------------------------------------------------------------------


def test_members_who_meet_a_new_path_get_its_points_by_the_clock(learn: Activity, user: User, newcomer: User) -> None:
    complete("A")
    reach("B", 60, email=newcomer.email)
    activity = path("A", ("B", 50), needed=1)
    assert list(paths.lacking(activity)) == [user, newcomer]
    assert paths.sweep() == 0, "not marked yet"
    paths.changed()
    assert paths.sweep() == 2
    assert (lines(activity, user), lines(activity, newcomer)) == ([100], [100])
    assert paths.sweep() == 0


def test_sweep_ends_a_minute_after_the_change(learn: Activity, user: User, travel: Any) -> None:
    activity = path("A")
    paths.changed()
    paths.sweep()
    activity.refresh_from_db()
    assert activity.sweep_since is not None, "whoever completed a course meanwhile may not be seen yet"
    travel(timedelta(minutes=2))
    paths.sweep()
    activity.refresh_from_db()
    assert activity.sweep_since is None


def test_sweep_takes_some_members_at_a_time(learn: Activity, travel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_SWEPT_AT_ONCE", 2)
    for number in range(5):
        User.objects.create(email=f"m{number}@example.com")
        complete("A", email=f"m{number}@example.com")
    activity = path("A")
    paths.changed()
    other = path("A", code="OTHER")
    paths.changed()
    travel(timedelta(minutes=2))
    assert [paths.sweep() for _ in range(6)] == [2, 2, 2, 2, 2, 0]
    assert PointsEntry.objects.filter(activity__in=[activity, other]).count() == 10


def test_path_that_asks_for_more_takes_nothing_from_those_who_have_it(learn: Activity, user: User, staff: User) -> None:
    activity = path("A")
    complete("A")
    Requirement.objects.create(activity=activity, course="B")
    paths.changed()
    paths.sweep()
    second = complete("B")
    decisions.reverse(second, cause=Cause.by_staff(staff))
    assert lines(activity, user) == [100], "it was given for A alone"


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_give_each_member_the_points_once(learn: Activity, user: User, at_once: Any) -> None:
    complete("A")
    activity = path("A")
    paths.changed()
    results = at_once([paths.sweep, paths.sweep, lambda: complete("A", source="kajabi:late")])
    assert not [result for result in results if isinstance(result, Exception)]
    assert lines(activity, user) == [100]


def test_whom_a_sweep_looks_for_are_those_who_meet_the_path(learn: Activity, staff: User) -> None:
    chance = random.Random(20260302)
    courses = ["A", "B", "C", "D"]
    members = [User.objects.create(email=f"m{number}@example.com") for number in range(15)]
    for member in members:
        for course in chance.sample(courses, chance.randrange(4)):
            done = complete(course, email=member.email)
            if chance.random() < 0.2:
                decisions.reverse(done, cause=Cause.by_staff(staff))
        for course in chance.sample(courses, chance.randrange(3)):
            reach(course, chance.choice([10, 50, 99, 100]), email=member.email)
    for number in range(8):
        chosen = [(course, chance.choice([20, 50, 100])) for course in chance.sample(courses, 1 + number % 4)]
        activity = path(*chosen, code=f"P{number}", needed=chance.choice([None, 1]))
        expected = [member for member in members if paths.standing(member, activity).is_met]
        assert list(paths.lacking(activity)) == expected
        paths.changed()
        assert paths.sweep() == len(expected)
        assert not paths.lacking(activity).exists()


def test_database_refuses_a_second_award_of_a_path(learn: Activity, user: User) -> None:
    activity = path("A")
    complete("A")
    with pytest.raises(IntegrityError), transaction.atomic():
        Completion.objects.create(
            activity=activity, source="another", user=user, state="awarded", completed_on=date(2026, 3, 2), cause="x"
        )
