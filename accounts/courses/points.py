"""The ledger: the only writer of its lines, and of a completion's way from matched to awarded and back.

Whoever awards or reverses holds the member's row until the end of the transaction, so that two at once come one after
the other; the constraints of the tables forbid a second award all the same.
"""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from accounts.courses import certificates, completion_mails, retakes
from accounts.courses.models import Completion, PointsEntry
from accounts.people.models import User
from core.cause import Cause
from core.insert_once import insert_once

State = Completion.State
PENDING = State.RECEIVED.value


def balance(user: User) -> int:
    """Return the sum of the member's lines."""
    return int(PointsEntry.objects.filter(user=user).balance())


def lock_member(user: User) -> None:
    """Lock the member's row until the end of the transaction: whoever else gives or takes their points waits."""
    User.objects.select_for_update(no_key=True).values_list("pk", flat=True).get(pk=user.pk)


def award(
    completion: Completion,
    user: User,
    *,
    rule: str,
    cause: Cause,
    out_of: Collection[str] = (PENDING,),
    is_new: bool = False,
) -> bool:
    """Give `user` the points of a completion; False where it was decided before: it is in none of the states `out_of`.

    `is_new`: it was made in this transaction, so that nobody else can have decided it. Where the member has the points
    for this course already, the completion is theirs without points (`matched`). `completion` is afterwards as it is in
    the database.
    """
    with transaction.atomic():
        lock_member(user)
        if not is_new:
            _reread(completion)
        if completion.state not in out_of or completion.state == State.AWARDED:
            return False
        completion.user, completion.rule = user, rule[:200]
        given = _awarded_before(completion, user) if completion.is_once else []
        before = retakes.standing_in_the_way(completion, given)
        if before is not None:
            completion.retake = 0
            _decide(completion, State.MATCHED, cause, reason=retakes.reason(completion, before))
            certificates.enqueue_check(completion)
            return True
        completion.retake = max((other.retake for other in given), default=-1) + 1
        entry = PointsEntry(
            user=user,
            points=completion.activity.points,
            activity=completion.activity,
            completion=completion,
            source=completion.source,
            follows=None if is_new else completion.entries.filter(reverses__isnull=False, next_award=None).first(),
            **_columns_of(cause),
        )
        if not insert_once(entry):
            raise RuntimeError(f"completion {completion.pk} has points and is {completion.state}")
        _decide(completion, State.AWARDED, cause, reason=cause.reason)
        certificates.enqueue_check(completion)
        completion_mails.enqueue(completion)
    return True


def reverse(completion: Completion, *, cause: Cause) -> PointsEntry | None:
    """Take the points of a completion back by a new line; None where it has none. `cause` says why."""
    if completion.user is None:
        return None
    with transaction.atomic():
        lock_member(completion.user)
        _reread(completion)
        if completion.state != State.AWARDED:
            return None
        given = completion.entries.get(reverses__isnull=True, reversal=None)
        entry = PointsEntry(
            user=given.user,
            points=-given.points,
            activity=given.activity,
            completion=completion,
            source=given.source,
            reverses=given,
            **_columns_of(cause),
        )
        if not insert_once(entry):
            raise RuntimeError(f"line {given.pk} has its reversal, and completion {completion.pk} is still awarded")
        _decide(completion, State.REVERSED, cause, reason=cause.reason)
    return entry


def _awarded_before(completion: Completion, user: User) -> list[Completion]:
    """Return the member's other completions of this course that have the points for it."""
    awarded = Completion.objects.filter(
        user=user, activity=completion.activity_id, course_key=completion.course_key, state=State.AWARDED, is_once=True
    )
    return list(awarded.exclude(pk=completion.pk).only("source", "completed_on", "retake").order_by("completed_on"))


def _reread(completion: Completion) -> None:
    now = Completion.objects.select_for_update(of=("self",), no_key=True).select_related("activity", "user")
    fresh = now.get(pk=completion.pk)
    for column in Completion._meta.concrete_fields:
        setattr(completion, column.attname, getattr(fresh, column.attname))
    completion.activity, completion.user = fresh.activity, fresh.user


def _decide(completion: Completion, state: str, cause: Cause, *, reason: str) -> None:
    completion.state, completion.reason = state, reason[:300]
    completion.staff, completion.decided_at = cause.staff, timezone.now()
    completion.save(update_fields=["state", "reason", "staff", "decided_at", "user", "rule", "retake"])


def _columns_of(cause: Cause) -> dict[str, object]:
    """Return the columns of a line that say why it stands."""
    return {
        "cause": cause.text[:200],
        "event_id": cause.event_id,
        "staff": cause.staff,
        "reason": cause.reason[:300],
    }
