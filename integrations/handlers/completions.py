"""Handler of form answers that complete courses, where staff configured the form for an activity."""

from accounts.courses import completions
from accounts.courses.completions import Received, ReportedCompletion
from accounts.courses.models import Completion
from core.days import day_of
from integrations.contracts.events import FormSubmitted
from integrations.handlers import effects
from integrations.handlers.context import Change, Context

State = Completion.State
# By state, without and with why it is so.
_DESCRIPTIONS = {
    State.RECEIVED: (effects.COMPLETION_ASKS, effects.COMPLETION_ASKS_WHY),
    State.MATCHED: (effects.COMPLETION_MATCHED, effects.COMPLETION_MATCHED_WHY),
    State.AWARDED: (effects.POINTS_GIVEN, None),
    State.REVERSED: (effects.POINTS_REVERSED, effects.POINTS_REVERSED_WHY),
    State.DISMISSED: (effects.COMPLETION_DISMISSED, effects.COMPLETION_DISMISSED_WHY),
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
        completed_on=event.completed.completed_on or day_of(event.occurred_at),
        certificate_url=event.completed.certificate_url,
        answers=event.answers,
    )
    activities = completions.activities_for_form(form_id=event.form_id, form_title=event.form_title)
    return [change_of(completions.receive(told, activity, cause=context.cause)) for activity in activities]


def change_of(received: Received) -> Change:
    """Return the change that a received completion made."""
    completion = received.completion
    plain, because = _DESCRIPTIONS[State(completion.state)]
    is_asked = completion.state == State.RECEIVED
    why = completion.reason or (effects.NOBODYS_ADDRESS() if is_asked else "")
    text = because(why=why) if because and why and (is_asked or received.is_new) else plain()
    return Change(description=text if received.is_new else effects.COMPLETION_KNOWN(what=text), target=completion)
