"""Handler of completed courses and assessments that a provider reports itself, by the lines of activities.

A course is completed by definition, so it counts wherever an activity has a line for it; a fresh LEARN has `course:*`.
An assessment counts where it was passed and an activity names it. Whatever no activity names is left to staff.
"""

from django.utils.translation import gettext_lazy as _

from accounts.courses import completions
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity
from accounts.courses.models.activity import ASSESSMENT, COURSE
from accounts.people import lookup
from accounts.people.lookup import Match
from accounts.people.models import Contact
from core.days import day_of
from core.phrases import Phrase, Words
from core.text import InvalidAddress
from integrations.contracts import reasons
from integrations.contracts.events import AssessmentCompleted, CourseCompleted
from integrations.contracts.exceptions import Unmatched
from integrations.handlers.completions import change_of
from integrations.handlers.contacts import contact_of
from integrations.handlers.context import Change, Context

_UNCOUNTED = Phrase(
    "no activity counts the {kind} {title}; add the line {line}, then retry",
    kind=Words({COURSE: _("course"), ASSESSMENT: _("assessment")}),
)
_NOT_PASSED_UNCOUNTED = Phrase("the assessment {title} was not passed, and no activity counts it")
_NOT_PASSED = Phrase("the assessment was not passed")
_NOT_PASSED_SCORE = Phrase("the assessment was not passed (score {score})")
_UNDECIDED = Phrase("the event does not say whether the assessment was passed")
_UNDECIDED_SCORE = Phrase("the event does not say whether the assessment was passed (score {score})")
_TWO_PEOPLE = Phrase("the id is of {one}, the e-mail of {other}")


def store(event: CourseCompleted, context: Context) -> list[Change]:
    """Store a completion for each activity that counts the event, once by its id.

    Raises Unmatched where no activity does. A failed assessment gives no points. An assessment without a result needs
    review, and so does an event whose id belongs to one person and whose e-mail to another.
    """
    assessment = event if isinstance(event, AssessmentCompleted) else None
    kind, external_id, title = _named(event)
    contact = _contact(event, context)
    activities = completions.activities_for_event(kind, external_id=external_id, title=title)
    if not activities and assessment is not None and assessment.passed is False and contact is not None:
        text = _NOT_PASSED_UNCOUNTED(title=_quoted(title, external_id))
        return [Change(description=text, target=contact, changed=False)]
    if not activities:
        line = f"{kind}:{title or external_id or '*'}"
        raise Unmatched(_UNCOUNTED(kind=kind, title=_quoted(title, external_id), line=line))
    known = lookup.match(provider=context.provider, identities=event.identities, email=event.email)
    question = _identity_question(known) or _question(event)
    told = {
        activity: ReportedCompletion(
            source=f"{context.provider}:{kind}:{event.external_id or context.key}",
            channel=context.provider,
            email=event.email or (contact.email if contact else ""),
            name=event.completed.student_name,
            course=_course(event, activity),
            completed_on=event.completed.completed_on or day_of(event.occurred_at),
            certificate_url=event.completed.certificate_url,
            answers=event.details,
            question=question,
            refusal=_failed(assessment) if assessment is not None and assessment.passed is False else "",
            known_by_id=known.records[0].contact.user if known.records and not question else None,
        )
        for activity in activities
    }
    return [change_of(completions.receive(told[activity], activity, cause=context.cause)) for activity in activities]


def _named(event: CourseCompleted) -> tuple[str, str, str]:
    if isinstance(event, AssessmentCompleted):
        return ASSESSMENT, event.assessment_id, event.title
    return COURSE, event.course_id, event.completed.course


def _contact(event: CourseCompleted, context: Context) -> Contact | None:
    """Return the contact; None where the e-mail is no address: the completion is stored for staff to assign."""
    try:
        return contact_of(event, context)
    except (Unmatched, InvalidAddress):
        if not event.email:
            raise
        return None


def _course(event: CourseCompleted, activity: Activity) -> str:
    """Return the course that the points are for.

    An assessment stands for its course, unless the activity is for assessments alone.
    """
    course = event.completed.course or event.course_id
    if not isinstance(event, AssessmentCompleted):
        return course
    title = event.title or event.assessment_id
    if activity.takes_assessments_only:
        return f"{course}: {title}" if course and title else title or course
    return course or title


def _question(event: CourseCompleted) -> str:
    if isinstance(event, AssessmentCompleted) and event.passed is None:
        return _UNDECIDED_SCORE(score=event.score) if event.score else _UNDECIDED()
    return "" if any(_named(event)[1:]) or event.completed.course else reasons.NO_COURSE()


def _failed(event: AssessmentCompleted) -> str:
    return _NOT_PASSED_SCORE(score=event.score) if event.score else _NOT_PASSED()


def _identity_question(known: Match) -> str:
    """Return a question to staff where the ids are one person's and the e-mail is another member's."""
    by_email = known.login_by_address if known.records else None
    if by_email is None:
        return ""
    by_id = known.records[0].contact
    if by_id.user == by_email[0] or (by_id.user is None and known.owner in (None, by_id)):
        return ""
    return _TWO_PEOPLE(one=by_id.user or f"contact {by_id.pk}", other=by_email[0].email)


def _quoted(title: str, external_id: str) -> str:
    return " ".join(part for part in (f"“{title}”" if title else "", external_id) if part) or "without a name"
