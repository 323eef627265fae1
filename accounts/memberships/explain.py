"""The reason why somebody has access to a plan, or has not: what decides it, in a sentence for staff.

Nothing is decided here: purchases, their states and the union are those of `subscription_state.History`, which computes
the subscription itself. This module only finds the words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.memberships import subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Subscription, SubscriptionFact
from accounts.memberships.purchase_facts import take
from accounts.memberships.purchase_state import Purchase, Status
from accounts.memberships.subscription_state import Assigned, History, State, steps
from accounts.people.models import User
from accounts.people.person import Person
from core import dates

_BECAUSE: Mapping[str, Any] = {
    FactKind.PURCHASED: gettext_lazy("it was bought on %(day)s"),
    FactKind.PAID: gettext_lazy("a payment was made on %(day)s"),
    FactKind.RENEWED: gettext_lazy("it was renewed on %(day)s"),
    FactKind.CANCELED: gettext_lazy("it was canceled on %(day)s"),
    FactKind.PAYMENT_FAILED: gettext_lazy("a payment failed on %(day)s"),
    FactKind.PAUSED: gettext_lazy("it was paused on %(day)s"),
    FactKind.EXPIRED: gettext_lazy("it was ended on %(day)s"),
    FactKind.DISPUTED: gettext_lazy("the payment was disputed on %(day)s"),
    FactKind.DISPUTE_WON: gettext_lazy("the dispute was won on %(day)s"),
    FactKind.DISPUTE_LOST: gettext_lazy("the dispute was lost on %(day)s"),
    FactKind.REFUNDED: gettext_lazy("it was refunded on %(day)s"),
    FactKind.EXTENDED: gettext_lazy("staff gave it on %(day)s"),
    FactKind.RESUMED: gettext_lazy("it was resumed on %(day)s"),
    FactKind.CONFIRMED: gettext_lazy("the provider confirmed on %(day)s that it is active"),
}
_CANCELED_TO_PAID_END = gettext_lazy("it was canceled on %(day)s and lasts to the end of what was paid")
_BECAUSE_STAFF: Mapping[str, Any] = {
    FactKind.CANCELED: gettext_lazy("staff set its end on %(day)s"),
    FactKind.EXPIRED: gettext_lazy("staff ended it on %(day)s"),
}
_ENDED = (FactKind.EXPIRED, FactKind.REFUNDED, FactKind.DISPUTE_LOST)
_INTERRUPTED = (Status.PAST_DUE, Status.PAUSED, Status.DISPUTED)


@dataclass(frozen=True, kw_only=True)
class PlanAccess:
    """A subscription with the sentence that says why, in the state that its facts amount to.

    `facts` are all of them in the order in which they count, each with the state that it led to; `questions` are those
    that staff have not answered.
    """

    subscription: Subscription
    state: State
    has_access: bool
    sentence: str
    facts: Sequence[tuple[SubscriptionFact, Assigned, State]]
    questions: Sequence[SubscriptionFact]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A person and their access to each plan. `user` is None for a person without a login."""

    name: str
    user: User | None
    sentence: str
    plans: Sequence[PlanAccess]


def explain(person: Person, *, login: User | None = None, now: datetime | None = None) -> Explanation:
    """Say whether a person has access to each of their plans, and by which fact. Reads only.

    `login` is their user where the caller has read it already.
    """
    now = now or timezone.now()
    user = login or User.objects.filter(pk__in=person.users).order_by("pk").first()
    named = " ".join(part for part in next(iter(sorted(person.names)), ()) if part)
    name = (user.get_full_name() if user else named) or (user.email if user else min(person.emails, default="?"))
    if user is None:
        sentence = _("%(who)s has no membership: no purchase of theirs was processed.") % {"who": name}
        return Explanation(name=name, user=None, sentence=sentence, plans=())
    of_user = Subscription.objects.of(user).select_related("user").prefetch_related("facts").best_first()
    plans = [of_subscription(subscription, now=now) for subscription in of_user]
    sentences = [plan.sentence for plan in plans]
    if not plans:
        sentences.append(_("%(who)s has no membership: no purchase of theirs was processed.") % {"who": name})
    if not user.is_active:
        sentences.append(_("The login is locked by staff: unlock it to let them in."))
    elif not user.has_usable_password():
        sentences.append(_("They have not chosen a password yet: send the set-up mail again."))
    return Explanation(name=name, user=user, sentence=" ".join(sentences), plans=plans)


def of_subscription(subscription: Subscription, *, now: datetime | None = None) -> PlanAccess:
    """Say whether a subscription gives access at `now`, and why."""
    now = now or timezone.now()
    rows = {fact.key: fact for fact in subscription.facts.all()}
    history = subscriptions.history_by_facts(subscription)
    state, taken = history.at(now), steps(history)
    questions = [rows[one.fact.key] for one, _after in taken if one.question and not rows[one.fact.key].answered_at]
    sentences = [_sentence(subscription, history, now), *_beside(history, now)]
    if questions:
        text = ngettext(
            "%(count)d fact is to be decided by staff.", "%(count)d facts are to be decided by staff.", len(questions)
        )
        sentences.append(text % {"count": len(questions)})
    if state.is_open(now) != subscription.is_open(now):
        sentences.append(_("What is stored is older than its facts: run manage.py recompute_subscriptions."))
    return PlanAccess(
        subscription=subscription,
        state=state,
        has_access=subscription.user.is_active and state.is_open(now),
        sentence=" ".join(sentences),
        facts=[(rows[one.fact.key], one, after) for one, after in taken],
        questions=questions,
    )


def because(purchase: Purchase | None, now: datetime) -> str:
    """Return the fact that decides the state of a purchase, in words."""
    fact = deciding(purchase, now) if purchase else None
    if fact is None:
        return "–"
    words = (_BECAUSE_STAFF.get(fact.kind) if fact.by_staff else None) or _BECAUSE[fact.kind]
    if fact.kind == FactKind.CANCELED and not fact.by_staff and purchase and purchase.ends_at == purchase.paid_until:
        words = _CANCELED_TO_PAID_END
    return str(words) % {"day": _day(fact.occurred_at)}


def deciding(purchase: Purchase, now: datetime) -> Fact | None:
    """Return the last fact without which the purchase would be in another state at `now`, or end otherwise."""
    replayed = Purchase(key=purchase.key, plan=purchase.plan, is_grant=purchase.is_grant)
    decided: Fact | None = None
    before: tuple[str, datetime | None] | None = None
    for fact in purchase.facts:
        take(replayed, fact)
        state = replayed.at(now)
        if (state.status, state.access_until) != before:
            decided, before = fact, (state.status, state.access_until)
    return decided


def _sentence(subscription: Subscription, history: History, now: datetime) -> str:
    user, state, purchase = subscription.user, history.at(now), history.deciding(now)
    texts = {
        "who": user.get_full_name() or user.email,
        "plan": subscription.plan.name,
        "end": _last_day(state.period_end),
        "until": _last_day(state.access_until),
        "start": _day(state.access_from),
        "why": because(purchase, now),
    }
    if not user.is_active:
        words = _("%(who)s has no access to %(plan)s: the login is locked.")
    elif purchase is None:
        words = _("%(who)s has no access to %(plan)s: nothing is known of a purchase.")
    elif state.is_open(now):
        words = _of_access(purchase, state, now, texts)
    else:
        words = _of_no_access(purchase, now, texts)
    return words % texts


def _of_access(purchase: Purchase, state: State, now: datetime, texts: dict[str, str]) -> str:
    status = purchase.at(now).status
    if status == Status.PAST_DUE and state.period_end is not None and state.period_end <= now:
        return _("%(who)s has access to %(plan)s until %(until)s while the payment due on %(end)s is awaited.")
    if status == Status.TRIALING:
        texts["end"] = _last_day(purchase.periods[0].end)
        return _("%(who)s has access to %(plan)s in a trial until %(end)s, because %(why)s.")
    if state.access_until is None:
        if status in _INTERRUPTED:
            return _("%(who)s has access to %(plan)s without an end, although %(why)s.")
        return _("%(who)s has access to %(plan)s without an end, because %(why)s.")
    if status in _INTERRUPTED:
        return _("%(who)s has access to %(plan)s until %(until)s, although %(why)s.")
    return _("%(who)s has access to %(plan)s until %(end)s, because %(why)s.")


def _of_no_access(purchase: Purchase, now: datetime, texts: dict[str, str]) -> str:
    state, decided = purchase.at(now), deciding(purchase, now)
    texts["until"] = _last_day(state.access_until)
    if state.status == Status.SCHEDULED and purchase.canceled_at is not None:
        return _(
            "%(who)s has no access to %(plan)s yet: it begins on %(start)s and lasts until %(end)s, because %(why)s."
        )
    if state.status == Status.SCHEDULED:
        return _("%(who)s has no access to %(plan)s yet: it begins on %(start)s, because %(why)s.")
    if state.status == Status.DISPUTED:
        return _("%(who)s has no access to %(plan)s, because %(why)s. It comes back if the dispute is won.")
    if state.status == Status.PAUSED:
        return _(
            "%(who)s has no access to %(plan)s, because %(why)s and what was paid ended on %(end)s. "
            "It goes on when it is resumed."
        )
    if decided is not None and decided.kind in _ENDED:
        return _("%(who)s has no access to %(plan)s, because %(why)s. A new payment gives it again.")
    if not purchase.periods and purchase.canceled_at is None:
        return _("%(who)s has no access to %(plan)s: no purchase was reported, only that %(why)s.")
    if purchase.canceled_at is not None:
        texts["day"] = _day(purchase.canceled_at)
        return _(
            "%(who)s has no access to %(plan)s: it was canceled on %(day)s and ended on %(end)s. "
            "A new payment gives it again."
        )
    if purchase.periods[-1].is_trial:
        return _(
            "%(who)s has no access to %(plan)s: the trial ended on %(end)s and no payment came. "
            "A new payment gives it again."
        )
    if state.access_until != state.end:
        return _(
            "%(who)s has no access to %(plan)s: what was paid ended on %(end)s, and no payment came until %(until)s. "
            "A new payment gives it again."
        )
    return _("%(who)s has no access to %(plan)s: it ended on %(end)s. A new payment gives it again.")


def _beside(history: History, now: datetime) -> list[str]:
    """Say which of several purchases the sentence is about."""
    purchase, count = history.deciding(now), len(history.purchases)
    if purchase is None or count < 2:
        return []
    running = sum(one.at(now).is_open(now) for one in history.purchases)
    if running > 1:
        words = _("%(running)d of %(count)d purchases give access; it lasts longest by %(purchase)s.")
    elif running == 1:
        words = _("Of %(count)d purchases, %(purchase)s gives access.")
    else:
        words = _("None of %(count)d purchases gives access; this is about %(purchase)s.")
    return [words % {"running": running, "count": count, "purchase": named(purchase)}]


def named(purchase: Purchase) -> str:
    """Return a purchase as staff know it: by its id at the provider, else by its day."""
    if purchase.is_grant:
        return _("what staff gave on %(day)s") % {"day": _day(purchase.facts[0].occurred_at)}
    ids = next((fact.references["purchase"] for fact in purchase.facts if fact.references.get("purchase")), "")
    day = _day(purchase.sold_at or purchase.facts[0].occurred_at)
    if ids:
        return _("purchase %(id)s of %(day)s") % {"id": ids, "day": day}
    return _("the purchase of %(day)s") % {"day": day}


def _last_day(end: datetime | None) -> str:
    return date_format(dates.last_day(end), "DATE_FORMAT") if end else "–"


def _day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else "–"
