"""The ledger: one award for a completion, reversals as new lines, nothing ever changed."""

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.courses import completions, decisions, points
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion, PointsEntry
from accounts.courses.models.points import NeverChanged
from accounts.people.models import User
from core.cause import Cause

EVENT = Cause(text="kajabi form.submitted evt_1", event_id=7)


@pytest.fixture
def learn(db: None) -> Activity:
    return Activity.objects.get_or_create(
        code="LEARN", defaults={"name": "Course completed", "points": 20, "forms": "*course completion*\nmail"}
    )[0]


def told(
    source: str = "kajabi:sub_1", email: str = "jane@example.com", course: str = "Foundations", **more: Any
) -> ReportedCompletion:
    columns: dict[str, Any] = {"channel": "kajabi", "completed_on": date(2024, 9, 2)} | more
    return ReportedCompletion(source=source, email=email, course=course, **columns)


def ledger(user: User) -> list[tuple[int, str]]:
    return list(PointsEntry.objects.filter(user=user).order_by("pk").values_list("points", "source"))


@pytest.fixture
def awarded(learn: Activity, user: User) -> Completion:
    return completions.receive(told(), learn, cause=EVENT).completion


def test_completion_of_a_member_gives_its_points_once(learn: Activity, user: User) -> None:
    first = completions.receive(told(email=" JANE@Example.com "), learn, cause=EVENT)
    second = completions.receive(told(), learn, cause=EVENT)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.completion.pk == second.completion.pk
    assert (second.completion.state, second.completion.rule) == ("awarded", "the member's address")
    assert ledger(user) == [(20, "kajabi:sub_1")]
    entry = PointsEntry.objects.get()
    assert (entry.activity, entry.cause, entry.event_id, entry.staff) == (learn, EVENT.text, 7, None)
    assert points.balance(user) == 20


def test_course_gives_its_points_once_however_often_it_is_completed(learn: Activity, user: User) -> None:
    completions.receive(told("kajabi:1", course="AI  Foundations"), learn, cause=EVENT)
    again = completions.receive(told("kajabi:2", course="ai foundations "), learn, cause=EVENT).completion
    other = completions.receive(told("kajabi:3", course="Prompting"), learn, cause=EVENT).completion
    assert (again.state, again.user) == ("matched", user)
    assert again.reason == "the points for this course were given: kajabi:1"
    assert other.state == "awarded"
    assert points.balance(user) == 40


def test_activity_may_give_points_each_time(learn: Activity, user: User) -> None:
    Activity.objects.update(once_per_course=False)
    learn.refresh_from_db()
    for number in range(3):
        completions.receive(told(f"kajabi:{number}"), learn, cause=EVENT)
    assert points.balance(user) == 60


def test_reversal_is_a_new_line_with_a_reason(awarded: Completion, user: User, staff: User) -> None:
    line = points.reverse(awarded, cause=Cause.by_staff(staff, "not hers"))
    assert ledger(user) == [(20, "kajabi:sub_1"), (-20, "kajabi:sub_1")]
    assert line is not None
    assert line.reverses is not None
    assert (line.reverses.points, line.staff, line.reason) == (20, staff, "not hers")
    awarded.refresh_from_db()
    assert (awarded.state, awarded.reason, awarded.staff) == ("reversed", "not hers", staff)
    assert points.balance(user) == 0
    assert points.reverse(awarded, cause=Cause.by_staff(staff, "again")) is None
    assert len(ledger(user)) == 2


def test_reversed_completion_can_be_awarded_to_another_member(
    awarded: Completion, user: User, newcomer: User, staff: User
) -> None:
    points.reverse(awarded, cause=Cause.by_staff(staff, "not hers"))
    assert decisions.link(awarded, newcomer, remember=False, cause=Cause.by_staff(staff)) == 1
    assert (points.balance(user), points.balance(newcomer)) == (0, 20)
    last = PointsEntry.objects.latest("pk")
    assert last.follows is not None
    assert (last.follows.points, last.reverses) == (-20, None)


@pytest.mark.parametrize("follows_a_reversal", [False, True])
def test_database_refuses_a_second_award_for_a_completion(
    awarded: Completion, user: User, staff: User, follows_a_reversal: bool
) -> None:
    if follows_a_reversal:
        points.reverse(awarded, cause=Cause.by_staff(staff, "oops"))
        decisions.award_again(awarded, cause=Cause.by_staff(staff))
    last = PointsEntry.objects.latest("pk")
    with pytest.raises(IntegrityError), transaction.atomic():
        PointsEntry.objects.create(
            user=user,
            points=20,
            activity=last.activity,
            completion=awarded,
            source="x",
            cause="x",
            follows=last.follows,
        )
    assert points.balance(user) == 20


def test_database_refuses_a_second_reversal(awarded: Completion, user: User, staff: User) -> None:
    line = points.reverse(awarded, cause=Cause.by_staff(staff, "oops"))
    assert line is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        PointsEntry.objects.create(
            user=user, points=-20, activity=line.activity, completion=awarded, source="x", cause="x",
            reverses=line.reverses,
        )  # fmt: skip
    assert points.balance(user) == 0


@pytest.mark.parametrize("value", [0, -20])
def test_database_refuses_an_award_that_takes(awarded: Completion, user: User, value: int) -> None:
    other = Completion.objects.create(activity=awarded.activity, source="x", channel="x", completed_on=date(2024, 9, 2))
    with pytest.raises(IntegrityError), transaction.atomic():
        PointsEntry.objects.create(
            user=user, points=value, activity=awarded.activity, completion=other, source="x", cause="x"
        )
    assert points.balance(user) == 20


def test_database_refuses_the_points_of_a_course_twice(awarded: Completion, user: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Completion.objects.create(
            activity=awarded.activity, source="kajabi:2", channel="kajabi", completed_on=date(2024, 9, 2), user=user,
            state="awarded", course_key="foundations",
        )  # fmt: skip


def test_line_is_never_changed_or_deleted(awarded: Completion, user: User) -> None:
    entry = PointsEntry.objects.get()
    entry.points = 2000
    for attempt in (
        entry.save,
        entry.delete,
        PointsEntry.objects.all().delete,
        lambda: PointsEntry.objects.update(points=2000),
        lambda: PointsEntry.objects.bulk_update([entry], ["points"]),
        lambda: user.points.update(points=2000),
        lambda: PointsEntry._base_manager.update(points=2000),
    ):
        with pytest.raises(NeverChanged):
            attempt()
    assert ledger(user) == [(20, "kajabi:sub_1")]


def test_member_with_points_cannot_be_deleted(awarded: Completion, user: User) -> None:
    from django.db.models import ProtectedError

    with pytest.raises(ProtectedError):
        user.delete()
    assert points.balance(user) == 20


@pytest.mark.django_db(transaction=True)
def test_completion_reported_by_twelve_at_once_gives_its_points_once(at_once: Any, learn: Any, user: Any) -> None:
    told_at_once = [lambda: completions.receive(told(), learn, cause=EVENT)] * 12
    assert [type(result).__name__ for result in at_once(told_at_once)] == ["Received"] * 12
    assert ledger(user) == [(20, "kajabi:sub_1")]


@pytest.mark.django_db(transaction=True)
def test_course_that_is_completed_by_eight_submissions_at_once_gives_its_points_once(
    at_once: Any, learn: Any, user: Any
) -> None:
    told_at_once = [lambda n=n: completions.receive(told(f"kajabi:{n}"), learn, cause=EVENT) for n in range(8)]
    assert [type(result).__name__ for result in at_once(told_at_once)] == ["Received"] * 8
    assert points.balance(user) == 20
    assert sorted(Completion.objects.values_list("state", flat=True)) == ["awarded", *["matched"] * 7]


@pytest.mark.django_db(transaction=True)
def test_awards_and_reversals_at_once_end_in_one_of_both(at_once: Any, learn: Any, user: Any, staff: Any) -> None:
    completion = completions.receive(told(), learn, cause=EVENT).completion

    def fresh() -> Completion:
        return Completion.objects.get(pk=completion.pk)

    by_staff = Cause.by_staff(staff, "race")
    race = [
        lambda: points.reverse(fresh(), cause=by_staff),
        lambda: decisions.award_again(fresh(), cause=by_staff),
    ] * 4
    assert [result for result in at_once(race) if isinstance(result, Exception)] == []
    completion.refresh_from_db()
    assert points.balance(user) == {"awarded": 20, "reversed": 0}[completion.state]
    assert points.balance(user) == sum(value for value, _source in ledger(user))
