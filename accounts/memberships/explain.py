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
from accounts.memberships.models import Subscription, SubscriptionFact
from accounts.memberships.models.subscription import FactKind
from accounts.memberships.subscription_state import Fact, State
from accounts.people.models import User
from accounts.people.person import Person

_BECAUSE: Mapping[str, Any] = {
    FactKind.PURCHASED: gettext_lazy("it was bought on %(day)s"),
    FactKind.PAID: gettext_lazy("a payment was made on %(day)s"),
    FactKind.RENEWED: gettext_lazy("it was renewed on %(day)s"),
    FactKind.CANCELED: gettext_lazy("it was canceled on %(day)s and lasts to the end of what was paid"),
    FactKind.EXPIRED: gettext_lazy("it was ended on %(day)s"),
    FactKind.REFUNDED: gettext_lazy("it was refunded on %(day)s"),
    FactKind.EXTENDED: gettext_lazy("staff gave it on %(day)s"),
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
    of_user = Subscription.objects.of(user).select_related("user").prefetch_related("facts").order_by("pk")
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
    facts = {fact.key: fact for fact in subscription.facts.all()}
    taken = subscriptions.steps_of(subscription.plan, facts.values())
    decided = _deciding(taken)
    end = subscription.current_period_end
    # What the clock has not marked as expired yet gives no access either.
    has_access = subscription.user.is_active and subscription.has_access and end is not None and end > now
    texts = {"who": name, "plan": subscription.plan.name, "end": _day(end), "why": _because(decided)}
    if has_access:
        sentence = _("%(who)s has access to %(plan)s until %(end)s, because %(why)s.") % texts
    elif not subscription.user.is_active:
        sentence = _("%(who)s has no access to %(plan)s: the login is locked.") % texts
    elif decided is not None and decided.kind in (FactKind.EXPIRED, FactKind.REFUNDED):
        sentence = _("%(who)s has no access to %(plan)s, because %(why)s. A new payment gives it again.") % texts
    else:
        sentence = _("%(who)s has no access to %(plan)s: it ended on %(end)s. A new payment gives it again.") % texts
    return PlanAccess(
        subscription=subscription,
        has_access=has_access,
        sentence=sentence,
        facts=[(facts[fact.key], state) for fact, state in taken],
    )


def _deciding(taken: Sequence[tuple[Fact, State]]) -> Fact | None:
    """Return the last fact that changed the status or the end."""
    decided, before = None, State()
    for fact, state in taken:
        if (state.status, state.period_end) != (before.status, before.period_end):
            decided = fact
        before = state
    return decided


def _because(fact: Fact | None) -> str:
    return str(_BECAUSE[fact.kind]) % {"day": _day(fact.occurred_at)} if fact else "–"


def _day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else "–"
