"""Why somebody has access to a plan, or has not: the fact that decided, in a sentence for staff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.memberships import subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Subscription, SubscriptionFact
from accounts.memberships.purchase_state import Status
from accounts.memberships.subscription_state import Assigned, State
from accounts.people.models import User
from accounts.people.person import Person

_BECAUSE: Mapping[str, Any] = {
    FactKind.PURCHASED: gettext_lazy("it was bought on %(day)s"),
    FactKind.PAID: gettext_lazy("a payment was made on %(day)s"),
    FactKind.RENEWED: gettext_lazy("it was renewed on %(day)s"),
    FactKind.CANCELED: gettext_lazy("it was canceled on %(day)s and lasts to the end of what was paid"),
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


@dataclass(frozen=True, kw_only=True)
class PlanAccess:
    """A subscription with the sentence that says why; `facts` are all of them in the order in which they count, each
    with the state that it led to.
    """

    subscription: Subscription
    has_access: bool
    sentence: str
    facts: Sequence[tuple[SubscriptionFact, State]]
    questions: Sequence[SubscriptionFact]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A person and their access to each plan. `user` is None for a person without a login."""

    name: str
    user: User | None
    sentence: str
    plans: Sequence[PlanAccess]


def explain(person: Person, *, now: datetime | None = None) -> Explanation:
    """Say whether a person has access to each of their plans, and by which fact. Reads only."""
    now = now or timezone.now()
    user = User.objects.filter(pk__in=person.users).order_by("pk").first()
    named = " ".join(part for part in next(iter(sorted(person.names)), ()) if part)
    name = (user.get_full_name() if user else named) or (user.email if user else min(person.emails, default="?"))
    if user is None:
        sentence = _("%(who)s has no membership: no purchase of theirs was processed.") % {"who": name}
        return Explanation(name=name, user=None, sentence=sentence, plans=())
    of_user = Subscription.objects.of(user).select_related("user").prefetch_related("facts").best_first()
    plans = [_of_plan(subscription, name, now) for subscription in of_user]
    sentences = [plan.sentence for plan in plans]
    if not plans:
        sentences.append(_("%(who)s has no membership: no purchase of theirs was processed.") % {"who": name})
    if not user.is_active:
        sentences.append(_("The login is locked by staff: unlock it to let them in."))
    elif not user.has_usable_password():
        sentences.append(_("They have not chosen a password yet: send the set-up mail again."))
    return Explanation(name=name, user=user, sentence=" ".join(sentences), plans=plans)


def _of_plan(subscription: Subscription, name: str, now: datetime) -> PlanAccess:
    rows = {fact.key: fact for fact in subscription.facts.all()}
    taken = subscriptions.steps_of(subscription.plan, rows.values())
    state = subscriptions.state_by_facts(subscription, now=now)
    decided = _deciding(taken)
    has_access = subscription.user.is_active and state.has_access(now)
    texts = {
        "who": name,
        "plan": subscription.plan.name,
        "end": _day(state.period_end),
        "grace": _day(state.access_until),
        "start": _day(state.access_from),
        "why": _because(decided),
    }
    return PlanAccess(
        subscription=subscription,
        has_access=has_access,
        sentence=str(_sentence(subscription, state, decided, has_access=has_access)) % texts,
        facts=[(rows[one.fact.key], after) for one, after in taken],
        questions=[rows[one.fact.key] for one, _after in taken if one.question and not rows[one.fact.key].answered_at],
    )


def _sentence(subscription: Subscription, state: State, decided: Fact | None, *, has_access: bool) -> str:
    if has_access and state.access_until is None:
        return _("%(who)s has access to %(plan)s without an end, because %(why)s.")
    if has_access and state.status == Status.PAST_DUE:
        return _("%(who)s has access to %(plan)s until %(grace)s while the payment due on %(end)s is awaited.")
    if has_access:
        return _("%(who)s has access to %(plan)s until %(end)s, because %(why)s.")
    if not subscription.user.is_active:
        return _("%(who)s has no access to %(plan)s: the login is locked.")
    if state.status == Status.SCHEDULED:
        return _("%(who)s has access to %(plan)s from %(start)s, because %(why)s.")
    if state.status in (Status.DISPUTED, Status.PAUSED):
        return _("%(who)s has no access to %(plan)s, because %(why)s.")
    if decided is not None and decided.kind in (FactKind.EXPIRED, FactKind.REFUNDED, FactKind.DISPUTE_LOST):
        return _("%(who)s has no access to %(plan)s, because %(why)s. A new payment gives it again.")
    return _("%(who)s has no access to %(plan)s: it ended on %(end)s. A new payment gives it again.")


def _deciding(taken: Sequence[tuple[Assigned, State]]) -> Fact | None:
    """Return the last fact that changed the status or the end."""
    decided, before = None, State()
    for one, state in taken:
        if (state.status, state.access_until) != (before.status, before.access_until):
            decided = one.fact
        before = state
    return decided


def _because(fact: Fact | None) -> str:
    return str(_BECAUSE[fact.kind]) % {"day": _day(fact.occurred_at)} if fact else "–"


def _day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else "–"
