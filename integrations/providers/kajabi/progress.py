"""Progress in a course, as relays report it: the person, the course, and how much of it is done.

Relays disagree about numbers. This is the rule, the most exact statement first:

1. Counts ("completed_lessons" of "total_lessons") are exact.
2. "percent", "percentage" and the like are percent, and so is a text that ends in "%".
3. A bare "progress" strictly between 0 and 1 is a share (0.45 is 45 percent); from 0 to 100 it is percent.
4. A bare 1 may be one percent or all of it. It is taken for one percent: what gives points must be certain.

Percentages are rounded down, so that 99.9 is no completed course. What is out of range or no number at all is refused.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.phrases import QUOTED, Phrase
from core.text import one_line
from integrations.contracts import reasons
from integrations.contracts.events import CourseProgressed
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.kajabi import fields
from integrations.toolkit.reading import first_text, moment_at

_LESSONS = Phrase("the progress cannot be read: {done} of {total} lessons", done=QUOTED, total=QUOTED)
_UNREADABLE = Phrase("the progress cannot be read: {received}", received=QUOTED)

TYPES = frozenset({"progress", "progress.updated", "course.progress", "course_progress"})

_STUDENT = (("student", "email"), ("student_email",), ("learner", "email"), ("learner_email",))
_TITLE = (("course", "title"), ("course", "name"), ("course_title",), ("course_name",), ("course",),
          ("product", "title"), ("product", "name"))  # fmt: skip
_COURSE_ID = (("course", "id"), ("course_id",), ("product", "id"), ("product_id",))
# Objects in which the numbers may stand, before the body itself. In those of progress alone a short name means lessons:
# the "total" of a body may be a price.
_OF_PROGRESS = ("progress", "course_progress")
_WITHIN = (*_OF_PROGRESS, "course")
_DONE = ("completed_lessons", "lessons_completed")
_TOTAL = ("total_lessons", "lessons_total", "lessons_count")
_SHORT_DONE = ("completed", "completed_count", "done")
_SHORT_TOTAL = ("total", "total_count", "count")
_PERCENT = ("percent", "percentage", "progress_percent", "progress_percentage", "percent_complete",
            "percent_completed", "completion_percentage")  # fmt: skip
_BARE = ("progress",)
_SHORT_BARE = ("progress", "value")
# A `created_at` within the body may be the day of the enrolment, so it is the last place where a date is looked for.
_MOMENTS = (("occurred_at",), ("updated_at",), ("progress_updated_at",), ("progress", "updated_at"))
_MOMENTS_OF_ENVELOPE = (("occurred_at",), ("created_at",), ("timestamp",))
_ENROLLED = (("created_at",),)
_NUMBER = re.compile(r"\d{1,20}(?:[.,]\d{1,20})?")
_COUNT = re.compile(r"\d{1,9}")


def read(webhook: StoredWebhook, body: Mapping[str, Any], *, default_time: datetime) -> CourseProgressed:
    """Return the event in `body`; `default_time` is the time of one without a date.

    A date after the receipt counts as the receipt: no event may outrank all that come later. Raises Unmatched where
    it names no person or no course, Unreadable where the number says nothing certain.
    """
    email = fields.buyer(body, kind="relay").email or first_text(body, _STUDENT)
    if not email:
        raise Unmatched(reasons.NO_EMAIL())
    course_id = first_text(body, _COURSE_ID)
    course = one_line(first_text(body, _TITLE)) or one_line(course_id)
    if not course:
        raise Unmatched(reasons.NO_COURSE())
    moment = moment_at(body, _MOMENTS) or moment_at(webhook.payload, _MOMENTS_OF_ENVELOPE) or moment_at(body, _ENROLLED)
    return CourseProgressed(
        occurred_at=min(moment or default_time, webhook.received_at),
        email=email,
        course=course,
        course_id=course_id,
        percent=percent(body),
    )


def percent(body: Mapping[str, Any]) -> int:
    """Return how much is done, 0 to 100, by the rule above. Raises Unreadable with what was received."""
    holders = [(name, inner) for name in _WITHIN if isinstance(inner := body.get(name), Mapping)] + [("", body)]
    for name, holder in holders:
        is_short = name in _OF_PROGRESS
        done = first_text(holder, _paths(_DONE + _SHORT_DONE * is_short))
        total = first_text(holder, _paths(_TOTAL + _SHORT_TOTAL * is_short))
        if done and total:
            return _of_counts(done, total)
    for _name, holder in holders:
        if text := first_text(holder, _paths(_PERCENT)):
            return _of_percent(text, text.removesuffix("%").strip())
    bare = ((holder, _SHORT_BARE if name in _OF_PROGRESS else _BARE) for name, holder in holders)
    text = next((text for holder, names in bare if (text := first_text(holder, _paths(names)))), "")
    if text.endswith("%"):
        return _of_percent(text, text.removesuffix("%").strip())
    if _NUMBER.fullmatch(text) and 0 < (share := _decimal(text)) < 1:
        return int(share * 100)
    return _of_percent(text, text)


def _of_counts(done: str, total: str) -> int:
    if not (_COUNT.fullmatch(done) and _COUNT.fullmatch(total)) or int(done) > int(total) or not int(total):
        raise Unreadable(_LESSONS(done=done[:40], total=total[:40]), at=("progress",))
    return int(done) * 100 // int(total)


def _of_percent(received: str, number: str) -> int:
    if not _NUMBER.fullmatch(number) or _decimal(number) > 100:
        raise Unreadable(_UNREADABLE(received=received[:40]), at=("progress",))
    return int(_decimal(number))


def _decimal(number: str) -> Decimal:
    """Return a number exactly: in binary 0.29 times 100 is less than 29."""
    return Decimal(number.replace(",", "."))


def _paths(names: Iterable[str]) -> list[tuple[str, ...]]:
    return [(name,) for name in names]
