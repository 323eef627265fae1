"""One person's subscription compared with what the provider says, and made equal to it: verify, sync, apply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone

from accounts.memberships import plans
from accounts.memberships.models import Plan, Subscription
from accounts.people import lookup
from accounts.people.models import User
from core.cause import Cause
from integrations import registry
from integrations.contracts.events import (
    Buyer,
    MembershipEvent,
    PurchaseConfirmed,
    SubscriptionCanceled,
    SubscriptionExpired,
)
from integrations.contracts.exceptions import Unmatched
from integrations.contracts.provider import Provider
from integrations.contracts.pull import PulledRecord, PurchaseStatus, RemotePurchase
from integrations.handlers import Context, Greeting, handle
from integrations.reconcile.differences import best, difference, purchases_in
from integrations.reconcile.engine import Terms, apply_all
from integrations.reconcile.lookups import Lookups, Ready
from integrations.reconcile.models import SyncFinding
from integrations.reconcile.sources import purchases_of

Kind = SyncFinding.Kind
_NOT_FOUND = "not_found"
_FACT_OF: Mapping[SyncFinding.Kind, type[MembershipEvent]] = {
    Kind.MISSING_HERE: PurchaseConfirmed,
    Kind.ENDED_HERE: PurchaseConfirmed,
    Kind.REFUNDED_HERE: PurchaseConfirmed,
    Kind.ENDED_THERE: SubscriptionExpired,
    Kind.STATUS: SubscriptionCanceled,
}


@dataclass(frozen=True, kw_only=True)
class RemoteState:
    """A user's state at the provider: who they are there, and all their records.

    `ready` are the records as a sync applies them.
    """

    user: User
    provider: Provider
    people: Mapping[str, Buyer]
    records: Sequence[PulledRecord]
    ready: Sequence[Ready] = ()

    @property
    def purchases(self) -> Sequence[RemotePurchase]:
        return purchases_in(self.records)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A plan, the purchase there and the subscription here; `kind` is None where they agree."""

    plan: Plan
    purchase: RemotePurchase | None
    subscription: Subscription | None
    kind: SyncFinding.Kind | None

    @property
    def runs_out_here(self) -> bool:
        """Return whether it is active there, and canceled here with access until its end.

        Both give access, so nothing is different: most providers call a purchase active until its last day.
        """
        return (
            self.purchase is not None
            and self.purchase.status is PurchaseStatus.ACTIVE
            and self.subscription is not None
            and self.subscription.has_access
            and self.subscription.status == PurchaseStatus.CANCELED
        )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    remote: RemoteState
    comparisons: Sequence[Comparison]

    @property
    def differing(self) -> Sequence[Comparison]:
        return [one for one in self.comparisons if one.kind is not None]

    @property
    def subject(self) -> Comparison | None:
        """The comparison that an answer about one plan is about: one that differs, else the one that gives access."""

        def weight(one: Comparison) -> tuple[bool, bool, int]:
            subscription = one.subscription
            has_access = subscription is not None and subscription.has_access
            return one.kind is not None, has_access, subscription.pk if subscription else 0

        return max(self.comparisons, key=weight, default=None)

    @property
    def status(self) -> str:
        """The status of the subject's plan there, in the words of our statuses."""
        purchase = self.subject.purchase if self.subject else best(self.remote.purchases)
        return purchase.status.value if purchase else _NOT_FOUND

    @property
    def runs_out_here(self) -> Subscription | None:
        """The subscription that is canceled here, while it still runs there."""
        return next((one.subscription for one in self.comparisons if one.runs_out_here), None)

    @property
    def recommended_action(self) -> str | None:
        """Return what staff should do, None where nothing."""
        kinds = {one.kind for one in self.differing}
        if not kinds:
            return None
        return "check_by_hand" if kinds == {Kind.UNKNOWN_THERE} else "sync"


@dataclass(frozen=True, kw_only=True)
class Synced:
    """The result of a sync: the status of the subscription before and after it ("none": there was none)."""

    old_status: str
    new_status: str
    verdict: Verdict


def verify(user: User, *, provider: Provider) -> Verdict:
    """Compare a user's subscriptions with what the provider says now; nothing is changed.

    Raises Retryable and Permanent where it cannot be asked.
    """
    return _compare(_read(user, provider))


def sync(user: User, *, provider: Provider, cause: Cause) -> Synced:
    """Make a user's subscriptions equal to what the provider says now: `read`, then `make_equal`."""
    return make_equal(read(user, provider=provider), cause=cause)


def read(user: User, *, provider: Provider) -> RemoteState:
    """Read all that a sync needs. Raises Retryable and Permanent where the provider cannot be asked."""
    remote = _read(user, provider)
    return replace(remote, ready=_ready(remote.records, provider, people=remote.people))


def make_equal(remote: RemoteState, *, cause: Cause) -> Synced:
    """Make a user's subscriptions equal to what was read.

    The records go through the handlers, and where that is not enough, a fact says what the provider says now, all in
    one transaction. So what is canceled here and active there becomes active, with the end that it had: whoever asks
    for a sync asks for that. Access for which the provider has no purchase at all is left to staff. Raises Unmatched
    where staff must say who is who.
    """
    user, provider = remote.user, remote.provider
    with transaction.atomic():
        # Two at once: the second waits here, and then finds what the first one did.
        User.objects.select_for_update().get(pk=user.pk)
        old = _status_of(user, provider)
        result = apply_all(remote.ready, Terms(provider=provider.key, cause=cause))
        problems = [line for line in result.problems if not str(line["key"]).startswith("offer:")]
        if problems:
            raise Unmatched("; ".join(line["why"] for line in problems))
        for _round in range(2):  # what was given again may be canceled there
            for one in _compare(remote).comparisons:
                _confirm(one, remote, cause)
        return Synced(old_status=old, new_status=_status_of(user, provider), verdict=_compare(remote))


def apply_finding(finding: SyncFinding, *, cause: Cause) -> str:
    """Do what a finding's remedy says: read the person anew and make us equal. What came of it, for people.

    Raises Retryable and Permanent where the provider cannot be asked or does not know the person, Unmatched where staff
    must decide.
    """
    provider = registry.provider(finding.run.provider)
    user = finding.user
    if user is None:  # a member of whom nothing is known here is made by applying what they bought
        source = purchases_of(provider)
        ready = _ready(source.puller().of_person(finding.person_id), provider, keep=True)
        with transaction.atomic():
            result = apply_all(ready, Terms(provider=provider.key, cause=cause))
            known = lookup.users(provider.key, {source.identity: finding.person_id})
            if not known:
                raise Unmatched("; ".join(line["why"] for line in result.problems) or "it is no longer there")
            user = known[0]
    synced = sync(user, provider=provider, cause=cause)
    return f"{synced.old_status if finding.user else 'none'} → {synced.new_status}"


def _read(user: User, provider: Provider) -> RemoteState:
    source = purchases_of(provider)
    puller = source.puller()
    known = user.identities.filter(provider=provider.key, kind=source.identity).first()
    if known is not None:
        people: Mapping[str, Buyer] = {
            known.external_id: Buyer(email=user.email, identities={source.identity: known.external_id})
        }
    else:
        # Whoever asks for this user means this user, whatever address the provider has.
        people = {key: replace(buyer, email=user.email) for key, buyer in puller.people_with(user.email).items()}
    records = [record for person_id in people for record in puller.of_person(person_id)]
    return RemoteState(user=user, provider=provider, people=people, records=records)


def _ready(
    records: Sequence[PulledRecord],
    provider: Provider,
    *,
    people: Mapping[str, Buyer] | None = None,
    keep: bool = False,
) -> list[Ready]:
    """Return records as they are applied, known ones too. Raises Retryable and Permanent."""
    source = purchases_of(provider)
    lookups = Lookups(provider.key, source.identity, source.puller(), keep=keep)
    lookups.note(records, people)
    return [ready for batch in lookups.complete(records, again=True) for ready in batch]


def _compare(remote: RemoteState) -> Verdict:
    user, provider = remote.user, remote.provider
    by_plan: dict[int, tuple[Plan, list[RemotePurchase]]] = {}
    for one in remote.purchases:
        plan = plans.sold_by(one.offers, provider=provider.key) if one.offers else None
        if plan is not None:
            by_plan.setdefault(plan.pk, (plan, []))[1].append(one)
    rows = user.subscriptions.select_related("plan", "user").prefetch_related("purchases").order_by("pk")
    mine = {row.plan_id: row for row in rows}
    comparisons = []
    for plan_id in dict.fromkeys([*mine, *by_plan]):
        subscription = mine.get(plan_id)
        plan, theirs = by_plan.get(plan_id) or (subscription.plan if subscription else None, [])
        assert plan is not None
        purchase = best(theirs)
        kind = difference(purchase, subscription, provider=provider.key)
        comparisons.append(Comparison(plan=plan, purchase=purchase, subscription=subscription, kind=kind))
    return Verdict(remote=remote, comparisons=comparisons)


def _confirm(one: Comparison, remote: RemoteState, cause: Cause) -> None:
    """Record as a fact what the provider says now, where its records do not amount to it."""
    kind = Kind.ENDED_HERE if one.runs_out_here else one.kind
    event_class, purchase = (_FACT_OF.get(kind) if kind else None), one.purchase
    if event_class is None or purchase is None:
        return
    now = timezone.now()
    events = [one.event for record in remote.records for one in record.events if isinstance(one.event, MembershipEvent)]
    ends = next((one.period_end for one in events if one.purchase_id == purchase.purchase_id and one.period_end), None)
    event = event_class(
        occurred_at=now,
        buyer=next(iter(remote.people.values()), Buyer(email=remote.user.email)),
        offers=purchase.offers,
        purchase_id=purchase.purchase_id,
        period_end=ends if event_class is SubscriptionCanceled else None,
    )
    key = f"purchase:{purchase.purchase_id}:synced:{now.isoformat()}"
    handle(event, Context(provider=remote.provider.key, key=key, cause=cause, greeting=Greeting.IF_OPEN))


def _status_of(user: User, provider: Provider) -> str:
    best = Subscription.objects.filter(user=user, provider__in=[provider.key, ""]).best_first().first()
    return best.status if best else "none"
