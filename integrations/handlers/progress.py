"""Handler of progress in a course, and of the points of milestones that it reaches."""

from accounts.courses import progress
from accounts.courses.progress import Report
from integrations.contracts.events import CourseProgressed
from integrations.handlers import effects
from integrations.handlers.context import Change, Context


def store(event: CourseProgressed, context: Context) -> list[Change]:
    """Store the progress; an older event than the last one changes nothing but the highest percent.

    Raises InvalidAddress, PersonForgotten.
    """
    report = Report(
        email=event.email,
        course=event.course,
        course_id=event.course_id,
        percent=event.percent,
        occurred_at=event.occurred_at,
    )
    stored = progress.store(report, cause=context.cause)
    row = stored.progress
    known = effects.PROGRESS if row.user_id else effects.PROGRESS_OF_NOBODY
    text = known(percent=event.percent, course=row.course) if stored.changed else effects.PROGRESS_KNOWN()
    return [
        Change(description=text, target=row, changed=stored.changed),
        *(Change(description=effects.POINTS_OF_A_PATH(), target=completion) for completion in stored.awarded),
    ]
