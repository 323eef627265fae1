"""A member's learning, as shown to them: courses with progress, completed courses, and the paths they are on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q

from accounts.courses import paths
from accounts.courses.models import Activity, Completion, CourseProgress
from accounts.courses.models.completion import BY_PATH
from accounts.courses.paths import Standing

SHOWN_COURSES = 100


@dataclass(frozen=True, kw_only=True)
class Course:
    """A course of a member: `percent` as of the latest report, 100 and a date once it is completed."""

    title: str
    percent: int
    completed_on: date | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RequiredCourse:
    """A course of a path: `share` percent of it are required, `percent` are done."""

    title: str
    share: int
    percent: int
    is_met: bool


@dataclass(frozen=True, kw_only=True)
class PathProgress:
    """A path of a member: `met` of the `needed` courses are done, out of those in `courses`."""

    name: str
    points: int
    met: int
    needed: int
    is_awarded: bool
    courses: Sequence[RequiredCourse]


@dataclass(frozen=True, kw_only=True)
class Overview:
    courses: Sequence[Course]
    paths: Sequence[PathProgress]


def overview(user: Any) -> Overview:
    """Return what a member has begun and completed, in four queries: courses in progress first, then the newest.

    A path is shown once one of its courses was begun, or its points were given.
    """
    done = Completion.objects.filter(user=user, state=Completion.State.AWARDED)
    done = done.filter(Q(activity__completes_course=True) | Q(channel=BY_PATH))
    rows = list(done.defer("answers").order_by("completed_on", "pk"))
    completions = [row for row in rows if row.channel != BY_PATH and row.course_key]
    awarded = {row.activity_id for row in rows if row.channel == BY_PATH}
    progress = list(CourseProgress.objects.filter(user=user).order_by("highest", "-highest_at"))
    courses = _courses(completions, progress)
    found = []
    for path in paths.all_paths():
        standing = paths.judged(path, completions=completions, progress=progress)
        begun = any(requirement.course_key in courses for requirement, _done in standing.required)
        if begun or path.pk in awarded:
            found.append(_path(path, standing, courses, is_awarded=path.pk in awarded))
    return Overview(courses=_in_order(courses.values())[:SHOWN_COURSES], paths=found)


def _courses(completions: Sequence[Completion], progress: Iterable[CourseProgress]) -> dict[str, Course]:
    """Return each course once, by its key; a completed one with its first completion."""
    found = {
        row.course_key: Course(title=row.course, percent=row.percent, as_of=row.occurred_at)
        for row in sorted(progress, key=lambda row: (row.occurred_at, row.percent))
    }
    for row in reversed(completions):
        found[row.course_key] = Course(title=row.course, percent=100, completed_on=row.completed_on)
    return found


def _in_order(courses: Iterable[Course]) -> list[Course]:
    """Return courses in progress first, then completed ones; of each the newest first."""

    def newest(course: Course) -> tuple[bool, str, str]:
        day = course.completed_on or course.as_of
        return (course.completed_on is None, day.isoformat() if day else "", course.title)

    return sorted(courses, key=newest, reverse=True)


def _path(path: Activity, standing: Standing, courses: dict[str, Course], *, is_awarded: bool) -> PathProgress:
    required = []
    for requirement, done in standing.required:
        course = courses.get(requirement.course_key)
        percent = done.percent if done is not None else course.percent if course is not None else 0
        title = course.title if course is not None else requirement.course
        required.append(RequiredCourse(title=title, share=requirement.share, percent=percent, is_met=done is not None))
    return PathProgress(
        name=path.name,
        points=path.points,
        met=min(standing.met, standing.needed),
        needed=standing.needed,
        is_awarded=is_awarded,
        courses=required,
    )
