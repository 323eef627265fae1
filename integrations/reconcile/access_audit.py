"""A full audit of access: every subscription here is compared with the purchases there, then the other way round."""

from collections.abc import Iterable, Mapping, Sequence

from accounts.memberships import plans
from accounts.memberships.models import Plan, Subscription
from accounts.people import lookup
from accounts.people.models import ExternalIdentity
from accounts.people.person import NOBODY
from integrations.contracts.provider import Provider
from integrations.contracts.pull import LocalList, Place, RemotePurchase
from integrations.reconcile import findings
from integrations.reconcile.differences import Kind, best, difference
from integrations.reconcile.lookups import PERSON
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun
from integrations.reconcile.records import purchase_of
from integrations.reconcile.sources import source_of

THEIR_PURCHASES = "their purchases"
ROWS_AT_ONCE = 200  # of a comparison in one transaction

REMEDIES = {
    Kind.MISSING_HERE: "apply: the member is made, with what was bought",
    Kind.ENDED_HERE: "apply: access is given again",
    Kind.ENDED_THERE: "apply: access ends here",
    Kind.STATUS: "apply: it ends here with the period that is paid",
    Kind.REFUNDED_HERE: "deactivate the purchase there, or set aside",
    Kind.UNKNOWN_THERE: "expire the subscription by hand, or set aside where it was granted by hand",
    Kind.NO_PLAN: "add the offer to a plan, then audit again; or set aside",
}

# What reading the person anew can mend.
APPLICABLE = frozenset({Kind.MISSING_HERE, Kind.ENDED_HERE, Kind.ENDED_THERE, Kind.STATUS})


def compare_subscriptions(run: SyncRun, provider: Provider, place: Place) -> Place:
    """Compare our next subscriptions, those of other providers left out, with what their members have there."""
    rows = list(
        Subscription.objects.filter(pk__gt=place.page, provider__in=[provider.key, ""])
        .exclude(user__email__endswith=NOBODY)  # erased: nothing could be compared or mended
        .select_related("user", "plan")
        .prefetch_related("purchases")
        .order_by("pk")[:ROWS_AT_ONCE]
    )
    people = _remote_ids(provider, rows)
    listed = ProviderRecord.objects.filter(provider=run.provider, audit_id=run.pk)
    purchases: dict[str, list[RemotePurchase]] = {}
    for record in listed.filter(person_id__in={person_id for ids in people.values() for person_id in ids}):
        purchases.setdefault(record.person_id, []).append(purchase_of(record))
    sold = _plans_of((one for theirs in purchases.values() for one in theirs), provider)
    found = []
    for row in rows:
        theirs = [one for person_id in people[row.pk] for one in purchases.get(person_id, ())]
        purchase = best(one for one in theirs if sold[one.offers] == row.plan)
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
                remote_value=_described(purchase) if purchase else "no purchase",
                local_value=row.status
                + (f", access until {row.current_period_end:%Y-%m-%d}" if row.current_period_end else ""),
                remedy=REMEDIES[kind],
            )
            found.append(finding)
    findings.write(run, found)
    if len(rows) == ROWS_AT_ONCE:
        return Place(stage=LocalList.SUBSCRIPTIONS, page=rows[-1].pk)
    return Place(stage=THEIR_PURCHASES, page=0)


def compare_purchases(run: SyncRun, provider: Provider, place: Place) -> Place | None:
    """Name the next purchases there that give access, with nothing of the kind here; the others were compared."""
    records = list(ProviderRecord.objects.filter(audit_id=run.pk, pk__gt=place.page).order_by("pk")[:ROWS_AT_ONCE])
    purchases = [(record.person_id, purchase_of(record)) for record in records]
    running = [(person_id, one) for person_id, one in purchases if one.status.gives_access]
    person_ids = {person_id for person_id, _one in running}
    known = lookup.users_by_id(provider.key, source_of(provider).identity, person_ids)
    users = {person_id: user.pk for person_id, user in known.items()}
    named = ProviderRecord.objects.filter(
        provider=provider.key, key__in=[f"{PERSON}:{person_id}" for person_id in person_ids]
    ).exclude(email="")
    emails = dict(named.values_list("person_id", "email"))
    members = set(Subscription.objects.filter(user__in=users.values()).values_list("user_id", "plan_id"))
    by_email = set(Subscription.objects.filter(user__email__in=emails.values()).values_list("user__email", "plan_id"))
    sold = _plans_of((one for _person_id, one in running), provider)
    found = []
    for person_id, one in running:
        plan, email, offer = sold[one.offers], emails.get(person_id, ""), one.offers[0] if one.offers else "?"
        if plan is None:
            finding = SyncFinding(
                key=f"{Kind.NO_PLAN}:{offer}",
                kind=Kind.NO_PLAN,
                remote_value=f"active purchases of offer {offer}",
                local_value="no plan for it",
                remedy=REMEDIES[Kind.NO_PLAN],
            )
            found.append(finding)
        elif (users.get(person_id), plan.pk) not in members and (email, plan.pk) not in by_email:
            finding = SyncFinding(
                key=f"{Kind.MISSING_HERE}:purchase:{one.purchase_id}",
                kind=Kind.MISSING_HERE,
                person=email,
                person_id=person_id,
                purchase_id=one.purchase_id,
                plan=plan,
                remote_value=_described(one),
                local_value="no subscription",
                remedy=REMEDIES[Kind.MISSING_HERE],
            )
            found.append(finding)
    findings.write(run, found)
    return Place(stage=THEIR_PURCHASES, page=records[-1].pk) if len(records) == ROWS_AT_ONCE else None


def _remote_ids(provider: Provider, rows: Sequence[Subscription]) -> Mapping[int, list[str]]:
    """Return for each subscription, by its key, the ids of its member there: those they are known by, else those of
    their address.
    """
    by_user: dict[int, set[str]] = {}
    identities = ExternalIdentity.objects.filter(
        provider=provider.key, kind=source_of(provider).identity, user__in={row.user_id for row in rows}
    )
    for user_id, external_id in identities.values_list("user_id", "external_id"):
        by_user.setdefault(user_id, set()).add(external_id)
    by_email: dict[str, set[str]] = {}
    named = ProviderRecord.objects.filter(provider=provider.key, email__in=[row.user.email for row in rows])
    for email, person_id in named.values_list("email", "person_id"):
        by_email.setdefault(email, set()).add(person_id)
    return {row.pk: sorted(by_user.get(row.user_id) or by_email.get(row.user.email) or set()) for row in rows}


def _plans_of(purchases: Iterable[RemotePurchase], provider: Provider) -> Mapping[tuple[str, ...], Plan | None]:
    """Return the plan that each set of offers sells."""
    offers = {one.offers for one in purchases}
    return {some: plans.sold_by(some, provider=provider.key) if some else None for some in offers}


def _described(purchase: RemotePurchase) -> str:
    ended = str(purchase.details.get("deactivated_at") or "")[:10]
    offer = purchase.offers[0] if purchase.offers else "?"
    return f"purchase {purchase.purchase_id} of offer {offer}: {purchase.status}" + (f" since {ended}" if ended else "")
