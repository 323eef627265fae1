"""One person's subscription compared with the provider's word, and made equal to it: verify, sync, apply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts.memberships import plans
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import ExternalIdentity, User
from core.cause import Cause
from integrations.contracts.events import Buyer, MembershipEvent, SubscriptionCanceled, SubscriptionExpired
from integrations.contracts.exceptions import Unmatched
from integrations.contracts.provider import Provider
from integrations.contracts.pull import PulledItem, PurchaseConfirmed, Standing
from integrations.handlers import Context, Greeting, handle
from integrations.reconcile.applying import Prepared, Terms, apply, prepare
from integrations.reconcile.books import Books
from integrations.reconcile.differences import There, best, difference, refunded, there_of
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
class Reading:
    """A person's state at the provider: who they are there, their purchases, and everything as items."""

    people: Mapping[str, Buyer]
    purchases: Sequence[There]
    items: Sequence[PulledItem]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A plan, the purchase there and the subscription here; `kind` is None where they agree."""

    plan: Plan
    there: There | None
    subscription: Subscription | None
    kind: SyncFinding.Kind | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    user: User
    provider: Provider
    reading: Reading
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
    def standing(self) -> str:
        """Return what the person has there of the subject's plan, in the words of our statuses."""
        there = self.subject.there if self.subject else best(self.reading.purchases)
        return there.standing.value if there else _NOT_FOUND

    @property
    def runs_out_here(self) -> Subscription | None:
        """The subscription that is canceled here and opens its pages until its end, while it still runs there.

        Both give access, so nothing is different: most providers call a purchase active until its last day.
        """
        return next((one.subscription for one in self.comparisons if _runs_out_here(one)), None)

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
    return _verdict(user, provider, _read(user, provider))


@dataclass(frozen=True, kw_only=True)
class Read:
    """The provider's data for a sync, read before its transaction."""

    user: User
    provider: Provider
    reading: Reading
    people: Mapping[str, Buyer]
    prepared: Prepared


def sync(user: User, *, provider: Provider, cause: Cause) -> Synced:
    """Make a user's subscriptions equal to what the provider says now: `read`, then `make_equal`."""
    return make_equal(read(user, provider=provider), cause=cause)


def read(user: User, *, provider: Provider) -> Read:
    """Read all that a sync needs. Raises Retryable and Permanent where the provider cannot be asked."""
    reading = _read(user, provider)
    source = purchases_of(provider)
    books = Books(provider.key, source, source.puller(), keep=False)
    people = {person_id: _as_user(user, buyer) for person_id, buyer in reading.people.items()}
    books.note_people(people)
    prepared = prepare(reading.items, provider=provider.key, books=books, again=True)
    return Read(user=user, provider=provider, reading=reading, people=people, prepared=prepared)


def make_equal(read: Read, *, cause: Cause) -> Synced:
    """Make a user's subscriptions equal to what was read.

    What it tells goes through the handlers, and where that is not enough, a fact says what the provider says now, all
    in one transaction. So what is canceled here and active there becomes active, with
    the end that it had: whoever asks for a sync asks for that. Access for which the provider has no purchase at all is
    left to staff. Raises Unmatched where staff must say who is who.
    """
    user, provider, reading, people = read.user, read.provider, read.reading, read.people
    with transaction.atomic():
        # Two at once: the second waits here, and then finds what the first one did.
        User.objects.select_for_update().get(pk=user.pk)
        old = _status_of(user, provider)
        terms = Terms(
            provider=provider.key, cause=cause, greeting=lambda sold_at: Greeting.IF_OPEN, hooks_are_expected=False
        )
        tally = apply(read.prepared, terms, again=True)
        problems = [line for line in tally.problems if not str(line["key"]).startswith("offer:")]
        if problems:
            raise Unmatched("; ".join(line["why"] for line in problems))
        for _round in range(2):  # what was given again may be canceled there
            for one in _verdict(user, provider, reading).comparisons:
                kind = Kind.ENDED_HERE if _runs_out_here(one) else one.kind
                _confirm(one, kind, user, provider, reading, people, cause)
        verdict = _verdict(user, provider, reading)
        return Synced(old_status=old, new_status=_status_of(user, provider), verdict=verdict)


def apply_finding(finding: SyncFinding, *, cause: Cause) -> str:
    """Do what a finding's remedy says: read the person anew and make us equal. What came of it, for people.

    Raises Retryable and Permanent where the provider cannot be asked or does not know the person, Unmatched where staff
    must decide.
    """
    from integrations import registry

    provider = registry.provider(finding.run.provider)
    user = finding.user or _made(finding, provider, cause)
    synced = sync(user, provider=provider, cause=cause)
    return f"{synced.old_status if finding.user else 'none'} → {synced.new_status}"


def _made(finding: SyncFinding, provider: Provider, cause: Cause) -> User:
    """The member of a purchase that is unknown here: made by applying it."""
    source = purchases_of(provider)
    puller = source.puller()
    items = puller.of_person(finding.person_id)
    books = Books(provider.key, source, puller)
    prepared = prepare(items, provider=provider.key, books=books, again=True)
    terms = Terms(
        provider=provider.key, cause=cause, greeting=lambda sold_at: Greeting.IF_OPEN, hooks_are_expected=False
    )
    with transaction.atomic():
        tally = apply(prepared, terms, again=True)
        known = ExternalIdentity.objects.filter(
            provider=provider.key, kind=source.identity, external_id=finding.person_id
        ).first()
        if known is None:
            raise Unmatched("; ".join(line["why"] for line in tally.problems) or "it is no longer there")
        return known.user


def _read(user: User, provider: Provider) -> Reading:
    source = purchases_of(provider)
    puller = source.puller()
    known = user.identities.filter(provider=provider.key, kind=source.identity).first()
    if known is not None:
        people: Mapping[str, Buyer] = {
            known.external_id: Buyer(email=user.email, identities={source.identity: known.external_id})
        }
    else:
        people = puller.people_with(user.email)
    items = [item for person_id in people for item in puller.of_person(person_id)]
    purchases = refunded([there_of(item) for item in items if item.standing is not None], items)
    return Reading(people=people, purchases=purchases, items=items)


def _verdict(user: User, provider: Provider, reading: Reading) -> Verdict:
    by_plan: dict[int, tuple[Plan, list[There]]] = {}
    for one in reading.purchases:
        plan = plans.sold_by(one.offers, provider=provider.key) if one.offers else None
        if plan is not None:
            by_plan.setdefault(plan.pk, (plan, []))[1].append(one)
    mine = {row.plan_id: row for row in user.subscriptions.select_related("plan", "user").order_by("pk")}
    comparisons = []
    for plan_id in dict.fromkeys([*mine, *by_plan]):
        subscription = mine.get(plan_id)
        plan, theirs = by_plan.get(plan_id) or (subscription.plan if subscription else None, [])
        assert plan is not None
        there = best(theirs)
        kind = difference(there, subscription, provider=provider.key)
        comparisons.append(Comparison(plan=plan, there=there, subscription=subscription, kind=kind))
    return Verdict(user=user, provider=provider, reading=reading, comparisons=comparisons)


def _runs_out_here(one: Comparison) -> bool:
    return (
        one.there is not None
        and one.there.standing is Standing.ACTIVE
        and one.subscription is not None
        and one.subscription.has_access
        and one.subscription.status == Standing.CANCELED
    )


def _confirm(
    one: Comparison,
    kind: "SyncFinding.Kind | None",
    user: User,
    provider: Provider,
    reading: Reading,
    people: Mapping[str, Buyer],
    cause: Cause,
) -> None:
    """Say as a fact what the provider says now, where what it told before does not amount to it."""
    event_class = _FACT_OF.get(kind) if kind else None
    if event_class is None or one.there is None:
        return
    now = timezone.now()
    told = [told for item in reading.items for told in item.told if told.event.purchase_id == one.there.purchase_id]
    ends = next((told.event.period_end for told in told if told.event.period_end), None)
    event = event_class(
        occurred_at=now,
        buyer=next(iter(people.values()), Buyer(email=user.email)),
        offers=one.there.offers,
        purchase_id=one.there.purchase_id,
        period_end=ends if event_class is SubscriptionCanceled else None,
    )
    key = f"purchase:{one.there.purchase_id}:synced:{now.isoformat()}"
    handle(event, Context(provider=provider.key, key=key, cause=cause, greeting=Greeting.IF_OPEN))


def _as_user(user: User, buyer: Buyer) -> Buyer:
    """Whoever asks for this user means this user, whatever address the provider has."""
    return Buyer(email=user.email, first_name=buyer.first_name, last_name=buyer.last_name, identities=buyer.identities)


def _status_of(user: User, provider: Provider) -> str:
    newest = user.subscriptions.filter(provider__in=[provider.key, ""]).order_by("-pk").first()
    return newest.status if newest else "none"
