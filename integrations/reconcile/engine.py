"""Apply listed records: the events of each → the handlers, in one transaction; counted and explained."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts.memberships.facts import FactKind
from accounts.memberships.models import Purchase, SubscriptionFact
from accounts.memberships.notices import Mails
from accounts.memberships.purchase_state import Status
from accounts.people import lookup
from accounts.people.models import Contact
from core.cause import Cause
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import ContactGone, ContactReported
from integrations.contracts.exceptions import PersonErased, Unmatched
from integrations.contracts.membership_events import MembershipEvent, PurchaseConfirmed
from integrations.contracts.pull import PulledEvent, PurchaseStatus, RemotePurchase
from integrations.handlers import Change, Context, handle
from integrations.reconcile.findings import CONTACT, changed_values, gone_finding
from integrations.reconcile.lookups import NoPlan, PreparedRecord
from integrations.reconcile.models import SyncFinding
from integrations.reconcile.records import save_rows, to_row

EVENT_IS_LATE_AFTER = timedelta(minutes=10)  # before, its webhook may still be on its way
_A_MOMENT = timedelta(microseconds=1)


@dataclass(kw_only=True)
class Result:
    """The result of applying records. Its lists hold JSON objects that explain it; `findings` are not saved."""

    changed: int = 0
    healed: int = 0
    unmatched: int = 0
    errors: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)
    healings: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    findings: list[SyncFinding] = field(default_factory=list)

    def add(self, other: "Result") -> None:
        """Add the counters and lists of `other`."""
        for column in fields(self):
            setattr(self, column.name, getattr(self, column.name) + getattr(other, column.name))


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Terms for applying records. The run `run_id` does not retry a record that it failed to apply.

    The welcome for sales before `holds_greetings_before` is held back. With `expects_webhooks` a change that a
    webhook should have brought counts as healed.
    """

    provider: str
    cause: Cause
    run_id: int | None = None
    holds_greetings_before: datetime | None = None
    expects_webhooks: bool = False


def apply_all(batch: Iterable[PreparedRecord], terms: Terms) -> Result:
    """Apply records in order, inside the caller's transaction; return their results added up."""
    result = Result()
    for prepared in batch:
        result.add(apply(prepared, terms))
    return result


def apply(prepared: PreparedRecord, terms: Terms) -> Result:
    """Apply all of a record and store its row, inside the caller's transaction.

    A record that cannot be applied is a problem in the result; nothing is stored of one about an erased person.
    """
    record, result, failed_in, unsold = prepared.record, Result(), None, ""
    try:
        with transaction.atomic():
            if prepared.error is not None:
                raise prepared.error
            # A query may fail as well, so it belongs here.
            events = [*prepared.events, *_reactivation(prepared, terms)]
            is_history = _is_history(record.purchase)
            made = [
                (pulled, change, values)
                for pulled in events
                for change, values in _handle(pulled, prepared, terms, result, is_history=is_history)
            ]
            _explain(made, prepared, terms, result)
    except (OperationalError, SoftTimeLimitExceeded):  # nothing is wrong with the record
        raise
    except PersonErased:
        return Result()
    except Exception as error:  # noqa: BLE001 (the problem is stored on the run)
        # A sale that cannot be applied is an error; a record of nobody known may be matched later.
        is_unmatched = isinstance(error, NoPlan) or (isinstance(error, Unmatched) and prepared.buyer is None)
        unsold = error.offer if isinstance(error, NoPlan) else ""
        key = f"offer:{unsold}" if isinstance(error, NoPlan) else record.key
        problem = {"key": key, "why": (str(error) or type(error).__name__)[:500]}
        result = Result(unmatched=int(is_unmatched), errors=int(not is_unmatched), problems=[problem])
        failed_in = terms.run_id
    is_applied = not result.problems
    row = to_row(record, provider=terms.provider, is_applied=is_applied, failed_in=failed_in, unsold_offer=unsold)
    save_rows([row])
    return result


def _is_history(purchase: RemotePurchase | None) -> bool:
    """Return whether a purchase ended before it was known here: its end is no news to anybody."""
    if purchase is None or purchase.status.gives_access:
        return False
    return not Purchase.objects.filter(external_id=purchase.purchase_id).exists()


def _handle(
    pulled: PulledEvent, prepared: PreparedRecord, terms: Terms, result: Result, *, is_history: bool
) -> list[tuple[Change, str]]:
    """Call the handler of an event; return its changes, each with old and new values for people."""
    event, before = pulled.event, None
    if isinstance(event, ContactGone):
        mappings = lookup.match(provider=terms.provider, identities={CONTACT: event.contact_id}).records
        if not mappings:
            return []
        result.findings += [gone_finding(mapping) for mapping in mappings]
    elif isinstance(event, ContactReported):
        before = lookup.find(provider=terms.provider, identities=event.identities, email=event.email)
    mails, held_before = Mails.SEND, terms.holds_greetings_before
    if is_history:
        mails = Mails.NONE
    elif held_before is not None and event.occurred_at < held_before:
        mails = Mails.HOLD
    key = pulled.key or prepared.record.key
    changes = handle(event, Context(provider=terms.provider, key=key, cause=terms.cause, mails=mails))
    return [(change, changed_values(before, change.target)) for change in changes if change.changed]


def _explain(
    made: Sequence[tuple[PulledEvent, Change, str]], prepared: PreparedRecord, terms: Terms, result: Result
) -> None:
    """Add a record's changes to the result, and the webhooks that should have reported them."""
    if not made:
        return
    target: Any = made[0][1].target
    contact = target if isinstance(target, Contact) else getattr(target, "contact", None)
    person = prepared.buyer.email if prepared.buyer else str(contact or "")
    what = "; ".join(dict.fromkeys(f"{change.description}{values}" for _pulled, change, values in made))
    result.changed = 1
    result.changes.append({"key": prepared.record.key, "person": person, "what": what[:1000]})
    late = timezone.now() - EVENT_IS_LATE_AFTER
    missed = {
        pulled.webhook: pulled.event
        for pulled, _change, _values in made
        if pulled.webhook and pulled.event.occurred_at < late
    }
    if missed and terms.expects_webhooks:
        result.healed = 1
        result.healings += [
            {
                "event": webhook,
                "key": prepared.record.key,
                "person": person,
                "happened": event.occurred_at.isoformat(timespec="seconds"),
            }
            for webhook, event in missed.items()
        ]


def _reactivation(prepared: PreparedRecord, terms: Terms) -> list[PulledEvent]:
    """Return the event of a purchase that had ended and is active again: its deactivation was undone at the provider.

    The end is known from the record's row, or from an expiry received for this member before the purchase changed last.
    Access that ran out with its period does not count: it needs a payment.
    """
    record, purchase = prepared.record, prepared.record.purchase
    if purchase is None or purchase.status is not PurchaseStatus.ACTIVE or prepared.buyer is None:
        return []
    bought = prepared.events[0].event
    assert isinstance(bought, MembershipEvent), "the first event of a purchase"
    ended = (prepared.row.ended_at if prepared.row else None) or _canceled_at(prepared, terms)
    ended = ended or _expired_at(prepared, terms)
    if ended is None:
        return []
    confirmed = PurchaseConfirmed(
        book=bought.book,
        occurred_at=max(record.changed_at or ended, ended + _A_MOMENT),
        buyer=prepared.buyer,
        offers=bought.offers,
        purchase_id=purchase.purchase_id,
    )
    return [PulledEvent(key=f"{record.key}:active-after:{ended.isoformat()}", event=confirmed)]


def _canceled_at(prepared: PreparedRecord, terms: Terms) -> datetime | None:
    """Return when the record itself last said that the purchase would end; what others reported is not its word."""
    prefix = f"{terms.provider}:{prepared.record.key}:ends:"
    facts = SubscriptionFact.objects.filter(subscription__plan=prepared.plan, key__startswith=prefix)
    return facts.order_by("-occurred_at").values_list("occurred_at", flat=True).first()


def _expired_at(prepared: PreparedRecord, terms: Terms) -> datetime | None:
    """Return when the buyer's subscription expired, by an event about this purchase or about none."""
    try:
        email = normalise_email(prepared.buyer.email if prepared.buyer else "")
    except InvalidAddress:
        return None
    facts = SubscriptionFact.objects.filter(
        subscription__user__email=email,
        subscription__plan=prepared.plan,
        subscription__status=Status.EXPIRED,
        subscription__provider=terms.provider,
        kind=FactKind.EXPIRED,
        staff=None,
        occurred_at__lt=prepared.record.changed_at,
    )
    latest = facts.order_by("-occurred_at").first()
    if latest is None or latest.references.get("purchase", "") not in (
        "",
        prepared.record.key.removeprefix("purchase:"),
    ):
        return None
    return latest.occurred_at
