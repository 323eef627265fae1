"""Subscriptions whose stored state differs from what their facts amount to: after an upgrade that changes the rules."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from accounts.memberships import explain, subscriptions
from accounts.memberships.access_span import AccessSpan
from accounts.memberships.models import Subscription
from accounts.memberships.subscription_state import History
from core.cause import Cause

AT_ONCE = 200  # rows that are read together


@dataclass(frozen=True, kw_only=True)
class Shown(AccessSpan):
    """The columns of a subscription that staff see and that open its pages."""

    status: str
    paid_until: datetime | None
    access_from: datetime | None
    access_until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A subscription, its state as stored and by its facts, and the reason of the new one.

    `is_changed` is False where only its purchases are not stored yet.
    """

    subscription: Subscription
    before: Shown
    after: Shown
    reason: str

    @property
    def is_changed(self) -> bool:
        return self.before != self.after

    @property
    def changes_access(self) -> bool:
        """Return whether somebody who has access now loses it, or the other way round."""
        now = timezone.now()
        return self.before.is_open(now) != self.after.is_open(now)

    @property
    def gains_access(self) -> bool:
        now = timezone.now()
        return self.after.is_open(now) and not self.before.is_open(now)


def differences() -> Iterator[Difference]:
    """Return what recomputing would change, oldest first. Reads only, in batches.

    Subscriptions without facts are left out: nothing says what they should be.
    """
    last = 0
    while True:
        batch = list(
            Subscription.objects.filter(pk__gt=last, facts__isnull=False)
            .distinct()
            .select_related("user", "plan")
            .prefetch_related("facts", "purchases")
            .order_by("pk")[:AT_ONCE]
        )
        for subscription in batch:
            difference = difference_of(subscription, now=timezone.now())
            if difference.is_changed or not subscription.purchases.all():
                yield difference
        if not batch:
            return
        last = batch[-1].pk


def difference_of(subscription: Subscription, *, now: datetime) -> Difference:
    """Compare a subscription as it is stored with what its facts amount to at `now`."""
    history = subscriptions.history_by_facts(subscription)
    state = history.at(now)
    before = Shown(
        status=subscription.status,
        paid_until=subscription.current_period_end,
        access_from=subscription.access_from,
        access_until=subscription.access_until,
    )
    after = Shown(
        status=str(state.status),
        paid_until=state.period_end,
        access_from=state.access_from,
        access_until=state.access_until,
    )
    if before.access_from and after.access_from and max(before.access_from, after.access_from) <= now:
        # Both have begun. Where a sender's clock is ahead, the beginning by the facts is whenever it is asked for.
        after = replace(after, access_from=before.access_from)
    return Difference(
        subscription=subscription, before=before, after=after, reason=_reason(before, after, history, now)
    )


def apply(difference: Difference, *, cause: Cause) -> None:
    """Recompute one subscription under its lock, in a transaction of its own. Sends no mail; again is harmless."""
    subscriptions.recompute(difference.subscription, cause=cause)


def _reason(before: Shown, after: Shown, history: History, now: datetime) -> str:
    """Say by which rule the state is another one."""
    purchase = history.deciding(now)
    if (before.status, before.paid_until) == (after.status, after.paid_until) and purchase is not None:
        grace = purchase.plan.grace.days
        if after.access_until is not None and after.access_until != after.paid_until:
            return f"access lasts {grace} grace days after what was paid"
    words = [explain.because(purchase, now)]
    fact = explain.deciding(purchase, now) if purchase is not None else None
    rule = next((one.rule for one in history.assigned if one.fact is fact), None)
    if rule is not None:
        words.append(str(rule.label))
    if len(history.purchases) > 1 and purchase is not None:
        words.append(f"{explain.named(purchase)}, one of {len(history.purchases)}")
    return "; ".join(words)
