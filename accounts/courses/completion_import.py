"""Rows of a file → completions: validated, previewed, imported.

A row's key is a digest of what it says. Where it has a source (an id, as exported, or the submission's id behind the
provider's key) that counts together with its person and course alone: many tools begin with 1 again in every file, or
write their own name there. So the same file twice changes nothing, and neither does a row of something that a webhook
reported.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.courses import certificates, completions, retakes
from accounts.courses.completion_file import Cells
from accounts.courses.completions import Received, ReportedCompletion, State
from accounts.courses.models import Activity, Completion
from accounts.courses.models.completion import BY_IMPORT
from core import dates
from core.cause import Cause
from core.phrases import WORD, Phrase
from core.preview import rolled_back
from core.tables.cells import neutral, without_apostrophe
from core.tables.child import Uncalculated
from core.text import InvalidAddress, normalise_email, without_zero_width

# Causes of what a file brings.
IMPORT = Phrase("import of {file}")
IMPORT_BY = Phrase("import of {file} by {email}", email=WORD)
_PREVIEW = Cause(text="preview")
_YEARS = range(1990, 2200)
# What spreadsheets write where a formula has no result.
_FAILED = frozenset(
    (
        "#REF!",
        "#N/A",
        "#VALUE!",
        "#NAME?",
        "#DIV/0!",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#CALC!",
        "#GETTING_DATA",
        "#ERROR!",
    )
)


def _is_providers_key(text: str) -> bool:
    """Return whether an id is the key of a provider's event, as "provider:evt_1"."""
    provider, _colon, rest = text.partition(":")
    return provider.isalpha() and provider.islower() and provider != "import" and bool(rest) and len(rest.split()) == 1


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

    `activity` is what rows mean that name none, `day_first` how dates in numbers are written where staff said so.
    """

    activity: Activity | None = None
    day_first: bool | None = None
    _known: dict[str, Activity] = field(default_factory=dict)
    _claimed: dict[tuple[str, int], tuple[str, str, date]] = field(default_factory=dict)
    _sources: set[tuple[str, int]] = field(default_factory=set)
    _courses: dict[tuple[int, int, str], list[date]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known = {activity.code: activity for activity in Activity.objects.filter(is_active=True)}
        self.activity = self.activity or self._known.get("LEARN")

    def read(self, cells: Cells) -> Row:
        """Parse a row. Raises WrongRow with all its problems."""
        problems: list[str] = []
        email = _email(cells, problems)
        course = neutral(_text(cells, "course", 255, problems))
        if not course and not _has_failed(cells.get("course")):
            problems.append(_("There is no course."))
        day = self._day(cells, problems)
        url = _certificate(cells, problems)
        code = _text(cells, "activity", 30, problems).upper()
        activity = self._known.get(code) if code else self.activity
        if activity is None:
            problems.append(_("There is no active activity “%(code)s”.") % {"code": code or "LEARN"})
        stated = without_apostrophe(_text(cells, "source", 200, problems))
        if problems or activity is None or day is None:
            raise WrongRow(problems)
        reported = ReportedCompletion(
            source=self._source(stated, activity, email, course, day),
            channel=BY_IMPORT,
            email=email,
            name=neutral(_text(cells, "name", 150, problems)),
            course=course,
            completed_on=day,
            certificate_url=url,
        )
        return Row(reported=reported, activity=activity)

    def _day(self, cells: Cells, problems: list[str]) -> date | None:
        """Return the day in a cell: a date of a workbook, or a text as `core.dates` reads it, in its own zone."""
        value, before = cells.get("completed_on"), len(problems)
        text = without_zero_width(_text(cells, "completed_on", 254, problems))
        if len(problems) > before:
            return None
        if isinstance(value, date):  # and a datetime, which is one
            day = value.date() if isinstance(value, datetime) else value
        else:
            try:
                day = dates.parse(text, day_first=self.day_first).value.date()
            except dates.AmbiguousDate:
                problems.append(_("“%(text)s” may be two days: choose above how dates are written.") % {"text": text})
                return None
            except dates.InvalidDate:
                day = date.min
        if day.year not in _YEARS:
            problems.append(_("The date must look like 2026-03-31."))
            return None
        return day

    def _source(self, stated: str, activity: Activity, email: str, course: str, day: date) -> str:
        """Return the key of a row: that of a stored completion that it means, else a new one.

        A stated source means the stored completion of that source where the person and the course are the same. A
        course that may be taken again needs the day as well. A provider's own key is kept, so that its webhook is known
        when it comes later.
        """
        key = completions.course_key(course)
        if not stated:
            return _digest(activity.code, email, key, day.isoformat())
        digest = _digest(activity.code, email, key, "source", stated)
        dated = _digest(activity.code, email, key, "source", stated, day.isoformat())
        stored = Completion.objects.filter(activity=activity, source__in=[stated, digest, dated]).order_by("pk")
        is_taken = False
        for one in stored.only("source", "email", "course_key", "completed_on"):
            is_same = one.source != stated or (one.email == email and one.course_key == key)
            is_taken = is_taken or one.source == stated
            if is_same and (activity.recertify_after is None or one.completed_on == day):
                return one.source
        claimed = self._claimed.setdefault((stated, activity.pk), (email, key, day))
        if _is_providers_key(stated) and not is_taken and claimed == (email, key, day):
            return stated
        return digest if activity.recertify_after is None else dated

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
            return _("needs your decision: nobody has this address")
        member, course = completion.user.email, (completion.user.pk, row.activity.pk, completion.course_key)
        days = self._courses.setdefault(course, [])
        if completion.state != State.AWARDED:
            given = Completion.objects.filter(
                user=completion.user, activity=row.activity, course_key=completion.course_key, state=State.AWARDED
            )
            before = retakes.standing_in_the_way(completion, given)
            return _no_points(member, row.activity, before.completed_on if before else None)
        near = [day for day in days if not retakes.is_far_enough(row.activity, day, completion.completed_on)]
        if completion.is_once and near:
            return _no_points(member, row.activity, near[0])
        days.append(completion.completed_on)
        return _("%(points)d points for %(member)s") % {"points": row.activity.points, "member": member}

    def write(self, row: Row, *, cause: Cause) -> Received:
        """Store the row's completion, and award it where its address is a member's."""
        received = completions.receive(row.reported, row.activity, cause=cause)
        stored, stated = received.completion, row.reported
        key = completions.course_key(stated.course)
        if (
            received.is_new
            or stored.source.startswith(f"{BY_IMPORT}:")
            or (stored.email, stored.course_key)
            == (
                stated.email,
                key,
            )
        ):
            return received
        # Somebody else's completion took this source meanwhile.
        digest = _digest(row.activity.code, stated.email, key, "source", stated.source)
        return completions.receive(replace(stated, source=digest), row.activity, cause=cause)


def _no_points(member: str, activity: Activity, day: date | None) -> str:
    said = _("no points: %(member)s has them for this course") % {"member": member}
    return f"{said}: {retakes.note(activity, day)}" if day and activity.recertify_after else said


def _text(cells: Cells, column: str, longest: int, problems: list[str]) -> str:
    value = cells.get(column)
    if isinstance(value, Uncalculated):
        text = _("“%(column)s” holds a formula without its value. Save the file in Excel, or put the value there.")
        problems.append(text % {"column": column})
        return ""
    text = " ".join(("" if value is None else str(value)).replace("\x00", " ").split())
    if _has_failed(text):
        problems.append(
            _("“%(column)s” holds an error of the spreadsheet: %(text)s") % {"column": column, "text": text}
        )
        return ""
    if len(text) > longest:
        problems.append(_("“%(column)s” is longer than %(longest)d letters.") % {"column": column, "longest": longest})
        return ""
    return text


def _has_failed(value: Any) -> bool:
    return isinstance(value, Uncalculated) or str(value or "").strip().upper() in _FAILED


def _email(cells: Cells, problems: list[str]) -> str:
    before = len(problems)
    text = without_apostrophe(without_zero_width(_text(cells, "email", 254, problems)))
    if not text:
        problems += [] if len(problems) > before else [_("There is no e-mail.")]
        return ""
    try:
        return normalise_email(text)
    except InvalidAddress as error:
        problems.append(str(error))
        return ""


def _certificate(cells: Cells, problems: list[str]) -> str:
    value = cells.get("certificate_url")
    try:
        return certificates.checked("" if value is None else str(value))
    except certificates.NoCertificateAddress as error:
        problems.append(str(error))
        return ""


def _digest(*parts: str) -> str:
    return BY_IMPORT + ":" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
