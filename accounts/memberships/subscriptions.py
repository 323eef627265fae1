"""Subscriptions: the only writers of their status, their facts and their history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from accounts.memberships.models import Plan, Subscription, SubscriptionFact, SubscriptionTransition
from accounts.memberships.models.subscription import FactKind
from accounts.memberships.subscription_state import Fact, State, state_of, steps
from accounts.people.models import User
from core.cause import SCHEDULE, Cause
from core.insert_once import insert_once

EXPIRE_AT_ONCE = 500  # rows in one transaction


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The result of recording a fact: no `transition` where the status stayed, `known` where the fact was there
    already.

    `changed` says whether status or end of access are others than before.
    """

    subscription: Subscription
    transition: SubscriptionTransition | None = None
    known: bool = False
    changed: bool = False


def record(user: User, plan: Plan, fact: Fact, *, cause: Cause, provider: str = "") -> Recorded:
    """Keep `fact`, once by its key, and bring the user's subscription to what all its facts amount to.

    Safe against copies (a fact's key is unique), disorder (the state is computed from all facts) and itself (the
    subscription's row is locked; two first facts at once meet at the unique constraint).
    """
    row = SubscriptionFact(
        key=fact.key,
        kind=fact.kind,
        occurred_at=fact.occurred_at,
        period_end=fact.period_end,
        references=dict(fact.references),
        cause=cause.text[:200],
        event_id=cause.event_id,
        staff=cause.staff,
    )
    with transaction.atomic(savepoint=False):
        subscription, is_new = _locked_or_created(user, plan, row, provider=provider)
        facts = [] if is_new else list(subscription.facts.all())
        if any(known.key == row.key for known in facts):
            return Recorded(subscription=subscription, known=True)
        row.subscription = subscription
        row.save(force_insert=True)
        before = "" if is_new else subscription.status
        end_before = subscription.current_period_end
        transition = _refresh(subscription, [*facts, row], before=before, cause=cause)
        changed = transition is not None or subscription.current_period_end != end_before
        return Recorded(subscription=subscription, transition=transition, changed=changed)


def cancel(subscription: Subscription, *, cause: Cause) -> Recorded:
    """End the subscription with its paid period; access stays until then."""
    return _by_hand(subscription, FactKind.CANCELED, cause=cause)


def expire(subscription: Subscription, *, cause: Cause) -> Recorded:
    """End the subscription and its access now."""
    return _by_hand(subscription, FactKind.EXPIRED, cause=cause)


def extend(subscription: Subscription, *, until: datetime, cause: Cause) -> Recorded:
    """Give access until `until`, also to an expired or refunded subscription. Raises ValueError for the past."""
    if until <= timezone.now():
        raise ValueError("The new end must lie in the future.")
    return _by_hand(subscription, FactKind.EXTENDED, cause=cause, period_end=until)


def grant(user: User, plan: Plan, *, until: datetime, cause: Cause) -> Recorded:
    """Give `user` access to `plan` until `until` by hand. Raises ValueError for the past."""
    if until <= timezone.now():
        raise ValueError("The end must lie in the future.")
    fact = Fact(key=f"staff:{uuid4()}", kind=FactKind.EXTENDED, occurred_at=timezone.now(), period_end=until)
    return record(user, plan, fact, cause=cause)


def steps_of(plan: Plan, rows: Iterable[SubscriptionFact]) -> list[tuple[Fact, State]]:
    """Return a subscription's facts in the order in which they count, each with the state that it led to."""
    return steps(map(_fact, rows), period_months=plan.period_months)


def expire_ended(*, now: datetime | None = None) -> int:
    """Mark what ran out as expired; the number of subscriptions that changed. Two at once do each of them once."""
    now = now or timezone.now()
    changed = 0
    while True:
        with transaction.atomic():
            ended = list(
                Subscription.objects.ended(now)
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("plan")
                .prefetch_related("facts")
                .order_by("current_period_end")[:EXPIRE_AT_ONCE]
            )
            moved = [
                subscription
                for subscription in ended
                if _refresh(subscription, subscription.facts.all(), before=subscription.status, cause=SCHEDULE, now=now)
            ]
        changed += len(moved)
        if len(ended) < EXPIRE_AT_ONCE or not moved:
            return changed


def _by_hand(
    subscription: Subscription, kind: FactKind, *, cause: Cause, period_end: datetime | None = None
) -> Recorded:
    fact = Fact(key=f"staff:{uuid4()}", kind=kind, occurred_at=timezone.now(), period_end=period_end)
    return record(subscription.user, subscription.plan, fact, cause=cause)


def _locked_or_created(user: User, plan: Plan, row: SubscriptionFact, *, provider: str) -> tuple[Subscription, bool]:
    """The user's subscription under a lock, and whether it was made just now, in the state that its first fact gives
    it.

    Two workers with a first fact each: the second one's insert waits for the first one's transaction, and finds its row
    then.
    """
    existing = Subscription.objects.select_for_update().filter(user=user, plan=plan)
    subscription = existing.first()
    if subscription is None:
        subscription = Subscription(user=user, plan=plan, provider=provider)
        _write(subscription, _state(plan, [row], timezone.now()))
        if insert_once(subscription):
            return subscription, True
        subscription = existing.get()
    subscription.user, subscription.plan = user, plan
    return subscription, False


def _state(plan: Plan, rows: Iterable[SubscriptionFact], now: datetime) -> State:
    return state_of(map(_fact, rows), period_months=plan.period_months, now=now)


def _fact(row: SubscriptionFact) -> Fact:
    return Fact(
        key=row.key, kind=row.kind, occurred_at=row.occurred_at, period_end=row.period_end, references=row.references
    )


def _refresh(
    subscription: Subscription,
    rows: Iterable[SubscriptionFact],
    *,
    before: str,
    cause: Cause,
    now: datetime | None = None,
) -> SubscriptionTransition | None:
    """Bring the columns to what the facts amount to and note a change of status; the caller holds the row's lock."""
    now = now or timezone.now()
    state = _state(subscription.plan, rows, now)
    _write(subscription, state)
    if before:  # a new row was inserted in this state
        subscription.save()
    if subscription.status == before:
        return None
    return SubscriptionTransition.objects.create(
        subscription=subscription,
        from_status=before,
        to_status=subscription.status,
        occurred_at=state.changed_at or now,
        cause=cause.text[:200],
        event_id=cause.event_id,
        staff=cause.staff,
        reason=cause.reason[:500],
    )


def _write(subscription: Subscription, state: State) -> None:
    subscription.status = state.status
    subscription.started_at = state.started_at
    subscription.current_period_end = state.period_end
    subscription.canceled_at = state.canceled_at
    subscription.external_member_id = state.references.get("member", "")
    subscription.external_offer_id = state.references.get("offer", "")
    subscription.external_purchase_id = state.references.get("purchase", "")
