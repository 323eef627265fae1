"""Full audit of access: our subscriptions are compared with the provider's purchases, then the other way round."""

from collections.abc import Iterable, Mapping, Sequence

from accounts.memberships import plans
from accounts.memberships.models import Plan, Subscription
from accounts.memberships.purchase_state import Status
from accounts.people import lookup
from accounts.people.models import ContactMapping
from accounts.people.models.user import NOBODY
from core.phrases import DAY, Phrase, Words
from integrations.contracts.provider import Provider
from integrations.contracts.pull import LocalList, Place, RemotePurchase
from integrations.reconcile import findings
from integrations.reconcile.differences import Kind, best_purchase, difference
from integrations.reconcile.lookups import PERSON
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun
from integrations.reconcile.records import to_purchase
from integrations.reconcile.sources import source_of

_STATUS = Words({status.value: status.label for status in Status})
_NO_PURCHASE = Phrase("no purchase")
_NO_PLAN = Phrase("no plan for it")
_NO_SUBSCRIPTION = Phrase("no subscription")
_ACTIVE = Phrase("active purchases of offer {offer}")
_PURCHASE = Phrase("purchase {id} of offer {offer}: {status}", status=_STATUS)
_PURCHASE_SINCE = Phrase("purchase {id} of offer {offer}: {status} since {day}", status=_STATUS, day=DAY)
_HERE_UNTIL = Phrase("{status}, access until {day}", status=_STATUS, day=DAY)

REMOTE_PURCHASES = "their purchases"
BATCH_SIZE = 200  # rows compared in one transaction

REMEDIES = {
    Kind.MISSING_HERE: Phrase("apply: the member is made, with what was bought")(),
    Kind.ENDED_HERE: Phrase("apply: access is given again")(),
    Kind.ENDED_THERE: Phrase("apply: access ends here")(),
    Kind.STATUS: Phrase("apply: it ends here with the period that is paid")(),
    Kind.REFUNDED_HERE: Phrase("deactivate the purchase there, or set aside")(),
    Kind.UNKNOWN_THERE: Phrase("expire the subscription by hand, or set aside where it was granted by hand")(),
    Kind.NO_PLAN: Phrase("add the offer to a plan, then audit again; or set aside")(),
}

# Differences that reading the person again can settle.
APPLICABLE = frozenset({Kind.MISSING_HERE, Kind.ENDED_HERE, Kind.ENDED_THERE, Kind.STATUS})


def compare_subscriptions(run: SyncRun, provider: Provider, place: Place) -> Place:
    """Compare our next subscriptions, except those of other providers, with the purchases of their members."""
    rows = list(
        Subscription.objects.filter(pk__gt=place.page, provider__in=[provider.key, ""])
        .exclude(user__email__endswith=NOBODY)  # erased
        .select_related("user", "plan")
        .prefetch_related("purchases")
        .order_by("pk")[:BATCH_SIZE]
    )
    people = _remote_ids(provider, rows)
    listed = ProviderRecord.objects.filter(provider=run.provider, audit_id=run.pk)
    purchases: dict[str, list[RemotePurchase]] = {}
    for record in listed.filter(person_id__in={person_id for ids in people.values() for person_id in ids}):
        purchases.setdefault(record.person_id, []).append(to_purchase(record))
    plans_by_offers = _plans_of((purchase for bought in purchases.values() for purchase in bought), provider)
    results = []
    for row in rows:
        bought = [purchase for person_id in people[row.pk] for purchase in purchases.get(person_id, ())]
        purchase = best_purchase(purchase for purchase in bought if plans_by_offers[purchase.offers] == row.plan)
        kind = difference(purchase, row, provider=provider.key)
        if kind is not None:
            finding = SyncFinding(
                key=f"{kind}:subscription:{row.pk}",
                kind=kind,
                person=row.user.email,
                person_id=next(iter(people[row.pk]), ""),
                purchase_id=purchase.purchase_id if purchase else "",
                user=row.user,
                plan=row.plan,
                remote_value=_describe(purchase) if purchase else _NO_PURCHASE(),
                local_value=_HERE_UNTIL(status=row.status, day=f"{row.current_period_end:%Y-%m-%d}")
                if row.current_period_end
                else row.status,
                remedy=REMEDIES[kind],
            )
            results.append(finding)
    findings.save(run, results)
    if len(rows) == BATCH_SIZE:
        return Place(stage=LocalList.SUBSCRIPTIONS, page=rows[-1].pk)
    return Place(stage=REMOTE_PURCHASES, page=0)


def compare_purchases(run: SyncRun, provider: Provider, place: Place) -> Place | None:
    """Store findings about the next purchases that give access and have no subscription here."""
    records = list(ProviderRecord.objects.filter(audit_id=run.pk, pk__gt=place.page).order_by("pk")[:BATCH_SIZE])
    purchases = [(record.person_id, to_purchase(record)) for record in records]
    active = [(person_id, purchase) for person_id, purchase in purchases if purchase.status.gives_access]
    person_ids = {person_id for person_id, _purchase in active}
    known = lookup.users_by_id(provider.key, source_of(provider).identity, person_ids)
    users = {person_id: user.pk for person_id, user in known.items()}
    named = ProviderRecord.objects.filter(
        provider=provider.key, key__in=[f"{PERSON}:{person_id}" for person_id in person_ids]
    ).exclude(email="")
    emails = dict(named.values_list("person_id", "email"))
    members = set(Subscription.objects.filter(user__in=users.values()).values_list("user_id", "plan_id"))
    by_email = set(Subscription.objects.filter(user__email__in=emails.values()).values_list("user__email", "plan_id"))
    plans_by_offers = _plans_of((purchase for _person_id, purchase in active), provider)
    results = []
    for person_id, purchase in active:
        plan, email = plans_by_offers[purchase.offers], emails.get(person_id, "")
        offer = purchase.offers[0] if purchase.offers else "?"
        if plan is None:
            finding = SyncFinding(
                key=f"{Kind.NO_PLAN}:{offer}",
                kind=Kind.NO_PLAN,
                remote_value=_ACTIVE(offer=offer),
                local_value=_NO_PLAN(),
                remedy=REMEDIES[Kind.NO_PLAN],
            )
            results.append(finding)
        elif (users.get(person_id), plan.pk) not in members and (email, plan.pk) not in by_email:
            finding = SyncFinding(
                key=f"{Kind.MISSING_HERE}:purchase:{purchase.purchase_id}",
                kind=Kind.MISSING_HERE,
                person=email,
                person_id=person_id,
                purchase_id=purchase.purchase_id,
                plan=plan,
                remote_value=_describe(purchase),
                local_value=_NO_SUBSCRIPTION(),
                remedy=REMEDIES[Kind.MISSING_HERE],
            )
            results.append(finding)
    findings.save(run, results)
    return Place(stage=REMOTE_PURCHASES, page=records[-1].pk) if len(records) == BATCH_SIZE else None


def _remote_ids(provider: Provider, rows: Sequence[Subscription]) -> Mapping[int, list[str]]:
    """Return subscription key → remote ids of its member: those they are known by, else those of their address."""
    by_user: dict[int, set[str]] = {}
    identities = ContactMapping.objects.filter(
        provider=provider.key, kind=source_of(provider).identity, contact__user__in={row.user_id for row in rows}
    )
    for user_id, external_id in identities.values_list("contact__user", "external_id"):
        by_user.setdefault(user_id, set()).add(external_id)
    by_email: dict[str, set[str]] = {}
    named = ProviderRecord.objects.filter(provider=provider.key, email__in=[row.user.email for row in rows])
    for email, person_id in named.values_list("email", "person_id"):
        by_email.setdefault(email, set()).add(person_id)
    return {row.pk: sorted(by_user.get(row.user_id) or by_email.get(row.user.email) or set()) for row in rows}


def _plans_of(purchases: Iterable[RemotePurchase], provider: Provider) -> Mapping[tuple[str, ...], Plan | None]:
    """Return offers → the plan that they sell."""
    return {
        offers: plans.sold_by(offers, provider=provider.key) if offers else None
        for offers in {purchase.offers for purchase in purchases}
    }


def _describe(purchase: RemotePurchase) -> str:
    ended = str(purchase.details.get("deactivated_at") or "")[:10]
    offer = purchase.offers[0] if purchase.offers else "?"
    values = {"id": purchase.purchase_id, "offer": offer, "status": purchase.status}
    return _PURCHASE_SINCE(**values, day=ended) if ended else _PURCHASE(**values)
