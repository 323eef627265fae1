"""Subscriptions: the only writers of their facts, their purchases, their status and its history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from accounts.memberships import notices
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan, Purchase, Subscription, SubscriptionFact, SubscriptionTransition
from accounts.memberships.notices import Access, Mails
from accounts.memberships.purchase_state import Purchase as PurchaseState
from accounts.memberships.subscription_state import Assigned, History, State, history_of, steps
from accounts.memberships.terms import StatedTerms
from accounts.people.models import User
from core.cause import SCHEDULE, Cause
from core.insert_once import insert_once

ADVANCE_AT_ONCE = 500  # rows in one transaction


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The result of recording a fact: no `transition` where the status stayed, `known` where the fact was there
    already.

    `changed` says whether status or end of access are others than before; `question` what staff are asked about the
    `fact`, "" for nothing.
    """

    subscription: Subscription
    transition: SubscriptionTransition | None = None
    known: bool = False
    changed: bool = False
    question: str = ""
    fact: SubscriptionFact | None = None


def record(
    user: User, plan: Plan, fact: Fact, *, cause: Cause, provider: str = "", mails: Mails = Mails.SEND
) -> Recorded:
    """Store `fact`, once by its key, and bring the user's subscription to what all its facts amount to.

    The mails that this brings (`notices`) are enqueued, held or left out, by `mails`.

    Safe against copies (a fact's key is unique), disorder (the state is computed from all facts) and itself (the
    subscription's row is locked; two first facts at once meet at the unique constraint).
    """
    row = SubscriptionFact(
        key=fact.key,
        kind=fact.kind,
        occurred_at=fact.occurred_at,
        period_end=fact.period_end,
        references=dict(fact.references),
        terms=fact.terms.as_json(),
        chosen=fact.chosen,
        cause=cause.text[:200],
        event_id=cause.event_id,
        staff=cause.staff,
        reason=cause.reason[:500],
    )
    now = timezone.now()
    with transaction.atomic(savepoint=False):
        existing = Subscription.objects.select_for_update().filter(user=user, plan=plan)
        subscription = existing.first()
        is_new = subscription is None
        if subscription is None:
            # Two workers with a first fact each: the second one's insert waits for the first one's, and finds it then.
            subscription = Subscription(user=user, plan=plan, provider=provider)
            _write(subscription, history_of([fact], plan=plan.terms).at(now))
            is_new = insert_once(subscription)
            subscription = subscription if is_new else existing.get()
        subscription.user, subscription.plan = user, plan
        facts = [] if is_new else list(subscription.facts.all())
        for known in facts:
            if known.key == row.key:
                question = "" if known.answered_at else known.question
                return Recorded(subscription=subscription, known=True, question=question)
        end_before = None if is_new else (subscription.access_until, subscription.current_period_end)
        transition = _refresh(subscription, [*facts, row], cause=cause, now=now, is_new=is_new, added=row, mails=mails)
        changed = transition is not None or end_before != (subscription.access_until, subscription.current_period_end)
        return Recorded(
            subscription=subscription, transition=transition, changed=changed, question=row.question, fact=row
        )


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


def decide(row: SubscriptionFact, *, purchase: Purchase | None, cause: Cause) -> Recorded:
    """Take staff's answer to a fact's question: it is about this purchase, or (None) is left to the rules."""
    with transaction.atomic():
        subscription = (
            Subscription.objects.select_for_update().select_related("user", "plan").get(pk=row.subscription_id)
        )
        SubscriptionFact.objects.filter(pk=row.pk).update(
            chosen=purchase.key if purchase else "",
            answered_at=timezone.now(),
            staff=cause.staff,
            reason=cause.reason[:500],
        )
        end_before = subscription.access_until
        transition = _refresh(subscription, subscription.facts.all(), cause=cause, now=timezone.now())
        changed = transition is not None or subscription.access_until != end_before
        return Recorded(subscription=subscription, transition=transition, changed=changed)


def with_purchase(external_id: str, *, user: User | None) -> Subscription | None:
    """Return the subscription of `user` that the purchase with this id belongs to, None for none."""
    if user is None:
        return None
    purchases = Purchase.objects.filter(external_id=external_id, subscription__user=user)
    known = purchases.select_related("subscription__plan").order_by("-pk").first()
    return known.subscription if known else None


def only_plan_of(user: User | None) -> Plan | None:
    """Return the plan of `user`, where they have one subscription and no other."""
    known = list(user.subscriptions.select_related("plan")[:2]) if user else []
    return known[0].plan if len(known) == 1 else None


def recompute(subscription: Subscription, *, cause: Cause) -> SubscriptionTransition | None:
    """Bring a subscription to what its facts amount to by the rules of today, without mails; its row is locked."""
    with transaction.atomic():
        locked = Subscription.objects.select_for_update().select_related("user", "plan").get(pk=subscription.pk)
        return _refresh(locked, locked.facts.all(), cause=cause, now=timezone.now(), mails=Mails.NONE)


def history_by_facts(subscription: Subscription) -> History:
    """Return the purchases that the subscription's facts amount to; nothing is changed."""
    return _history(subscription.plan, subscription.facts.all())


def steps_of(plan: Plan, rows: Iterable[SubscriptionFact]) -> list[tuple[Assigned, State]]:
    """Return a subscription's facts in the order in which they count, each with the state that it led to."""
    return steps(map(_fact, rows), plan=plan.terms)


def advance(*, now: datetime | None = None) -> int:
    """Bring to their state what the clock changed; the number that changed status. Two at once do each of them once."""
    now = now or timezone.now()
    changed = 0
    while True:
        with transaction.atomic():
            due = list(
                Subscription.objects.due(now)
                .select_for_update(skip_locked=True, of=("self",))
                .select_related("plan")
                .prefetch_related("facts", "purchases")
                .order_by("next_change_at")[:ADVANCE_AT_ONCE]
            )
            moved = [
                subscription
                for subscription in due
                if _refresh(subscription, subscription.facts.all(), cause=SCHEDULE, now=now)
            ]
        changed += len(moved)
        if len(due) < ADVANCE_AT_ONCE:
            return changed


def _by_hand(
    subscription: Subscription, kind: FactKind, *, cause: Cause, period_end: datetime | None = None
) -> Recorded:
    fact = Fact(key=f"staff:{uuid4()}", kind=kind, occurred_at=timezone.now(), period_end=period_end)
    return record(subscription.user, subscription.plan, fact, cause=cause)


def _history(plan: Plan, rows: Iterable[SubscriptionFact]) -> History:
    return history_of(map(_fact, rows), plan=plan.terms)


def _fact(row: SubscriptionFact) -> Fact:
    return Fact(
        key=row.key,
        kind=row.kind,
        occurred_at=row.occurred_at,
        period_end=row.period_end,
        references=row.references,
        terms=StatedTerms.from_json(row.terms),
        chosen=row.chosen,
    )


def _refresh(
    subscription: Subscription,
    rows: Iterable[SubscriptionFact],
    *,
    cause: Cause,
    now: datetime,
    is_new: bool = False,
    added: SubscriptionFact | None = None,
    mails: Mails = Mails.SEND,
) -> SubscriptionTransition | None:
    """Bring columns, purchases and assignments to what the facts amount to, note a change of status, enqueue mails.

    The caller holds the row's lock. Facts that are not stored yet are stored.
    """
    rows = list(rows)
    for row in rows:
        row.subscription = subscription
    before, access = "" if is_new else subscription.status, Access.of(subscription)
    history = _history(subscription.plan, rows)
    state = history.at(now)
    _write(subscription, state)
    if not is_new:  # a new row was inserted in this state
        subscription.save()
    _assign(rows, history.assigned, _purchases(subscription, history.purchases, now, is_new=is_new))
    if not is_new:
        notices.enqueue(subscription, access, fact=added, now=now, mails=mails)
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


def _purchases(
    subscription: Subscription, states: Sequence[PurchaseState], now: datetime, *, is_new: bool
) -> dict[str, Purchase]:
    """Store the purchases as they are at `now`; return their rows by their keys."""
    rows = {} if is_new else {row.key: row for row in subscription.purchases.all()}
    kept = {}
    for purchase in states:
        row = rows.pop(purchase.key, None) or Purchase(subscription=subscription, key=purchase.key)
        values = _values(purchase, now)
        if row.pk is None or any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            row.save()
        kept[purchase.key] = row
    for row in rows.values():  # an older fact came later, and is the purchase's first one now
        row.delete()
    return kept


def _values(purchase: PurchaseState, now: datetime) -> dict[str, object]:
    state = purchase.at(now)
    shown = [fact.references for fact in purchase.facts]
    return {
        "status": state.status,
        "is_grant": purchase.is_grant,
        "external_id": next((ids["purchase"] for ids in shown if ids.get("purchase")), "")[:100],
        "external_offer_id": next((ids["offer"] for ids in shown if ids.get("offer")), "")[:100],
        "billing": purchase.billing,
        "quantity": purchase.quantity,
        "amount": purchase.amount,
        "refunded": sum(purchase.refunded_amounts),
        "started_at": purchase.started_at,
        "anchor_at": purchase.anchor,
        "paid_until": purchase.paid_until,
        "access_until": state.access_until,
        "canceled_at": purchase.canceled_at,
        "periods": [
            {
                "start": period.start.isoformat(),
                "end": period.end.isoformat() if period.end else None,
                "trial": period.is_trial,
                "paid_at": period.paid_at.isoformat() if period.paid_at else None,
                "transactions": sorted(period.transactions),
            }
            for period in purchase.periods
        ],
    }


def _assign(rows: Iterable[SubscriptionFact], assigned: Iterable[Assigned], purchases: dict[str, Purchase]) -> None:
    """Note on each fact which purchase took it and why; write those that are new or are assigned otherwise now."""
    by_key = {row.key: row for row in rows}
    for one in assigned:
        row = by_key[one.fact.key]
        purchase = purchases[one.purchases[0]] if len(one.purchases) == 1 else None
        noted = (purchase.pk if purchase else None, str(one.rule), str(one.question))
        if row.pk is None or (row.purchase_id, row.rule, row.question) != noted:
            if noted[2] and noted[2] != row.question:
                row.answered_at = None  # another question than the one that was answered
            row.purchase, row.rule, row.question = purchase, noted[1], noted[2]
            row.save(force_insert=row.pk is None)


def _write(subscription: Subscription, state: State) -> None:
    subscription.status = state.status
    subscription.started_at = state.started_at
    subscription.current_period_end = state.period_end
    subscription.access_from = state.access_from
    subscription.access_until = state.access_until
    subscription.next_change_at = state.next_change_at
    subscription.canceled_at = state.canceled_at
    subscription.external_member_id = state.references.get("member", "")
    subscription.external_offer_id = state.references.get("offer", "")
    subscription.external_purchase_id = state.references.get("purchase", "")
