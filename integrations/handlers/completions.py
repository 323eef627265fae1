"""Answers to a form → completions of courses, where staff configured the form for an activity."""

from accounts.courses import completions
from accounts.courses.completions import Received, ReportedCompletion
from accounts.courses.models import Completion
from integrations.contracts.events import FormSubmitted
from integrations.handlers.context import Change, Context

State = Completion.State
_SAID = {
    State.RECEIVED: "completion waits for a person",
    State.MATCHED: "completion matched, without points",
    State.AWARDED: "points given",
    State.REVERSED: "points were given and reversed",
    State.DISMISSED: "completion was dismissed",
}


def keep(event: FormSubmitted, context: Context) -> list[Change]:
    """Keep a completion for each activity of which this form tells, once by the submission's id; none, nothing.

    A form that names no course is taken to be the form of one course.
    """
    told = ReportedCompletion(
        source=f"{context.provider}:{event.external_id or context.key}",
        channel=context.provider,
        email=event.email,
        name=event.completed.student_name,
        course=event.completed.course or event.form_title,
        completed_on=event.completed.completed_on or event.occurred_at.date(),
        certificate_url=event.completed.certificate_url,
        answers=event.answers,
    )
    activities = completions.activities_for_form(form_id=event.form_id, form_title=event.form_title)
    return [change_of(completions.receive(told, activity, cause=context.cause)) for activity in activities]


def change_of(received: Received) -> Change:
    """Return what was kept as a change, in words."""
    completion = received.completion
    said = _SAID[State(completion.state)]
    if completion.state == State.RECEIVED:
        said = f"{said}: {completion.reason or 'nobody has this address'}"
    elif received.is_new and completion.state != State.AWARDED and completion.reason:
        said = f"{said}: {completion.reason}"
    return Change(description=said if received.is_new else f"completion known already: {said}", target=completion)
