"""Completions: kept once, matched to a member by the exact address or an alias, awarded; the rest waits for a person.

What merely resembles a member's address is a suggestion (`accounts.courses.candidates`), never a match.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.courses import certificates, paths, points
from accounts.courses.models import Activity, Completion, PointsEntry
from accounts.courses.models.points import BY_MAIL, BY_PATH, BY_STAFF
from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.people import contact_aliases, lookup
from accounts.people.members import Member
from accounts.people.models import User
from core.cause import SCHEDULE, Cause
from core.insert_once import insert_once
from core.text import EMAIL, InvalidAddress, bounded, clean_name, identifier, normalise_email, one_line, title_key

State = Completion.State
LINKABLE = (State.RECEIVED.value, State.DISMISSED.value, State.REVERSED.value)
DIGEST_HOUR = 7  # UTC
_AT_ONCE = 500


class CannotLink(Exception):
    """Nobody can be linked or made; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A completion as it was told. `source` is unique for what was done: two tellings with one source are the same.

    `question` is why a person must decide, and `refusal` why it gives no points, whoever it was.
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


@dataclass(frozen=True, kw_only=True)
class Received:
    completion: Completion
    is_new: bool


def course_key(course: str) -> str:
    """Return what makes two spellings of a course's name one: case and spaces do not matter."""
    return title_key(course, 255)


def activities_of(*, form_id: str, form_title: str) -> list[Activity]:
    """The active activities of which answers to this form tell, in the order of their codes."""
    active = Activity.objects.filter(is_active=True).exclude(forms="").order_by("code")
    return [activity for activity in active if activity.means(form_id=form_id, form_title=form_title)]


def activities_that_count(event: str, *, external_id: str, title: str) -> list[Activity]:
    """The active activities for which a completed COURSE or a passed ASSESSMENT counts, in the order of their codes."""
    active = Activity.objects.filter(is_active=True).exclude(forms="").order_by("code")
    return [activity for activity in active if activity.counts(event, external_id=external_id, title=title)]


def receive(told: Told, activity: Activity, *, cause: Cause) -> Received:
    """Keep a completion and award it where its address is a member's; a known one stays as it is.

    Two at once: the unique constraint lets one of them in. A completion by e-mail always waits for a person, since
    anybody can write a sender's address; so does one with a question. One that is refused is dismissed, which staff may
    overrule by a link.
    """
    completion = Completion(
        activity=activity,
        source=identifier(told.source, 200),
        channel=told.channel,
        email_received=told.email.strip()[:EMAIL],
        email=stored_form(told.email),
        name=clean_name(told.name),
        course=one_line(told.course, 255),
        course_key=course_key(told.course),
        completed_on=told.completed_on,
        certificate_url=certificates.checked_or_none(told.certificate_url),
        answers=bounded(told.answers),
        is_once=activity.once_per_course,
        reason=one_line(told.refusal or told.question, 300),
        cause=cause.text[:200],
        event_id=cause.event_id,
    )
    if told.refusal:
        _refuse(completion)
    with transaction.atomic():
        if not insert_once(completion):
            known = Completion.objects.select_related("activity", "user")
            return Received(completion=known.get(source=completion.source, activity=activity), is_new=False)
        if completion.state != State.RECEIVED or not _match(completion, cause=cause, is_new=True):
            certificates.enqueue_check(completion)
    return Received(completion=completion, is_new=True)


def stored_form(email: str) -> str:
    """The address as it is stored, "" for what is none."""
    try:
        return normalise_email(email)
    except InvalidAddress:
        return ""


def match_waiting() -> int:
    """Award what waits although its address is a member's by now; how many. For the clock: a purchase or an alias may
    come after the completion.
    """
    waiting = Completion.objects.filter(lookup.is_a_members_address(), state=State.RECEIVED, reason="")
    rows = waiting.exclude(channel=BY_MAIL).exclude(email="").select_related("activity").order_by("pk")[:_AT_ONCE]
    return sum(_match(completion, cause=SCHEDULE) for completion in rows)


def is_linkable(completion: Completion) -> bool:
    """Return whether staff may say whose it is; the points of a path follow from the courses of one member alone."""
    return completion.state in LINKABLE and completion.channel != BY_PATH


def link(completion: Completion, user: User, *, remember: bool, course: str = "", cause: Cause) -> int:
    """It was `user`: award it at once, and with it whatever else waits under that address; how many were linked.

    `remember`: the address means this member from now on. `course` corrects the course's name. What is awarded already
    is left alone: it has to be reversed first.
    """
    if completion.channel == BY_PATH:
        return 0
    rule = f"linked by staff: {cause.staff.email}" if cause.staff else "linked"
    with transaction.atomic():
        if remember and completion.email:
            contact_aliases.assign(user, completion.email, cause=cause)
        if course.strip():
            open_ones = Completion.objects.filter(pk=completion.pk, state__in=LINKABLE)
            open_ones.update(course=one_line(course, 255), course_key=course_key(course))
        decided = _award(completion, user, rule=rule, cause=cause, out_of=LINKABLE)
        open_ones = Completion.objects.filter(email=completion.email, state=State.RECEIVED, reason="")
        others = open_ones.exclude(channel=BY_MAIL)
        waiting = others.exclude(pk=completion.pk).exclude(email="").order_by("pk")
        return decided + sum(_award(other, user, rule=rule, cause=cause) for other in waiting)


def create_member(completion: Completion, *, cause: Cause) -> Member:
    """Make the member whom a waiting completion names, without a password, and link everything under that address.

    A new member gets the mail with the set-up link; who was there already has had one of their own, or a password.
    Two at once: the unique address lets one of them make the user, and enqueue the mail. Raises CannotLink where the
    e-mail is no address.
    """
    if not completion.email:
        raise CannotLink(f"{completion.email_received!r} is no e-mail address")
    first, _space, last = completion.name.partition(" ")
    with transaction.atomic():
        user = User(email=completion.email, first_name=first, last_name=last.strip())
        user.set_unusable_password()
        is_new = insert_once(user)
        if is_new:
            emails.greet_created_member(user, course=completion.course)
        else:
            user = User.objects.get(email=completion.email)
        contact_aliases.assign(user, completion.email, cause=cause)
        link(completion, user, remember=False, cause=cause)
    return Member(user=user, created=is_new)


def dismiss(completion: Completion, *, cause: Cause) -> bool:
    """Nobody gets points for it, and `cause` says why; False where it does not wait any more."""
    waiting = Completion.objects.filter(pk=completion.pk, state=State.RECEIVED)
    return bool(
        waiting.update(state=State.DISMISSED, reason=cause.reason[:300], staff=cause.staff, decided_at=timezone.now())
    )


def award_by_hand(user: User, activity: Activity, *, batch: UUID, course: str = "", cause: Cause) -> Completion | None:
    """Points that staff give with a reason, once in a `batch`; None where that member has them.

    Without a course they stand beside whatever else the member did; with one they are that course's.
    """
    completion = Completion(
        activity=activity,
        source=f"{_of_batch(batch)}{user.pk}",
        channel=BY_STAFF,
        email_received=user.email,
        email=user.email,
        name=user.get_full_name()[:150],
        course=one_line(course, 255),
        course_key=course_key(course),
        completed_on=timezone.now().date(),
        is_once=activity.once_per_course and bool(course.strip()),
        cause=cause.text[:200],
    )
    with transaction.atomic():
        if completion.is_once and has_course(user, activity, completion.course_key):
            return None
        if not insert_once(completion):
            return None
        _award(completion, user, rule="given by staff", cause=cause)
    return completion


def award_again(completion: Completion, *, cause: Cause) -> bool:
    """Give the points of a completion whose member is known and that has none: reversed, or of a course that another
    completion gave points for, which were reversed. False where they stand, or the other's do.
    """
    if completion.user is None:
        return False
    open_states = (State.MATCHED.value, State.REVERSED.value)
    decided = _award(completion, completion.user, rule=completion.rule, cause=cause, out_of=open_states)
    return decided and completion.state == State.AWARDED


def reverse(completion: Completion, *, cause: Cause) -> PointsEntry | None:
    """Take the points of a completion back by a new line, and those of paths that are not met without it; None where
    it has none.
    """
    with transaction.atomic():
        line = points.reverse(completion, cause=cause)
        if line is not None:
            paths.withdraw(completion, cause=cause)
    return line


def undo_award_by_hand(completion: Completion, *, cause: Cause) -> int:
    """Reverse all awards that were given in one press together with this one; how many lines that made."""
    if completion.channel != BY_STAFF:
        return 0
    batch = completion.source.rpartition(":")[0]
    together = Completion.objects.filter(channel=BY_STAFF, source__startswith=f"{batch}:", state=State.AWARDED)
    with transaction.atomic():
        lines = [reverse(one, cause=cause) for one in together.select_related("user").order_by("user_id")]
    return sum(line is not None for line in lines)


def enqueue_digest() -> list[EmailMessage]:
    """One mail a day to staff about what waits for a person; nothing where nothing waits."""
    now = timezone.now()
    waiting = Completion.objects.filter(state=State.RECEIVED)
    if now.hour < DIGEST_HOUR or not waiting.exists():
        return []
    oldest = waiting.order_by("pk")[:20]
    with transaction.atomic():
        return emails.notify_staff(
            EmailMessage.Kind.STAFF_COMPLETIONS_WAITING,
            key=f"completions-waiting:{now:%Y-%m-%d}",
            context={
                "waiting": waiting.count(),
                "oldest": [f"{one.received_at:%Y-%m-%d}  {one.email_received}  {one.course}" for one in oldest],
                "admin_path": "/admin/accounts/completion/?state__exact=received",
            },
        )


def _match(completion: Completion, *, cause: Cause, is_new: bool = False) -> bool:
    """Award it to the member whose address it names; False where that is nobody's, or a person must look."""
    must_ask = completion.channel == BY_MAIL or completion.reason
    found = None if must_ask else lookup.member_with(completion.email)
    if found is None:
        return False
    user, rule = found
    return _award(completion, user, rule=rule, cause=cause, is_new=is_new)


def _award(
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


def _refuse(completion: Completion) -> None:
    """Make a completion that is not kept yet one that was decided against.

    Its member is noted, but it is not matched: what is matched was completed, points or no points.
    """
    completion.state = State.DISMISSED
    completion.user, completion.rule = lookup.member_with(completion.email) or (None, "")
    completion.decided_at = timezone.now()


def has_course(user: User, activity: Activity, key: str) -> bool:
    awarded = Completion.objects.filter(user=user, activity=activity, course_key=key, state=State.AWARDED)
    return awarded.filter(is_once=True).exists()


def _of_batch(batch: UUID) -> str:
    return f"staff:{batch}:"
