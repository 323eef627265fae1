"""Progress in courses: one row for each address and course, which any order and number of events leave the same."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.courses import paths
from accounts.courses.completions import course_key
from accounts.courses.models import Completion, CourseProgress
from accounts.courses.models.course import COURSE
from accounts.people import forgotten, lookup
from accounts.people.models import User
from core.cause import SCHEDULE, Cause
from core.insert_once import insert_once
from core.text import identifier, normalise_email, one_line

_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report that `percent` of a course was done at `occurred_at`."""

    email: str
    course: str
    percent: int
    occurred_at: datetime
    course_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The row as it is now, whether the report changed it, and the paths that gave points because of it."""

    progress: CourseProgress
    changed: bool
    awarded: tuple[Completion, ...] = ()


def store(report: Report, *, cause: Cause) -> Stored:
    """Merge a report into the row of its person and course, and give the points of the paths that it completes.

    The latest report stands, also a lower one, since a course may get new lessons; of two with one date the higher. Two
    at once come one after the other by the row's lock. Raises InvalidAddress, PersonForgotten.
    """
    row = CourseProgress(
        email=normalise_email(report.email),
        course=one_line(report.course, COURSE),
        course_key=course_key(report.course),
        course_id=identifier(report.course_id),
        percent=report.percent,
        occurred_at=report.occurred_at,
        highest=report.percent,
        highest_at=report.occurred_at,
        cause=cause.text[:200],
        event_id=cause.event_id,
    )
    with transaction.atomic():
        row.user = _member(row.email)
        changed = insert_once(row)
        if not changed:
            known = CourseProgress.objects.select_for_update().get(email=row.email, course_key=row.course_key)
            changed = _merge(known, row)
            known.save()
            row = known
        awarded = paths.follow(row.user, [row.course_key], cause=cause) if row.user else []
    return Stored(progress=row, changed=changed, awarded=tuple(awarded))


def match_pending() -> int:
    """Assign rows to the members whose address they name by now; return how many. For the clock."""
    pending = CourseProgress.objects.filter(lookup.is_a_members_address(), user=None).order_by("pk")
    matched = 0
    for row in pending[:_AT_ONCE]:
        found = lookup.member_with(row.email)
        if found is None:
            continue
        with transaction.atomic():
            if CourseProgress.objects.filter(pk=row.pk, user=None).update(user=found[0]):
                paths.follow(found[0], [row.course_key], cause=SCHEDULE)
                matched += 1
    return matched


def _member(email: str) -> User | None:
    """Return the member with this address. Raises PersonForgotten where it is nobody's, and was somebody's erased."""
    found = lookup.member_with(email)
    if found is None and lookup.with_email(email) is None:
        forgotten.refuse(email=email, provider="", identities={})
    return found[0] if found else None


def _merge(known: CourseProgress, new: CourseProgress) -> bool:
    """Bring `known` to what both say together; whether that changed it.

    An address that is another member's by now begins anew: nobody gets points for what somebody else did.
    """
    is_anothers = None not in (known.user_id, new.user_id) and known.user_id != new.user_id
    known.user = new.user or known.user
    changed = is_anothers or _order(new) > _order(known)
    if changed:
        for name in ("course", "course_id", "percent", "occurred_at", "cause", "event_id"):
            setattr(known, name, getattr(new, name))
    if is_anothers or (new.highest, known.highest_at) > (known.highest, new.highest_at):
        known.highest, known.highest_at = new.highest, new.highest_at
        changed = True
    return changed


def _order(row: CourseProgress) -> tuple[datetime, int, str, str]:
    """Return by what the later of two reports is known, however they came."""
    return (row.occurred_at, row.percent, row.course, row.course_id)
