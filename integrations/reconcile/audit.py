"""A full audit: every purchase there is kept as it is, then compared with every subscription here, both ways."""

from collections.abc import Iterable, Sequence

from accounts.memberships import plans
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import ExternalIdentity
from accounts.people.person import NOBODY
from integrations.contracts.provider import Provider
from integrations.contracts.pull import Place, PulledItem, PurchaseSource
from integrations.reconcile.books import PERSON, erased_among, keep_records, record_of
from integrations.reconcile.differences import Kind, There, best, difference, there_of_record
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun

# The last two lists are our own; `page` of their places is the key of the last row that was compared.
_HERE = "our subscriptions"
_THERE = "their purchases"
FIRST_COMPARISON = Place(stage=_HERE, page=0)
AT_ONCE = 200  # rows of a comparison in one transaction

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


def is_comparison(place: Place) -> bool:
    """Return whether the place is one of our own lists: nobody is asked."""
    return place.stage in (_HERE, _THERE)


def keep(run: SyncRun, provider: Provider, items: Iterable[PulledItem]) -> None:
    """Note on the records of purchases what they are and that this audit saw them; nothing is applied."""
    records = []
    items = list(items)
    kind = provider.pulls.identity if isinstance(provider.pulls, PurchaseSource) else ""
    erased = erased_among(provider.key, kind, {item.person_id: "" for item in items if item.person_id})
    erased -= _users_of(provider, erased).keys()  # they came back
    for item in items:
        if item.person_id in erased:
            continue
        if item.standing is not None and not item.problem:
            record = record_of(provider.key, item, digest="")
            record.audit_id = run.pk
            records.append(record)
    # Not what belongs to applying: the digest, and when it changed and ended as far as that was applied.
    keep_records(records, columns=["person_id", "content", "audit_id", "read_at"])


def compare(run: SyncRun, provider: Provider, place: Place) -> Place | None:
    """Compare the next rows and write down what is different; the place after them, None after the last."""
    if place.stage == _HERE:
        return _compare_subscriptions(run, provider, place)
    return _compare_purchases(run, provider, place)


def _compare_subscriptions(run: SyncRun, provider: Provider, place: Place) -> Place:
    """Our subscriptions, those of other providers left out, with what the person has there."""
    rows = list(
        Subscription.objects.filter(pk__gt=place.page, provider__in=[provider.key, ""])
        .exclude(user__email__endswith=NOBODY)  # erased: nothing could be compared or mended
        .select_related("user", "plan")
        .order_by("pk")[:AT_ONCE]
    )
    people = _ids_there(provider, rows)
    purchases = _purchases_of(run, {person_id for ids in people.values() for person_id in ids})
    sellers: dict[tuple[str, ...], Plan | None] = {}
    findings = []
    for subscription in rows:
        theirs = [
            there
            for person_id in people[subscription.pk]
            for there in purchases.get(person_id, ())
            if _plan_of(there.offers, provider, sellers) == subscription.plan
        ]
        there = best(theirs)
        kind = difference(there, subscription, provider=provider.key)
        if kind is not None:
            findings.append(_finding(run, kind, there, subscription, people[subscription.pk]))
    write(run, findings)
    return Place(stage=_HERE, page=rows[-1].pk) if len(rows) == AT_ONCE else Place(stage=_THERE, page=0)


def _compare_purchases(run: SyncRun, provider: Provider, place: Place) -> Place | None:
    """Their purchases that give access, with nothing of the kind here; those with a subscription were compared."""
    records = list(ProviderRecord.objects.filter(audit_id=run.pk, pk__gt=place.page).order_by("pk")[:AT_ONCE])
    open_ones = [(record, there_of_record(record)) for record in records]
    open_ones = [(record, there) for record, there in open_ones if there.standing.gives_access]
    users = _users_of(provider, {record.person_id for record, _there in open_ones})
    emails = _emails_of(provider, {record.person_id for record, _there in open_ones})
    members = set(Subscription.objects.filter(user__in=users.values()).values_list("user_id", "plan_id"))
    by_email = set(Subscription.objects.filter(user__email__in=emails.values()).values_list("user__email", "plan_id"))
    sellers: dict[tuple[str, ...], Plan | None] = {}
    findings = []
    for record, there in open_ones:
        plan = _plan_of(there.offers, provider, sellers)
        email = emails.get(record.person_id, "")
        if plan is None:
            findings.append(_without_plan(run, there))
        elif (users.get(record.person_id), plan.pk) not in members and (email, plan.pk) not in by_email:
            finding = _finding(run, Kind.MISSING_HERE, there, None, [record.person_id])
            finding.person, finding.plan = email, plan
            findings.append(finding)
    write(run, findings)
    return Place(stage=_THERE, page=records[-1].pk) if len(records) == AT_ONCE else None


def _ids_there(provider: Provider, rows: Sequence[Subscription]) -> dict[int, list[str]]:
    """For each subscription, by its key, the ids of its member there: those they are known by and of their address."""
    users = {row.user_id for row in rows}
    kind = provider.pulls.identity if provider.pulls else ""
    found: dict[int, set[str]] = {row.pk: set() for row in rows}
    by_user: dict[int, set[str]] = {}
    for identity in ExternalIdentity.objects.filter(provider=provider.key, kind=kind, user__in=users):
        by_user.setdefault(identity.user_id, set()).add(identity.external_id)
    by_email: dict[str, set[str]] = {}
    addresses = [row.user.email for row in rows]
    known = ProviderRecord.objects.filter(provider=provider.key, email__in=addresses)
    for email, person_id in known.values_list("email", "person_id"):
        by_email.setdefault(email, set()).add(person_id)
    for row in rows:
        found[row.pk] |= by_user.get(row.user_id, set()) or by_email.get(row.user.email, set())
    return {key: sorted(ids) for key, ids in found.items()}


def _purchases_of(run: SyncRun, person_ids: Iterable[str]) -> dict[str, list[There]]:
    records = ProviderRecord.objects.filter(provider=run.provider, audit_id=run.pk, person_id__in=list(person_ids))
    found: dict[str, list[There]] = {}
    for record in records:
        found.setdefault(record.person_id, []).append(there_of_record(record))
    return found


def _users_of(provider: Provider, person_ids: Iterable[str]) -> dict[str, int]:
    kind = provider.pulls.identity if provider.pulls else ""
    known = ExternalIdentity.objects.filter(provider=provider.key, kind=kind, external_id__in=list(person_ids))
    return dict(known.values_list("external_id", "user_id"))


def _emails_of(provider: Provider, person_ids: Iterable[str]) -> dict[str, str]:
    keys = [f"{PERSON}:{person_id}" for person_id in person_ids]
    known = ProviderRecord.objects.filter(provider=provider.key, key__in=keys).exclude(email="")
    return dict(known.values_list("person_id", "email"))


def _plan_of(offers: tuple[str, ...], provider: Provider, sellers: dict[tuple[str, ...], Plan | None]) -> Plan | None:
    if offers not in sellers:
        sellers[offers] = plans.sold_by(offers, provider=provider.key) if offers else None
    return sellers[offers]


def _finding(
    run: SyncRun, kind: Kind, there: There | None, subscription: Subscription | None, person_ids: Sequence[str]
) -> SyncFinding:
    subject = f"subscription:{subscription.pk}" if subscription else f"purchase:{there.purchase_id if there else ''}"
    return SyncFinding(
        run=run,
        key=f"{kind}:{subject}",
        kind=kind,
        person=subscription.user.email if subscription else "",
        person_id=person_ids[0] if person_ids else "",
        purchase_id=there.purchase_id if there else "",
        user=subscription.user if subscription else None,
        plan=subscription.plan if subscription else None,
        there=_described(there) if there else "no purchase",
        here=_here(subscription) if subscription else "no subscription",
        remedy=REMEDIES[kind],
    )


def _without_plan(run: SyncRun, there: There) -> SyncFinding:
    offer = there.offers[0] if there.offers else "?"
    return SyncFinding(
        run=run,
        key=f"{Kind.NO_PLAN}:{offer}",
        kind=Kind.NO_PLAN,
        there=f"active purchases of offer {offer}",
        here="no plan for it",
        remedy=REMEDIES[Kind.NO_PLAN],
    )


def _described(there: There) -> str:
    ended = str(there.shown.get("deactivated_at") or "")[:10]
    offer = there.offers[0] if there.offers else "?"
    return f"purchase {there.purchase_id} of offer {offer}: {there.standing}" + (f" since {ended}" if ended else "")


def _here(subscription: Subscription) -> str:
    end = subscription.current_period_end
    return f"{subscription.status}" + (f", access until {end:%Y-%m-%d}" if end else "")


def write(run: SyncRun, findings: Sequence[SyncFinding]) -> None:
    """Keep findings as the run's, each of them once."""
    for finding in findings:
        finding.run = run
    SyncFinding.objects.bulk_create(findings, ignore_conflicts=True)
