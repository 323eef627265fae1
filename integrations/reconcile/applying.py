"""Applying what was pulled: items → the events that a webhook would have told → handlers; counted and explained."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts.memberships import plans
from accounts.memberships.models import Plan, SubscriptionFact
from accounts.memberships.models.subscription import FactKind, Status
from core.cause import Cause
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import Buyer, MoneyMoved
from integrations.contracts.exceptions import ForgottenHere
from integrations.contracts.pull import PulledItem, PurchaseConfirmed, Standing, Told
from integrations.handlers import Change, Context, Greeting, handle
from integrations.reconcile.books import Books, keep_records, record_of, records_of
from integrations.reconcile.models import ProviderRecord, SyncFinding

EVENT_IS_LATE_AFTER = timedelta(minutes=10)  # before, its webhook may still be on its way
_A_MOMENT = timedelta(microseconds=1)


@dataclass(kw_only=True)
class Tally:
    """The result of applying items. The lists explain it: each entry is a JSON object. `findings` are not saved."""

    changed: int = 0
    healed: int = 0
    unmatched: int = 0
    errors: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)
    healings: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    findings: list[SyncFinding] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count what `other` counts as well."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The items that say something new, with all that applying them needs; nothing is asked of anybody any more."""

    items: Sequence[PulledItem]
    records: Mapping[str, ProviderRecord]
    people: Mapping[str, Buyer]
    plans: Mapping[tuple[str, ...], Plan | None]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Terms for applying items. `greeting` gives what becomes of the welcome for something sold at a moment.

    With `hooks_are_expected` a change that a webhook should have told counts as healed.
    """

    provider: str
    cause: Cause
    greeting: Callable[[datetime], Greeting]
    hooks_are_expected: bool


def prepare(items: Sequence[PulledItem], *, provider: str, books: Books, again: bool = False) -> Prepared:
    """Find out who and what items are about, with as few questions as possible: none for what has not changed, and
    none for offers that sell no plan. With `again` what has not changed is applied once more.

    May raise OutOfTime, Retryable, Permanent.
    """
    records = records_of([item.key for item in items], provider=provider)
    books.note_purchases(items)
    fresh = [item for item in items if again or not _is_known(item, records.get(item.key))]
    open_ids = {told.event.purchase_id for item in fresh for told in item.told if not told.event.offers}
    offers = books.offers(open_ids) if open_ids else {}
    fresh = [_with_offers(item, offers) for item in fresh]
    distinct = {_offers(told) for item in fresh for told in item.told}
    sold = {one: plans.sold_by(one, provider=provider) if one else None for one in distinct}
    wanted = {item.person_id for item in fresh if any(sold[_offers(told)] for told in item.told)}
    people = books.people(wanted) if wanted else {}
    return Prepared(items=fresh, records=records, people=people, plans=sold)


def apply(prepared: Prepared, terms: Terms, *, again: bool = False) -> Tally:
    """Apply items inside the caller's transaction. One that cannot be applied is a line of the tally, no more."""
    tally = Tally()
    records = dict(prepared.records)  # with what is applied here: a list may show a thing twice
    kept = []
    for item in prepared.items:
        record = records.get(item.key)
        if not again and _is_known(item, record):
            continue
        try:
            applied = _apply_item(item, record, prepared, terms, tally)
        except ForgottenHere:
            continue  # its person was erased: nothing of it is kept
        records[item.key] = record_of(terms.provider, item, digest=item.digest if applied else "")
        if record is None or _differs(records[item.key], record):
            kept.append(records[item.key])
    if kept:
        keep_records(kept)
    return tally


def _apply_item(
    item: PulledItem, record: ProviderRecord | None, prepared: Prepared, terms: Terms, tally: Tally
) -> bool:
    """Return whether it was applied whole; else the tally says why not. Raises ForgottenHere."""
    if item.problem:
        return _failed(tally, item, item.problem)
    sold = [told for told in item.told if prepared.plans.get(_offers(told))]
    if item.told and not sold:
        offer = next((offer for told in item.told for offer in told.event.offers), "")
        tally.unmatched += 1
        why = f"no plan for offer {offer}" if offer else "no offer is known for it"
        tally.problems.append({"key": f"offer:{offer}", "why": why})
        return False
    if not sold:
        return True
    buyer = prepared.people.get(item.person_id)
    if buyer is None or not buyer.email:
        return _failed(tally, item, f"no e-mail is known for customer {item.person_id}")
    try:
        with transaction.atomic():
            # A look at what we have may fail as well, so it belongs here.
            more = _confirmation(item, record, buyer, prepared.plans[_offers(sold[0])], terms.provider)
            told_changes = [(told, _tell(told, item, buyer, terms)) for told in [*sold, *more]]
            if item.money is not None:
                told_changes.append((sold[0], _record(item.money, item, buyer, terms)))
    except (OperationalError, SoftTimeLimitExceeded, ForgottenHere):  # nothing is wrong with the record
        raise
    except Exception as error:  # noqa: BLE001 (the item's attempt is recorded: on its run)
        return _failed(tally, item, str(error) or type(error).__name__)
    _count(tally, item, buyer, told_changes, terms)
    return True


def _tell(told: Told, item: PulledItem, buyer: Buyer, terms: Terms) -> list[Change]:
    greeting = terms.greeting(told.event.occurred_at)
    if item.standing is not None and not item.standing.gives_access:
        greeting = Greeting.NONE
    context = Context(provider=terms.provider, key=told.key, cause=terms.cause, greeting=greeting)
    return handle(replace(told.event, buyer=buyer), context)


def _record(money: MoneyMoved, item: PulledItem, buyer: Buyer, terms: Terms) -> list[Change]:
    context = Context(provider=terms.provider, key=item.key, cause=terms.cause)
    return handle(replace(money, email=buyer.email, identities=buyer.identities), context)


def _count(
    tally: Tally, item: PulledItem, buyer: Buyer, told_changes: list[tuple[Told, list[Change]]], terms: Terms
) -> None:
    changes = [change for _told, found in told_changes for change in found if change.changed]
    if not changes:
        return
    tally.changed += 1
    what = "; ".join(dict.fromkeys(change.description for change in changes))
    tally.changes.append({"key": item.key, "person": buyer.email, "what": what})
    missed = {
        told.hook: told
        for told, found in told_changes
        if told.hook
        and any(change.changed for change in found)
        and timezone.now() - told.event.occurred_at > EVENT_IS_LATE_AFTER
    }
    if missed and terms.hooks_are_expected:
        tally.healed += 1
        tally.healings += [
            {
                "event": told.hook,
                "key": item.key,
                "person": buyer.email,
                "happened": told.event.occurred_at.isoformat(timespec="seconds"),
            }
            for told in missed.values()
        ]


def _confirmation(
    item: PulledItem, record: ProviderRecord | None, buyer: Buyer, plan: Plan | None, provider: str
) -> list[Told]:
    """The fact that a purchase which had ended is active again: what it was deactivated by is undone there.

    Known by the record, or by an expiry that was told for this member before the purchase changed last. An access that
    ran out because its period passed is none: it needs a payment.
    """
    if item.standing is not Standing.ACTIVE or not item.told:
        return []
    ended = record.ended_at if record else None
    if ended is None:
        ended = _told_end(item, buyer, plan, provider)
    if ended is None:
        return []
    event = item.told[0].event
    confirmed = PurchaseConfirmed(
        occurred_at=max(item.changed_at, ended + _A_MOMENT),
        buyer=buyer,
        offers=event.offers,
        purchase_id=event.purchase_id,
    )
    return [Told(key=f"{item.key}:active-after:{ended.isoformat()}", event=confirmed)]


def _told_end(item: PulledItem, buyer: Buyer, plan: Plan | None, provider: str) -> datetime | None:
    try:
        email = normalise_email(buyer.email)
    except InvalidAddress:
        return None
    facts = SubscriptionFact.objects.filter(
        subscription__user__email=email,
        subscription__plan=plan,
        subscription__status=Status.EXPIRED,
        subscription__provider=provider,
        kind=FactKind.EXPIRED,
        staff=None,
        occurred_at__lt=item.changed_at,
    )
    latest = facts.order_by("-occurred_at").first()
    purchase_id = latest.references.get("purchase", "") if latest else ""
    is_ours = not purchase_id or f"purchase:{purchase_id}" == item.key
    return latest.occurred_at if latest and is_ours else None


def _is_known(item: PulledItem, record: ProviderRecord | None) -> bool:
    """Return whether it says what was applied already, or what was true before that: a list may change while it is
    read.
    """
    if record is None or not record.digest:
        return False
    if record.changed_at and item.changed_at < record.changed_at:
        return True
    return record.digest == item.digest and record.changed_at == item.changed_at


def _differs(record: ProviderRecord, before: ProviderRecord) -> bool:
    names = ("digest", "changed_at", "ended_at", "content", "person_id")
    return any(getattr(record, name) != getattr(before, name) for name in names)


def _with_offers(item: PulledItem, offers: Mapping[str, tuple[str, ...]]) -> PulledItem:
    if all(told.event.offers for told in item.told):
        return item
    told = tuple(
        one
        if one.event.offers
        else replace(one, event=replace(one.event, offers=offers.get(one.event.purchase_id, ())))
        for one in item.told
    )
    return replace(item, told=told)


def _offers(told: Told) -> tuple[str, ...]:
    return tuple(told.event.offers)


def _failed(tally: Tally, item: PulledItem, why: str) -> bool:
    tally.errors += 1
    tally.problems.append({"key": item.key, "why": why[:500]})
    return False


def merged(lines: list[dict[str, Any]], more: Iterable[dict[str, Any]], *, at_most: int) -> list[dict[str, Any]]:
    """`lines` with those of `more` that are not among them, cut at `at_most`."""
    found = list(lines)
    for line in more:
        if len(found) >= at_most:
            break
        if line not in found:
            found.append(line)
    return found
