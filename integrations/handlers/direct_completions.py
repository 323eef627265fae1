"""Completed courses and assessments that a provider reports itself → completions, by the lines of activities.

A course is completed by definition, so it counts wherever an activity has a line for it; a fresh LEARN has `course:*`.
An assessment counts where it was passed and an activity names it. What no activity names is a question to staff.
"""

from accounts.courses import completions
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity
from accounts.courses.models.points import ASSESSMENT, COURSE
from accounts.people import lookup
from accounts.people.models import Contact
from integrations.contracts.events import AssessmentCompleted, CourseCompleted
from integrations.contracts.exceptions import PersonErased, Unmatched
from integrations.handlers.completions import change_of
from integrations.handlers.contacts import whose
from integrations.handlers.context import Change, Context


def keep(event: CourseCompleted, context: Context) -> list[Change]:
    """Keep a completion for each activity that counts the event, once by its id.

    Raises Unmatched where no activity does. A failed assessment gives no points and says so; one of which nobody knows
    whether it was passed waits for a person, and so does whoever is one person by their id and another by their e-mail.
    """
    taken = event if isinstance(event, AssessmentCompleted) else None
    kind, external_id, title = _named(event)
    contact = _contact(event, context)
    activities = completions.activities_for_event(kind, external_id=external_id, title=title)
    if not activities and taken is not None and taken.passed is False and contact is not None:
        said = f"the assessment {_quoted(title, external_id)} was not passed, and no activity counts it"
        return [Change(description=said, target=contact, changed=False)]
    if not activities:
        line = f"{kind}:{title or external_id or '*'}"
        raise Unmatched(f"no activity counts the {kind} {_quoted(title, external_id)}; add the line {line}, then retry")
    question = _who_is_it(event, context) or _question(event)
    told = {
        activity: ReportedCompletion(
            source=f"{context.provider}:{kind}:{event.external_id or context.key}",
            channel=context.provider,
            email=event.email or (contact.email if contact else ""),
            name=event.completed.student_name,
            course=_course(event, activity),
            completed_on=event.completed.completed_on or event.occurred_at.date(),
            certificate_url=event.completed.certificate_url,
            answers=event.details,
            question=question,
            refusal=_failed(taken) if taken is not None and taken.passed is False else "",
        )
        for activity in activities
    }
    return [change_of(completions.receive(told[activity], activity, cause=context.cause)) for activity in activities]


def _named(event: CourseCompleted) -> tuple[str, str, str]:
    if isinstance(event, AssessmentCompleted):
        return ASSESSMENT, event.assessment_id, event.title
    return COURSE, event.course_id, event.completed.course


def _contact(event: CourseCompleted, context: Context) -> Contact | None:
    """The person as a contact; None where the e-mail is no address: the completion is kept for a person to decide."""
    try:
        return whose(event, context)
    except PersonErased:
        raise
    except Unmatched:
        if not event.email:
            raise
        return None


def _course(event: CourseCompleted, activity: Activity) -> str:
    """Return what the points are for.

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
        score = f" (score {event.score})" if event.score else ""
        return f"the event does not say whether the assessment was passed{score}"
    return "" if any(_named(event)[1:]) or event.completed.course else "the event names no course"


def _failed(event: AssessmentCompleted) -> str:
    return f"the assessment was not passed{f' (score {event.score})' if event.score else ''}"


def _who_is_it(event: CourseCompleted, context: Context) -> str:
    """Return the question whose it is where the ids are one person's and the e-mail is another member's."""
    by_id = lookup.find(provider=context.provider, identities=event.identities) if event.identities else None
    by_email = lookup.member_with(completions.stored_form(event.email))
    if by_id is None or by_email is None or by_id.user == by_email[0]:
        return ""
    owner = lookup.with_email(event.email)
    if by_id.user is None and (owner is None or owner == by_id):
        return ""
    return f"the id is of {by_id.user or f'contact {by_id.pk}'}, the e-mail of {by_email[0].email}"


def _quoted(title: str, external_id: str) -> str:
    return " ".join(part for part in (f"“{title}”" if title else "", external_id) if part) or "without a name"
