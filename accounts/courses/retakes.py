"""Courses that are taken again: when they give points again, by the activity's interval.

The interval counts from each completion of the course that gave points, before it and after it: a completion that is
reported late counts by its own day.
"""

from collections.abc import Iterable
from datetime import date

from dateutil.relativedelta import relativedelta
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.courses.models import Activity, Completion
from core.phrases import DAY, Phrase

_GIVEN = Phrase("the points for this course were given: {source}")
_GIVEN_UNTIL = Phrase(
    "the points for this course were given: {source}, of {day}; taken again it gives points from {again}",
    day=DAY,
    again=DAY,
)


def is_far_enough(activity: Activity, one: date, other: date) -> bool:
    """Return whether a course that was completed on both days gives points for both of them."""
    if activity.recertify_after is None:
        return False
    return max(one, other) >= again_from(activity, min(one, other))


def again_from(activity: Activity, day: date) -> date:
    """Return from which day a course that gave points on `day` gives them again."""
    return day + relativedelta(months=activity.recertify_after or 0)


def standing_in_the_way(completion: Completion, given: Iterable[Completion]) -> Completion | None:
    """Return which completion that gave points for the same course leaves none for this one; None without one."""
    near = (
        other for other in given if not is_far_enough(completion.activity, completion.completed_on, other.completed_on)
    )
    return min(near, key=lambda other: abs(other.completed_on - completion.completed_on), default=None)


def reason(completion: Completion, before: Completion) -> str:
    """Return why a completion has no points, for its page."""
    if completion.activity.recertify_after is None:
        return _GIVEN(source=before.source)
    again = again_from(completion.activity, before.completed_on)
    return _GIVEN_UNTIL(source=before.source, day=before.completed_on, again=again)


def note(activity: Activity, day: date) -> str:
    """Return in the reader's language why a course that gave points on `day` gives none now."""
    again = again_from(activity, day)
    return _("they were given for %(day)s; taken again it gives points from %(again)s") % {
        "day": date_format(day, "SHORT_DATE_FORMAT"),
        "again": date_format(again, "SHORT_DATE_FORMAT"),
    }
