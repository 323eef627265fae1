"""Actions of staff on a subscription: each is a fact of its own, with its reason."""

from datetime import datetime
from uuid import uuid4

from django.utils import timezone

from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan, Subscription
from accounts.memberships.subscriptions import Recorded, record
from accounts.people.models import User
from core.cause import Cause


def cancel(subscription: Subscription, *, cause: Cause) -> Recorded:
    """End the subscription with its paid period; access stays until then."""
    return _by_hand(subscription, FactKind.CANCELED, cause=cause)


def expire(subscription: Subscription, *, cause: Cause) -> Recorded:
    """End the subscription and its access now."""
    return _by_hand(subscription, FactKind.EXPIRED, cause=cause)


def extend(subscription: Subscription, *, until: datetime, cause: Cause) -> Recorded:
    """Give access until `until`, also to an expired or refunded subscription, beside what was bought.

    Raises ValueError where that is no later than the access that there is: extending never shortens.
    """
    if until <= timezone.now():
        raise ValueError("The new end must lie in the future.")
    subscription = Subscription.objects.select_related("user", "plan").get(pk=subscription.pk)
    if subscription.has_access and (subscription.access_until is None or until <= subscription.access_until):
        raise ValueError("Access lasts longer already. To end it earlier, use the action that shortens.")
    return _by_hand(subscription, FactKind.EXTENDED, cause=cause, period_end=until)


def shorten(subscription: Subscription, *, until: datetime, cause: Cause) -> Recorded:
    """Let all access end at `until`. Raises ValueError where that is past, or no earlier than the present end."""
    if until <= timezone.now():
        raise ValueError("The new end must lie in the future. To end access now, use the action that ends it.")
    subscription = Subscription.objects.select_related("user", "plan").get(pk=subscription.pk)
    if not subscription.has_access or (subscription.access_until is not None and until >= subscription.access_until):
        raise ValueError("Access does not last that long. To give more, extend it.")
    return _by_hand(subscription, FactKind.CANCELED, cause=cause, period_end=until)


def grant(user: User, plan: Plan, *, until: datetime, cause: Cause) -> Recorded:
    """Give `user` access to `plan` until `until` by hand. Raises ValueError for the past."""
    if until <= timezone.now():
        raise ValueError("The end must lie in the future.")
    fact = Fact(key=f"staff:{uuid4()}", kind=FactKind.EXTENDED, occurred_at=timezone.now(), period_end=until)
    return record(user, plan, fact, cause=cause)


def _by_hand(
    subscription: Subscription, kind: FactKind, *, cause: Cause, period_end: datetime | None = None
) -> Recorded:
    fact = Fact(key=f"staff:{uuid4()}", kind=kind, occurred_at=timezone.now(), period_end=period_end)
    return record(subscription.user, subscription.plan, fact, cause=cause)
