"""Handler of form answers that complete courses, where staff configured the form for an activity."""

from accounts.courses import completions
from accounts.courses.completions import Received, ReportedCompletion
from accounts.courses.models import Completion
from integrations.contracts.events import FormSubmitted
from integrations.handlers.context import Change, Context

State = Completion.State
_DESCRIPTIONS = {
    State.RECEIVED: "completion needs your decision",
    State.MATCHED: "completion matched, without points",
    State.AWARDED: "points given",
    State.REVERSED: "points were given and reversed",
    State.DISMISSED: "completion was dismissed",
}


def store(event: FormSubmitted, context: Context) -> list[Change]:
    """Store a completion for each activity that this form is configured for, once by the submission's id.

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
    """Return the change that a received completion made."""
    completion = received.completion
    text = _DESCRIPTIONS[State(completion.state)]
    if completion.state == State.RECEIVED:
        text = f"{text}: {completion.reason or 'nobody has this address'}"
    elif received.is_new and completion.state != State.AWARDED and completion.reason:
        text = f"{text}: {completion.reason}"
    return Change(description=text if received.is_new else f"completion known already: {text}", target=completion)
