"""Compare one person's subscriptions with the provider's purchases, and make them equal: verify, sync, apply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone

from accounts.memberships import plans
from accounts.memberships.models import Plan, Subscription
from accounts.people import lookup
from accounts.people.models import ContactMapping, User
from core.cause import Cause
from core.phrases import Phrase
from integrations import registry
from integrations.contracts.exceptions import Unmatched
from integrations.contracts.membership_events import (
    Buyer,
    MembershipEvent,
    PurchaseConfirmed,
    SubscriptionCanceled,
    SubscriptionExpired,
)
from integrations.contracts.provider import Provider
from integrations.contracts.pull import PulledRecord, PurchaseStatus, RemotePurchase
from integrations.handlers import Context, handle
from integrations.reconcile.differences import best_purchase, difference, purchases_in
from integrations.reconcile.engine import Terms, apply_all
from integrations.reconcile.lookups import Lookups, PreparedRecord
from integrations.reconcile.models import SyncFinding
from integrations.reconcile.sources import purchases_of

_NO_LONGER = Phrase("it is no longer there")

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
    """A user's state at the provider: remote people, and all their records; `prepared` are those for a sync."""

    user: User
    provider: Provider
    people: Mapping[str, Buyer]
    records: Sequence[PulledRecord]
    prepared: Sequence[PreparedRecord] = ()

    @property
    def purchases(self) -> Sequence[RemotePurchase]:
        return purchases_in(self.records)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A plan, the remote purchase and our subscription; `kind` is None where they agree."""

    plan: Plan
    purchase: RemotePurchase | None
    subscription: Subscription | None
    kind: SyncFinding.Kind | None

    @property
    def is_canceled_locally(self) -> bool:
        """Return whether it is active at the provider, and canceled here with access until its end.

        Both give access, so this is no difference: most providers call a purchase active until its last day.
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
        return [comparison for comparison in self.comparisons if comparison.kind is not None]

    @property
    def subject(self) -> Comparison | None:
        """The comparison to report where one plan is shown: one that differs, else one that gives access."""

        def weight(comparison: Comparison) -> tuple[bool, bool, int]:
            subscription = comparison.subscription
            has_access = subscription is not None and subscription.has_access
            return comparison.kind is not None, has_access, subscription.pk if subscription else 0

        return max(self.comparisons, key=weight, default=None)

    @property
    def status(self) -> str:
        """The remote status of the subject's plan, as one of our statuses."""
        purchase = self.subject.purchase if self.subject else best_purchase(self.remote.purchases)
        return purchase.status.value if purchase else _NOT_FOUND

    @property
    def canceled_locally(self) -> Subscription | None:
        """The subscription that is canceled here and active at the provider."""
        return next(
            (comparison.subscription for comparison in self.comparisons if comparison.is_canceled_locally), None
        )

    @property
    def recommended_action(self) -> str | None:
        """ "sync" or "check_by_hand", None where nothing differs."""
        kinds = {comparison.kind for comparison in self.differing}
        if not kinds:
            return None
        return "check_by_hand" if kinds == {Kind.UNKNOWN_THERE} else "sync"


@dataclass(frozen=True, kw_only=True)
class Synced:
    """The result of a sync: the status of the subscription before and after it; "none" where there was none."""

    old_status: str
    new_status: str
    verdict: Verdict


def verify(user: User, *, provider: Provider) -> Verdict:
    """Compare a user's subscriptions with the provider's purchases; nothing is changed.

    Raises Retryable and Permanent where the provider cannot be called.
    """
    return _compare(_read(user, provider))


def sync(user: User, *, provider: Provider, cause: Cause) -> Synced:
    """Make a user's subscriptions equal to the provider's purchases: `read`, then `make_equal`."""
    return make_equal(read(user, provider=provider), cause=cause)


def read(user: User, *, provider: Provider) -> RemoteState:
    """Read everything that a sync needs. Raises Retryable and Permanent where the provider cannot be called."""
    remote = _read(user, provider)
    return replace(remote, prepared=_prepare(remote.records, provider, people=remote.people))


def make_equal(remote: RemoteState, *, cause: Cause) -> Synced:
    """Make a user's subscriptions equal to what was read, in one transaction.

    The records go through the handlers; where that is not enough, a fact records the provider's present state. So a
    subscription that is canceled here and active at the provider becomes active, with the end that it had: that is what
    a sync is requested for. Access without any remote purchase is left to staff. Raises Unmatched where staff must
    decide who is who.
    """
    user, provider = remote.user, remote.provider
    with transaction.atomic():
        # Of two syncs at once the second waits here, and then finds the first one's result.
        User.objects.select_for_update().get(pk=user.pk)
        old = _status_of(user, provider)
        result = apply_all(remote.prepared, Terms(provider=provider.key, cause=cause))
        problems = [line for line in result.problems if not str(line["key"]).startswith("offer:")]
        if problems:
            raise Unmatched("; ".join(line["why"] for line in problems))
        for _round in range(2):  # restored access may be canceled at the provider
            for comparison in _compare(remote).comparisons:
                _confirm(comparison, remote, cause)
        return Synced(old_status=old, new_status=_status_of(user, provider), verdict=_compare(remote))


def apply_finding(finding: SyncFinding, *, cause: Cause) -> str:
    """Read the person of a finding again and make our subscriptions equal; return the outcome as text.

    Raises Retryable and Permanent where the provider cannot be called or does not have the person, Unmatched where
    staff must decide.
    """
    provider = registry.provider(finding.run.provider)
    user = finding.user
    if user is None:  # an unknown member is created by applying their purchases
        source = purchases_of(provider)
        prepared = _prepare(source.puller().of_person(finding.person_id), provider, store=True)
        with transaction.atomic():
            result = apply_all(prepared, Terms(provider=provider.key, cause=cause))
            known = lookup.users(provider.key, {source.identity: finding.person_id})
            if not known:
                raise Unmatched("; ".join(line["why"] for line in result.problems) or _NO_LONGER())
            user = known[0]
    synced = sync(user, provider=provider, cause=cause)
    return f"{synced.old_status if finding.user else 'none'} → {synced.new_status}"


def _read(user: User, provider: Provider) -> RemoteState:
    source = purchases_of(provider)
    puller = source.puller()
    ids = ContactMapping.objects.filter(contact__user=user, provider=provider.key, kind=source.identity)
    known = ids.order_by("-is_main", "pk").first()
    if known is not None:
        people: Mapping[str, Buyer] = {
            known.external_id: Buyer(email=user.email, identities={source.identity: known.external_id})
        }
    else:
        # The sync is for this user, whatever address the provider has.
        people = {key: replace(buyer, email=user.email) for key, buyer in puller.people_with(user.email).items()}
    records = [record for person_id in people for record in puller.of_person(person_id)]
    return RemoteState(user=user, provider=provider, people=people, records=records)


def _prepare(
    records: Sequence[PulledRecord],
    provider: Provider,
    *,
    people: Mapping[str, Buyer] | None = None,
    store: bool = False,
) -> list[PreparedRecord]:
    """Prepare records to be applied, unchanged ones too. Raises Retryable and Permanent."""
    source = purchases_of(provider)
    lookups = Lookups(provider.key, source.identity, source.puller(), store=store)
    lookups.add(records, people)
    return [prepared for batch in lookups.complete(records, again=True) for prepared in batch]


def _compare(remote: RemoteState) -> Verdict:
    user, provider = remote.user, remote.provider
    by_plan: dict[int, tuple[Plan, list[RemotePurchase]]] = {}
    for purchase in remote.purchases:
        plan = plans.sold_by(purchase.offers, provider=provider.key) if purchase.offers else None
        if plan is not None:
            by_plan.setdefault(plan.pk, (plan, []))[1].append(purchase)
    rows = user.subscriptions.select_related("plan", "user").prefetch_related("purchases").order_by("pk")
    subscriptions = {row.plan_id: row for row in rows}
    comparisons = []
    for plan_id in dict.fromkeys([*subscriptions, *by_plan]):
        subscription = subscriptions.get(plan_id)
        plan, purchases = by_plan.get(plan_id) or (subscription.plan if subscription else None, [])
        assert plan is not None
        best = best_purchase(purchases)
        kind = difference(best, subscription, provider=provider.key)
        comparisons.append(Comparison(plan=plan, purchase=best, subscription=subscription, kind=kind))
    return Verdict(remote=remote, comparisons=comparisons)


def _confirm(comparison: Comparison, remote: RemoteState, cause: Cause) -> None:
    """Record the provider's present state as a fact, where applying its records did not lead to it."""
    kind = Kind.ENDED_HERE if comparison.is_canceled_locally else comparison.kind
    event_class, purchase = (_FACT_OF.get(kind) if kind else None), comparison.purchase
    if event_class is None or purchase is None:
        return
    now = timezone.now()
    events = [pulled.event for record in remote.records for pulled in record.events]
    ends = (
        event.period_end
        for event in events
        if isinstance(event, MembershipEvent) and event.purchase_id == purchase.purchase_id and event.period_end
    )
    confirmed = event_class(
        occurred_at=now,
        buyer=next(iter(remote.people.values()), Buyer(email=remote.user.email)),
        offers=purchase.offers,
        purchase_id=purchase.purchase_id,
        period_end=next(ends, None) if event_class is SubscriptionCanceled else None,
    )
    key = f"purchase:{purchase.purchase_id}:synced:{now.isoformat()}"
    handle(confirmed, Context(provider=remote.provider.key, key=key, cause=cause))


def _status_of(user: User, provider: Provider) -> str:
    best = Subscription.objects.filter(user=user, provider__in=[provider.key, ""]).best_first().first()
    return best.status if best else "none"
