"""Rows of a file → completions: validated, previewed, imported.

A row's key is its source where it names one (as exported, or the submission's id behind the provider's key), else a
digest of its values. So the same file twice changes nothing, and neither does a row that a webhook reported before.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from accounts.courses import certificates, completions
from accounts.courses.completion_file import Cells
from accounts.courses.completions import Received, ReportedCompletion, State
from accounts.courses.models import Activity, Completion
from accounts.courses.models.points import BY_IMPORT
from core.cause import Cause
from core.preview import rolled_back
from core.tables.cells import neutral, without_apostrophe
from core.text import InvalidAddress, normalise_email

_PREVIEW = Cause(text="preview")
_YEARS = range(1990, 2200)


class WrongRow(ValueError):
    """A row that cannot be imported; `problems` says why, for whoever corrects the file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Row:
    reported: ReportedCompletion
    activity: Activity


@dataclass(kw_only=True)
class CompletionImport:
    """One import. It remembers the rows that it has previewed, so that none of them counts twice.

    `activity` is what rows mean that name none.
    """

    activity: Activity | None = None
    _known: dict[str, Activity] = field(default_factory=dict)
    _sources: set[tuple[str, int]] = field(default_factory=set)
    _courses: set[tuple[int, int, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._known = {activity.code: activity for activity in Activity.objects.filter(is_active=True)}
        self.activity = self.activity or self._known.get("LEARN")

    def read(self, cells: Cells) -> Row:
        """Parse a row. Raises WrongRow with all its problems."""
        problems: list[str] = []
        email = _email(cells, problems)
        course = neutral(_text(cells, "course", 255, problems))
        if not course:
            problems.append(_("There is no course."))
        day = _day(cells.get("completed_on"), problems)
        url = _certificate(cells, problems)
        code = _text(cells, "activity", 30, problems).upper()
        activity = self._known.get(code) if code else self.activity
        if activity is None:
            problems.append(_("There is no active activity “%(code)s”.") % {"code": code or "LEARN"})
        source = _text(cells, "source", 200, problems)
        if problems or activity is None or day is None:
            raise WrongRow(problems)
        reported = ReportedCompletion(
            source=source or _digest(activity, email, course, day),
            channel=BY_IMPORT,
            email=email,
            name=neutral(_text(cells, "name", 150, problems)),
            course=course,
            completed_on=day,
            certificate_url=url,
        )
        return Row(reported=reported, activity=activity)

    def known(self, row: Row) -> Completion | None:
        """Return the completion with this row's source, if there is one."""
        return Completion.objects.filter(source=row.reported.source, activity=row.activity).first()

    def preview(self, row: Row) -> str:
        """Return in words what importing the row would do: it is written, and rolled back.

        Each row in a transaction of its own, so that nobody waits for a long file; what the rows before it would have
        done is remembered.
        """
        with rolled_back():
            received = self.write(row, cause=_PREVIEW)
        completion, source = received.completion, (row.reported.source, row.activity.pk)
        if not received.is_new or source in self._sources:
            return _("known already: nothing changes")
        self._sources.add(source)
        if completion.user is None:
            return _("needs review: nobody has this address")
        course = (completion.user.pk, row.activity.pk, completion.course_key)
        is_again = completion.is_once and course in self._courses
        if completion.state != State.AWARDED or is_again:
            return _("no points: %(member)s has them for this course") % {"member": completion.user.email}
        self._courses.add(course)
        return _("%(points)d points for %(member)s") % {"points": row.activity.points, "member": completion.user.email}

    def write(self, row: Row, *, cause: Cause) -> Received:
        """Store the row's completion, and award it where its address is a member's."""
        return completions.receive(row.reported, row.activity, cause=cause)


def _text(cells: Cells, column: str, longest: int, problems: list[str]) -> str:
    value = cells.get(column)
    text = " ".join(("" if value is None else str(value)).replace("\x00", " ").split())
    if len(text) > longest:
        problems.append(_("“%(column)s” is longer than %(longest)d letters.") % {"column": column, "longest": longest})
        return ""
    return text


def _email(cells: Cells, problems: list[str]) -> str:
    text = without_apostrophe(_text(cells, "email", 254, problems))
    if not text:
        problems.append(_("There is no e-mail."))
        return ""
    try:
        return normalise_email(text)
    except InvalidAddress as error:
        problems.append(str(error))
        return ""


def _day(value: Any, problems: list[str]) -> date | None:
    """Return the day in a cell: a date of a workbook, or an ISO text."""
    day: date | None = None
    if isinstance(value, datetime):
        day = value.date()
    elif isinstance(value, date):
        day = value
    else:
        text = str(value or "").strip()
        try:
            moment = parse_datetime(text)
            day = moment.date() if moment else parse_date(text)
        except ValueError:
            day = None
    if day is None or day.year not in _YEARS:
        problems.append(_("The date must look like 2026-03-31."))
        return None
    return day


def _certificate(cells: Cells, problems: list[str]) -> str:
    value = cells.get("certificate_url")
    try:
        return certificates.checked("" if value is None else str(value))
    except certificates.NoCertificateAddress as error:
        problems.append(str(error))
        return ""


def _digest(activity: Activity, email: str, course: str, day: date) -> str:
    text = "\n".join([activity.code, email, completions.course_key(course), day.isoformat()])
    return f"{BY_IMPORT}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"
