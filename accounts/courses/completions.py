"""Completions: stored once, matched to a member by the exact address or an alias, awarded; the rest needs review.

What merely resembles a member's address is a suggestion (`accounts.courses.candidates`), never a match.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.courses import certificates, paths, points
from accounts.courses.models import Activity, Completion
from accounts.courses.models.completion import BY_MAIL
from accounts.people import lookup
from accounts.people.models import User
from core.cause import SCHEDULE, Cause
from core.insert_once import insert_once
from core.phrases import Phrase
from core.text import (
    EMAIL,
    LINE,
    bounded,
    clean_name,
    email_or_empty,
    identifier,
    loose_title_key,
    one_line,
    without_zero_width,
)

State = Completion.State
_AT_ONCE = 500
_BY_ID = Phrase("the member's id")


@dataclass(frozen=True, kw_only=True)
class ReportedCompletion:
    """A completion as it was reported. `source` is unique for what was done: two reports with one source are the same.

    `question` is why a person must decide, and `refusal` why it gives no points, whoever it was. `known_by_id` is the
    member whose id at the sender it names.
    """

    source: str
    channel: str
    email: str
    completed_on: date
    course: str = ""
    name: str = ""
    certificate_url: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    question: str = ""
    refusal: str = ""
    known_by_id: User | None = None


@dataclass(frozen=True, kw_only=True)
class Received:
    completion: Completion
    is_new: bool


def course_key(course: str) -> str:
    """Return a course's name without case, extra spaces and kinds of quotes and dashes, to compare spellings."""
    return loose_title_key(course, 255)


def activities_for_form(*, form_id: str, form_title: str) -> list[Activity]:
    """Return the active activities that answers to this form complete, ordered by code."""
    active = Activity.objects.filter(is_active=True).exclude(forms="").order_by("code")
    return [activity for activity in active if activity.takes_form(form_id=form_id, form_title=form_title)]


def activities_for_event(event: str, *, external_id: str, title: str) -> list[Activity]:
    """Return the active activities that a completed COURSE or a passed ASSESSMENT counts for, ordered by code."""
    active = Activity.objects.filter(is_active=True).exclude(forms="").order_by("code")
    return [activity for activity in active if activity.takes_event(event, external_id=external_id, title=title)]


def receive(reported: ReportedCompletion, activity: Activity, *, cause: Cause) -> Received:
    """Store a completion and award it where its address is a member's; a known one stays as it is.

    Two at once: the unique constraint lets one of them in. A completion by e-mail always needs review, since
    anybody can write a sender's address; so does one with a question. One that is refused is dismissed, which staff may
    overrule by a link.
    """
    completion = Completion(
        activity=activity,
        source=identifier(reported.source, 200),
        channel=reported.channel,
        email_received=reported.email.strip()[:EMAIL],
        email=stored_form(reported.email),
        name=clean_name(reported.name),
        course=one_line(reported.course, 255),
        course_key=course_key(reported.course),
        completed_on=reported.completed_on,
        certificate_url=certificates.checked_or_none(reported.certificate_url),
        answers=bounded(reported.answers),
        is_once=activity.once_per_course,
        reason=one_line(reported.refusal or reported.question, 300),
        cause=cause.text[:200],
        event_id=cause.event_id,
    )
    if reported.refusal:
        # Its member is noted, but it is not matched: what is matched was completed, points or no points.
        completion.state, completion.decided_at = State.DISMISSED, timezone.now()
        completion.user, completion.rule = _meant(completion, reported.known_by_id) or (None, "")
    with transaction.atomic():
        if not insert_once(completion):
            rows = Completion.objects.select_related("activity", "user")
            return Received(completion=rows.get(source=completion.source, activity=activity), is_new=False)
        known = reported.known_by_id
        if completion.state != State.RECEIVED or not _match(completion, cause=cause, is_new=True, known_by_id=known):
            certificates.enqueue_check(completion)
    return Received(completion=completion, is_new=True)


def stored_form(email: str) -> str:
    """Return an address in its stored form, "" for what is none; letters of no width, which come with copying, go."""
    return email_or_empty(without_zero_width(email) if len(email) <= LINE else email)


def match_pending() -> int:
    """Award pending completions whose address is a member's by now; return how many.

    For the clock: a purchase or an alias may come after the completion.
    """
    pending = Completion.objects.filter(lookup.is_a_members_address(), state=State.RECEIVED, reason="")
    rows = pending.exclude(channel=BY_MAIL).exclude(email="").select_related("activity").order_by("pk")[:_AT_ONCE]
    return sum(_match(completion, cause=SCHEDULE) for completion in rows)


def _meant(completion: Completion, known_by_id: User | None) -> tuple[User, str] | None:
    """Return the member whom a completion names, by a known id or else by its address, and by which rule."""
    return (known_by_id, _BY_ID()) if known_by_id else lookup.member_with(completion.email)


def _match(completion: Completion, *, cause: Cause, is_new: bool = False, known_by_id: User | None = None) -> bool:
    """Award it to the member whom it names; False where there is none, or it needs review."""
    must_ask = completion.channel == BY_MAIL or completion.reason
    found = None if must_ask else _meant(completion, known_by_id)
    if found is None:
        return False
    user, rule = found
    return award(completion, user, rule=rule, cause=cause, is_new=is_new)


def award(
    completion: Completion,
    user: User,
    *,
    rule: str,
    cause: Cause,
    out_of: Collection[str] = (State.RECEIVED.value,),
    is_new: bool = False,
) -> bool:
    """Give the points of a completion, and those of the paths that it completes, in one transaction."""
    with transaction.atomic():
        decided = points.award(completion, user, rule=rule, cause=cause, out_of=out_of, is_new=is_new)
        if decided and completion.course_key:
            paths.follow(user, [completion.course_key], cause=cause)
    return decided
