"""Milestones and learning paths: activities whose points are given once the courses that they require are done.

A requirement is met by an awarded completion of its course, or by progress that reached its share; 100 percent is the
whole course. A completion without points counts nothing: it repeats an awarded one, or was refused. Only courses count,
so no path can require a path.

Whoever gives or takes points here holds the member's row (`points.lock_member`) while it reads what is done: of two
completions that meet a path together, the second sees the first. The constraints of completions and of the ledger
forbid a second award all the same.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Case, CharField, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from accounts.courses import points
from accounts.courses.models import Activity, Completion, CourseProgress, Requirement
from accounts.courses.models.completion import BY_PATH
from accounts.people.models import User
from accounts.people.models.user import NOBODY
from core.cause import SCHEDULE, Cause
from core.days import day_of
from core.insert_once import insert_once
from core.phrases import NUMBER, Phrase
from core.text import loose_title_key

State = Completion.State
_OPEN = (State.RECEIVED.value, State.REVERSED.value)
_SWEPT_AT_ONCE = 200  # members
_LONGEST_TRANSACTION = timedelta(minutes=1)  # longer than any attempt may take
_COMPLETED = Phrase("{met} of {required} required courses, {needed} needed", met=NUMBER, required=NUMBER, needed=NUMBER)


@dataclass(frozen=True, kw_only=True)
class Done:
    """A member's part of a course: the day on which it was completed, or the highest percent and its day."""

    text: str
    on: date
    percent: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A member's state on a path: each requirement with what meets it, if anything does."""

    path: Activity
    required: Sequence[tuple[Requirement, Done | None]]

    @property
    def met(self) -> int:
        return sum(done is not None for _requirement, done in self.required)

    @property
    def needed(self) -> int:
        return self.path.needed or len(self.required)

    @property
    def is_met(self) -> bool:
        return bool(self.required) and self.met >= self.needed

    @property
    def evidence(self) -> dict[str, str]:
        """Return the courses that count, each with what it counts by."""
        return {requirement.course: done.text for requirement, done in self.required if done is not None}

    @property
    def completed_on(self) -> date:
        """Return the day on which the path was met: enough courses were done by then."""
        return sorted(done.on for _requirement, done in self.required if done is not None)[self.needed - 1]


def all_paths() -> QuerySet[Activity]:
    """Return the active activities that require courses, each with its requirements."""
    return (
        Activity.objects.filter(is_active=True, requirements__isnull=False)
        .distinct()
        .order_by("code")
        .prefetch_related("requirements")
    )


def standing(user: User, path: Activity) -> Standing:
    """Return how far a member is, read now. `path.requirements` may be prefetched."""
    required = list(path.requirements.all())
    keys = {requirement.course_key for requirement in required}
    completions = _completed(user).filter(course_key__in=keys).order_by("completed_on", "pk")
    progress = CourseProgress.objects.filter(user=user, course_key__in=keys).order_by("highest", "-highest_at")
    return judged(path, completions=completions, progress=progress)


def judged(path: Activity, *, completions: Iterable[Completion], progress: Iterable[CourseProgress]) -> Standing:
    """Return how far somebody with these completions and this progress is on a path."""
    completed: dict[str, Completion] = {}
    for completion in completions:
        completed.setdefault(completion.course_key, completion)
    reached = {row.course_key: row for row in progress}
    required = []
    for requirement in path.requirements.all():
        done = None
        key = requirement.course_key
        if key in completed:
            day = completed[key].completed_on
            done = Done(text=f"completed on {day} (completion {completed[key].pk})", on=day, percent=100)
        elif key in reached and reached[key].highest >= requirement.share:
            row = reached[key]
            day = day_of(row.highest_at)
            done = Done(text=f"{row.highest} % on {day}", on=day, percent=row.highest)
        required.append((requirement, done))
    return Standing(path=path, required=required)


def follow(user: User, keys: Collection[str], *, cause: Cause) -> list[Completion]:
    """Award a member the paths that they meet now, of those that require one of these courses.

    Inside the transaction that stored what they did; returns the paths' completions.
    """
    affected = all_paths().filter(Exists(Requirement.objects.filter(activity=OuterRef("pk"), course_key__in=keys)))
    return [completion for path in affected if (completion := award(user, path, cause=cause)) is not None]


def award(user: User, path: Activity, *, cause: Cause) -> Completion | None:
    """Award a path where the member meets it and has not got its points; return its completion, or None.

    What staff took back stays taken back: only what was reversed without a person is given again.
    """
    if user.email.endswith(NOBODY):
        return None
    with transaction.atomic():
        points.lock_member(user)
        now = standing(user, path)
        if not now.is_met:
            return None
        completion = Completion(
            activity=path,
            source=_source(path, user.pk),
            channel=BY_PATH,
            email_received=user.email,
            email=user.email,
            name=user.get_full_name()[:150],
            completed_on=now.completed_on,
            answers=now.evidence,
            cause=cause.text[:200],
            event_id=cause.event_id,
        )
        is_new = insert_once(completion)
        if not is_new:
            completion = Completion.objects.select_related("activity").get(source=completion.source, activity=path)
            if completion.channel != BY_PATH or completion.state != State.REVERSED or completion.staff_id is not None:
                return None
            completion.answers, completion.completed_on = now.evidence, now.completed_on
            completion.save(update_fields=["answers", "completed_on"])
        rule = _COMPLETED(met=now.met, required=len(now.required), needed=now.needed)
        points.award(completion, user, rule=rule, cause=_automatic(cause), out_of=_OPEN, is_new=is_new)
    return completion if completion.state == State.AWARDED else None


def withdraw(completion: Completion, *, cause: Cause) -> list[Completion]:
    """Take back the points of the member's paths that counted a completion which was just reversed, and are not met
    without it; their completions.

    Only what was given without a person is taken back without one. Inside the transaction of the reversal.
    """
    if completion.user is None or completion.channel == BY_PATH or not completion.course_key:
        return []
    given = Completion.objects.filter(user=completion.user, channel=BY_PATH, state=State.AWARDED, staff=None)
    taken = []
    for of_path in given.select_related("activity", "user").order_by("pk"):
        counted = {loose_title_key(course) for course in of_path.answers}
        if completion.course_key not in counted or not of_path.activity.requirements.exists():
            continue
        now = standing(completion.user, of_path.activity)
        if now.is_met:
            Completion.objects.filter(pk=of_path.pk).update(answers=now.evidence)
            continue
        reason = f"not met without completion {completion.pk} ({completion.course}), which was reversed: {cause.reason}"
        if points.reverse(of_path, cause=_automatic(cause, reason)) is not None:
            taken.append(of_path)
    return taken


def lacking(path: Activity) -> QuerySet[User]:
    """Return the members who meet a path and have not got its points, as one query: for sweeps and for counting."""
    required = list(path.requirements.all())
    if not required:
        return User.objects.none()
    keys = [requirement.course_key for requirement in required]
    counted = Completion.objects.filter(_COUNTS, course_key__in=keys).values("user")
    begun = CourseProgress.objects.filter(course_key__in=keys, user__isnull=False).values("user")
    met: Combinable = Value(0, output_field=IntegerField())
    for requirement in required:
        met = met + Case(When(_meets(requirement), then=Value(1)), default=Value(0), output_field=IntegerField())
    source = Concat(Value(_source(path, "")), Cast(OuterRef("pk"), CharField()))
    settled = Completion.objects.filter(activity=path, source=source)
    settled = settled.exclude(channel=BY_PATH, state=State.REVERSED, staff=None)
    return (
        User.objects.filter(Q(pk__in=counted) | Q(pk__in=begun))
        .exclude(email__endswith=NOBODY)
        .alias(met=met)
        .filter(met__gte=path.needed or len(required))
        .exclude(Exists(settled))
        .order_by("pk")
    )


def changed() -> None:
    """Schedule a sweep for members who meet the paths as they are now; staff changed what counts."""
    Activity.objects.filter(requirements__isnull=False).update(sweep_since=timezone.now())


def sweep() -> int:
    """Award changed paths to members who meet them, some at a time; return how many. For the clock.

    A path is done when nobody is found a minute after its last change: by then whoever completed a course without
    seeing the change has committed it.
    """
    given, left = 0, _SWEPT_AT_ONCE
    for path in all_paths().filter(sweep_since__isnull=False):
        if not left:
            break
        members = list(lacking(path)[:left])
        left -= len(members)
        given += sum(award(user, path, cause=SCHEDULE) is not None for user in members)
        settled = timezone.now() - _LONGEST_TRANSACTION
        if not members and path.sweep_since is not None and path.sweep_since < settled:
            Activity.objects.filter(pk=path.pk, sweep_since=path.sweep_since).update(sweep_since=None)
    return given


_COUNTS = Q(state=State.AWARDED, activity__completes_course=True) & ~Q(channel=BY_PATH)


def _completed(user: User) -> QuerySet[Completion]:
    return Completion.objects.filter(_COUNTS, user=user)


def _meets(requirement: Requirement) -> Q:
    completed = Completion.objects.filter(_COUNTS, user=OuterRef("pk"), course_key=requirement.course_key)
    progress = CourseProgress.objects.filter(
        user=OuterRef("pk"), course_key=requirement.course_key, highest__gte=requirement.share
    )
    return Q(Exists(completed)) | Q(Exists(progress))


def _source(path: Activity, user: object) -> str:
    return f"path:{path.pk}:{user}"


def _automatic(cause: Cause, reason: str = "") -> Cause:
    """Return the cause without the staff user: what follows automatically may be undone automatically."""
    return Cause(text=cause.text, event_id=cause.event_id, reason=reason)
