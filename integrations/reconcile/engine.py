"""Apply a listed record: its events → the handlers of webhooks, in one transaction; counted and explained."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts.memberships.facts import FactKind
from accounts.memberships.models import SubscriptionFact
from accounts.memberships.purchase_state import Status
from accounts.people import lookup
from accounts.people.models import Contact
from core.cause import Cause
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import ContactGone, ContactReported, MembershipEvent, PurchaseConfirmed
from integrations.contracts.exceptions import PersonErased, Unmatched
from integrations.contracts.pull import PulledEvent, PurchaseStatus
from integrations.handlers import Change, Context, Greeting, handle
from integrations.reconcile.findings import CONTACT, changed_values, gone
from integrations.reconcile.lookups import NoPlan, Ready
from integrations.reconcile.models import SyncFinding
from integrations.reconcile.records import row_of, save_rows

EVENT_IS_LATE_AFTER = timedelta(minutes=10)  # before, its webhook may still be on its way
_A_MOMENT = timedelta(microseconds=1)


@dataclass(kw_only=True)
class Result:
    """The result of applying records. The lists explain it: each entry is a JSON object. `findings` are not saved."""

    changed: int = 0
    healed: int = 0
    unmatched: int = 0
    errors: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)
    healings: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    findings: list[SyncFinding] = field(default_factory=list)

    def add(self, other: "Result") -> None:
        """Count what `other` counts as well."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Terms for applying records. `run_id` does not try again what it failed to apply.

    The welcome for what was sold before `holds_greetings_before` is held back. With `expects_webhooks` a change that a
    webhook should have brought counts as healed.
    """

    provider: str
    cause: Cause
    run_id: int | None = None
    holds_greetings_before: datetime | None = None
    expects_webhooks: bool = False


def apply_all(batch: Iterable[Ready], terms: Terms) -> Result:
    """Apply records in their order, inside the caller's transaction; what they led to together."""
    result = Result()
    for ready in batch:
        result.add(apply(ready, terms))
    return result


def apply(ready: Ready, terms: Terms) -> Result:
    """Apply a record whole and remember it, inside the caller's transaction.

    One that cannot be applied is a line of the result, no more; nothing is kept of one about somebody who was erased.
    """
    record, result, failed_in = ready.record, Result(), None
    try:
        with transaction.atomic():
            if ready.error is not None:
                raise ready.error
            # A look at what we have may fail as well, so it belongs here.
            events = [*ready.events, *_reactivation(ready, terms)]
            made = [(one, change, values) for one in events for change, values in _handle(one, ready, terms, result)]
            _explain(made, ready, terms, result)
    except (OperationalError, SoftTimeLimitExceeded):  # nothing is wrong with the record
        raise
    except PersonErased:
        return Result()
    except Exception as error:  # noqa: BLE001 (the attempt at the record is noted: on its run)
        # A sale that cannot be applied is an error; what belongs to nobody yet may be matched later.
        is_unmatched = isinstance(error, NoPlan) or (isinstance(error, Unmatched) and ready.buyer is None)
        key = f"offer:{error.offer}" if isinstance(error, NoPlan) else record.key
        problem = {"key": key, "why": (str(error) or type(error).__name__)[:500]}
        result = Result(unmatched=int(is_unmatched), errors=int(not is_unmatched), problems=[problem])
        failed_in = terms.run_id
    is_applied = not result.problems
    save_rows([row_of(record, provider=terms.provider, is_applied=is_applied, failed_in=failed_in)])
    return result


def _handle(one: PulledEvent, ready: Ready, terms: Terms, result: Result) -> list[tuple[Change, str]]:
    """Hand an event to its handler; return the changes that it made, each with old and new values for people."""
    event, before = one.event, None
    if isinstance(event, ContactGone):
        found = [gone(mapping) for mapping in lookup.mappings(terms.provider, {CONTACT: event.contact_id})]
        if not found:
            return []
        result.findings += found
    elif isinstance(event, ContactReported):
        before = lookup.find(provider=terms.provider, identities=event.identities, email=event.email)
    greeting, purchase, held_before = Greeting.IF_OPEN, ready.record.purchase, terms.holds_greetings_before
    if purchase is not None and not purchase.status.gives_access:
        greeting = Greeting.NONE
    elif held_before is not None and event.occurred_at < held_before:
        greeting = Greeting.HELD
    key = one.key or ready.record.key
    changes = handle(event, Context(provider=terms.provider, key=key, cause=terms.cause, greeting=greeting))
    return [(change, changed_values(before, change.target)) for change in changes if change.changed]


def _explain(made: Sequence[tuple[PulledEvent, Change, str]], ready: Ready, terms: Terms, result: Result) -> None:
    """Count a record's changes, and the webhooks that should have brought them before."""
    if not made:
        return
    target: Any = made[0][1].target
    contact = target if isinstance(target, Contact) else getattr(target, "contact", None)
    person = ready.buyer.email if ready.buyer else str(contact or "")
    what = "; ".join(dict.fromkeys(f"{change.description}{values}" for _one, change, values in made))
    result.changed = 1
    result.changes.append({"key": ready.record.key, "person": person, "what": what[:1000]})
    late = timezone.now() - EVENT_IS_LATE_AFTER
    missed = {one.webhook: one.event for one, _change, _values in made if one.webhook and one.event.occurred_at < late}
    if missed and terms.expects_webhooks:
        result.healed = 1
        result.healings += [
            {
                "event": webhook,
                "key": ready.record.key,
                "person": person,
                "happened": event.occurred_at.isoformat(timespec="seconds"),
            }
            for webhook, event in missed.items()
        ]


def _reactivation(ready: Ready, terms: Terms) -> list[PulledEvent]:
    """Return the event that a purchase which had ended is active again: its deactivation was undone there.

    The end is known by the record's row, or by an expiry that was received for this member before the purchase changed
    last. An access that ran out because its period passed is none: it needs a payment.
    """
    record, purchase = ready.record, ready.record.purchase
    if purchase is None or purchase.status is not PurchaseStatus.ACTIVE or ready.buyer is None:
        return []
    bought = ready.events[0].event
    assert isinstance(bought, MembershipEvent), "a purchase begins with one"
    ended = (ready.row.ended_at if ready.row else None) or _canceled_at(ready, terms) or _expired_at(ready, terms)
    if ended is None:
        return []
    confirmed = PurchaseConfirmed(
        book=bought.book,
        occurred_at=max(record.changed_at or ended, ended + _A_MOMENT),
        buyer=ready.buyer,
        offers=bought.offers,
        purchase_id=purchase.purchase_id,
    )
    return [PulledEvent(key=f"{record.key}:active-after:{ended.isoformat()}", event=confirmed)]


def _canceled_at(ready: Ready, terms: Terms) -> datetime | None:
    """Return when the record itself last said that the purchase would end; what others reported is not its word."""
    prefix = f"{terms.provider}:{ready.record.key}:ends:"
    facts = SubscriptionFact.objects.filter(subscription__plan=ready.plan, key__startswith=prefix)
    return facts.order_by("-occurred_at").values_list("occurred_at", flat=True).first()


def _expired_at(ready: Ready, terms: Terms) -> datetime | None:
    """Return when the buyer's subscription expired by an event about this purchase, or about none."""
    try:
        email = normalise_email(ready.buyer.email if ready.buyer else "")
    except InvalidAddress:
        return None
    facts = SubscriptionFact.objects.filter(
        subscription__user__email=email,
        subscription__plan=ready.plan,
        subscription__status=Status.EXPIRED,
        subscription__provider=terms.provider,
        kind=FactKind.EXPIRED,
        staff=None,
        occurred_at__lt=ready.record.changed_at,
    )
    latest = facts.order_by("-occurred_at").first()
    if latest is None or latest.references.get("purchase", "") not in ("", ready.record.key.removeprefix("purchase:")):
        return None
    return latest.occurred_at
