"""Decisions of staff about completions: whose they are, and whether they give points."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from accounts.courses import paths, points, retakes
from accounts.courses.completions import award, course_key
from accounts.courses.models import Activity, Completion, PointsEntry
from accounts.courses.models.completion import BY_MAIL, BY_PATH, BY_STAFF
from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.people import contact_aliases
from accounts.people.members import Member
from accounts.people.models import User
from core.cause import Cause
from core.days import day_of, today
from core.insert_once import insert_once
from core.phrases import Phrase
from core.text import one_line

State = Completion.State
LINKABLE = (State.RECEIVED.value, State.DISMISSED.value, State.REVERSED.value)
DIGEST_HOUR = 7  # of the business, in TIME_ZONE
_LINKED, _GIVEN = Phrase("linked by staff: {email}"), Phrase("given by staff")


class CannotLink(Exception):
    """Nobody can be linked or made; the message says why."""


def is_linkable(completion: Completion) -> bool:
    """Return whether staff may link it to a member; the points of a path follow from one member's courses alone."""
    return completion.state in LINKABLE and completion.channel != BY_PATH


def link(completion: Completion, user: User, *, remember: bool, course: str = "", cause: Cause) -> int:
    """Link a completion to `user` and award it, with all others that are pending under that address; return how many.

    `remember`: the address means this member from now on. `course` corrects the course's name. What is awarded already
    is left alone: it has to be reversed first.
    """
    if completion.channel == BY_PATH:
        return 0
    rule = _LINKED(email=cause.staff.email) if cause.staff else "linked"
    with transaction.atomic():
        if remember and completion.email:
            contact_aliases.assign(user, completion.email, cause=cause)
        if course.strip():
            open_ones = Completion.objects.filter(pk=completion.pk, state__in=LINKABLE)
            open_ones.update(course=one_line(course, 255), course_key=course_key(course))
        decided = award(completion, user, rule=rule, cause=cause, out_of=LINKABLE)
        open_ones = Completion.objects.filter(email=completion.email, state=State.RECEIVED, reason="")
        others = open_ones.exclude(channel=BY_MAIL)
        pending = others.exclude(pk=completion.pk).exclude(email="").order_by("pk")
        return decided + sum(award(other, user, rule=rule, cause=cause) for other in pending)


def create_member(completion: Completion, *, cause: Cause) -> Member:
    """Create the member whom a pending completion names, without a password, and link everything under that address.

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
    """Dismiss a completion, so that it gives no points; False where it is not pending any more."""
    pending = Completion.objects.filter(pk=completion.pk, state=State.RECEIVED)
    return bool(
        pending.update(state=State.DISMISSED, reason=cause.reason[:300], staff=cause.staff, decided_at=timezone.now())
    )


def award_by_hand(user: User, activity: Activity, *, batch: UUID, course: str = "", cause: Cause) -> Completion | None:
    """Give a member points with a reason, once in a `batch`; None where that member has them.

    Without a course they stand beside whatever else the member did; with one they are that course's.
    """
    completion = Completion(
        activity=activity,
        source=f"{BY_STAFF}:{batch}:{user.pk}",
        channel=BY_STAFF,
        email_received=user.email,
        email=user.email,
        name=user.get_full_name()[:150],
        course=one_line(course, 255),
        course_key=course_key(course),
        completed_on=today(),
        is_once=activity.once_per_course and bool(course.strip()),
        cause=cause.text[:200],
    )
    with transaction.atomic():
        awarded = Completion.objects.filter(user=user, activity=activity, state=State.AWARDED, is_once=True)
        given = awarded.filter(course_key=completion.course_key)
        if completion.is_once and retakes.standing_in_the_way(completion, given) is not None:
            return None
        if not insert_once(completion):
            return None
        award(completion, user, rule=_GIVEN(), cause=cause)
    return completion


def award_again(completion: Completion, *, cause: Cause) -> bool:
    """Give the points of a completion whose member is known and that has none: reversed, or of a course that another
    completion gave points for, which were reversed. False where they stand, or the other's do.
    """
    if completion.user is None:
        return False
    open_states = (State.MATCHED.value, State.REVERSED.value)
    decided = award(completion, completion.user, rule=completion.rule, cause=cause, out_of=open_states)
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
    """Reverse all awards of one batch, given together with this one; return the number of lines that made."""
    if completion.channel != BY_STAFF:
        return 0
    batch = completion.source.rpartition(":")[0]
    together = Completion.objects.filter(channel=BY_STAFF, source__startswith=f"{batch}:", state=State.AWARDED)
    with transaction.atomic():
        lines = [reverse(item, cause=cause) for item in together.select_related("user").order_by("user_id")]
    return sum(line is not None for line in lines)


def enqueue_digest() -> list[EmailMessage]:
    """Notify staff once a day of completions that need review."""
    now = timezone.localtime(timezone=timezone.get_default_timezone())
    pending = Completion.objects.filter(state=State.RECEIVED)
    if now.hour < DIGEST_HOUR or not pending.exists():
        return []
    oldest = pending.order_by("pk")[:20]
    with transaction.atomic():
        return emails.notify_staff(
            EmailMessage.Kind.STAFF_COMPLETIONS_WAITING,
            key=f"completions-waiting:{now:%Y-%m-%d}",
            context=lambda: {
                "waiting": pending.count(),
                "oldest": [f"{_day(item.received_at)}  {item.email_received}  {item.course}" for item in oldest],
                "admin_path": "/admin/accounts/completion/?state__exact=received",
            },
        )


def _day(moment: datetime) -> str:
    return date_format(day_of(moment), "SHORT_DATE_FORMAT")
