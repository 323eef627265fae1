"""Subscriptions: the only writers of their facts, their purchases, their status and its history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.memberships import notices
from accounts.memberships.facts import Fact
from accounts.memberships.models import Plan, Purchase, Subscription, SubscriptionFact, SubscriptionTransition
from accounts.memberships.notices import Access, Mails
from accounts.memberships.subscription_state import History, history_of
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


class _MadeMeanwhile(Exception):
    """Another worker, with a first fact too, has made the subscription: its insert was waited for."""


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
    row.fact = fact
    now = timezone.now()
    with transaction.atomic(savepoint=False):
        existing = Subscription.objects.select_for_update().filter(user=user, plan=plan)
        while True:
            subscription = existing.first() or Subscription(provider=provider)
            subscription.user, subscription.plan = user, plan
            facts = list(subscription.facts.all()) if subscription.pk else []
            for known in facts:
                if known.key == row.key:
                    question = "" if known.answered_at else known.question
                    return Recorded(subscription=subscription, known=True, question=question)
            end_before = (subscription.access_until, subscription.current_period_end)
            try:
                transition = _refresh(subscription, [*facts, row], cause=cause, now=now, added=row, mails=mails)
            except _MadeMeanwhile:
                continue
            end = (subscription.access_until, subscription.current_period_end)
            changed = transition is not None or end_before != end
            return Recorded(
                subscription=subscription, transition=transition, changed=changed, question=row.question, fact=row
            )


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
    return history_of([row.fact for row in subscription.facts.all()], plan=subscription.plan.terms)


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


def _refresh(
    subscription: Subscription,
    rows: Iterable[SubscriptionFact],
    *,
    cause: Cause,
    now: datetime,
    added: SubscriptionFact | None = None,
    mails: Mails = Mails.SEND,
) -> SubscriptionTransition | None:
    """Bring columns, purchases and assignments to what the facts amount to, note a change of status, enqueue mails.

    The caller holds the row's lock. What is not stored yet is stored: the subscription, and facts of it. Raises
    _MadeMeanwhile.
    """
    rows = list(rows)
    before = Access.of(subscription) if subscription.pk else None
    history = history_of([row.fact for row in rows], plan=subscription.plan.terms)
    state = history.at(now)
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
    if before is not None:
        subscription.save()
    elif not insert_once(subscription):
        raise _MadeMeanwhile
    for row in rows:
        row.subscription = subscription
    _store(subscription, rows, history, now, is_new=before is None)
    if before is not None:
        notices.enqueue(subscription, before, fact=added, now=now, mails=mails)
    from_status = before.status if before is not None else ""
    if subscription.status == from_status:
        return None
    return SubscriptionTransition.objects.create(
        subscription=subscription,
        from_status=from_status,
        to_status=subscription.status,
        occurred_at=state.changed_at or now,
        cause=cause.text[:200],
        event_id=cause.event_id,
        staff=cause.staff,
        reason=cause.reason[:500],
    )


def _store(
    subscription: Subscription, rows: Iterable[SubscriptionFact], history: History, now: datetime, *, is_new: bool
) -> None:
    """Store the purchases as they are at `now`, and on each fact which of them took it and why; only what changed."""
    stored = {} if is_new else {purchase.key: purchase for purchase in subscription.purchases.all()}
    purchases = {}
    for computed in history.purchases:
        purchase = stored.pop(computed.key, None) or Purchase(subscription=subscription, key=computed.key)
        at_now, ids = computed.at(now), [fact.references for fact in computed.facts]
        values = {
            "status": at_now.status,
            "is_grant": computed.is_grant,
            "external_id": next((one["purchase"] for one in ids if one.get("purchase")), "")[:100],
            "external_offer_id": next((one["offer"] for one in ids if one.get("offer")), "")[:100],
            "billing": computed.billing,
            "quantity": computed.quantity,
            "amount": computed.amount,
            "refunded": sum(computed.refunded_amounts),
            "started_at": computed.started_at,
            "anchor_at": computed.anchor,
            "paid_until": computed.paid_until,
            "access_until": at_now.access_until,
            "canceled_at": computed.canceled_at,
            "periods": [
                {
                    "start": period.start.isoformat(),
                    "end": period.end.isoformat() if period.end else None,
                    "trial": period.is_trial,
                    "paid_at": period.paid_at.isoformat() if period.paid_at else None,
                    "transactions": sorted(period.transactions),
                }
                for period in computed.periods
            ],
        }
        if purchase.pk is None or any(getattr(purchase, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(purchase, name, value)
            purchase.save()
        purchases[computed.key] = purchase
    for purchase in stored.values():  # an older fact came later, and is the purchase's first one now
        purchase.delete()
    by_key = {row.key: row for row in rows}
    for one in history.assigned:
        row = by_key[one.fact.key]
        taken_by = purchases[one.purchases[0]] if len(one.purchases) == 1 else None
        noted = (taken_by.pk if taken_by else None, str(one.rule), str(one.question))
        if row.pk is None or (row.purchase_id, row.rule, row.question) != noted:
            if noted[2] and noted[2] != row.question:
                row.answered_at = None  # another question than the one that was answered
            row.purchase, row.rule, row.question = taken_by, noted[1], noted[2]
            row.save(force_insert=row.pk is None)
