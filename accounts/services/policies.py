"""Policies and quotes: kept once, value by value as they were last told. The only writer of policies."""

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.dispatch import Signal

from accounts.models import Contact, Policy
from accounts.models.insert_once import insert_once
from accounts.services.cause import Cause

# Sent in the transaction in which a policy was made or changed: `policy` and `cause`.
policy_told = Signal()
_TRIES = 5
_BY_NUMBER = "number:"


@dataclass(frozen=True, kw_only=True)
class PolicyReport:
    """What a provider says of a policy; "" and None are not told. `external_id` is "" where only `number` is known.

    `premium` in minor units of `currency`.
    """

    occurred_at: datetime
    external_id: str
    is_quote: bool
    currency: str
    number: str = ""
    line_of_business: str = ""
    carrier: str = ""
    premium: int | None = None
    effective_on: date | None = None
    expires_on: date | None = None

    def values(self) -> dict[str, object]:
        """What is told, as it is stored: a payload is hostile, and longer than a column."""
        told = {
            "is_quote": self.is_quote,
            "currency": self.currency,
            "number": self.number[:100],
            "line_of_business": self.line_of_business[:150],
            "carrier": self.carrier[:150],
            "premium": self.premium,
            "effective_on": self.effective_on,
            "expires_on": self.expires_on,
        }
        return {name: value for name, value in told.items() if value not in ("", None)}


@dataclass(frozen=True, kw_only=True)
class Kept:
    """`changed` are the names of what is different now; everything where it was `created`."""

    policy: Policy
    created: bool = False
    changed: tuple[str, ...] = field(default=())


def find(*, provider: str, external_id: str, number: str) -> Policy | None:
    """The policy with this id; else, where no id is known on one of the two sides, the one with this number."""
    policies = Policy.objects.select_related("contact").filter(provider=provider)
    if external_id and (known := policies.filter(external_id=external_id).first()):
        return known
    if not number:
        return None
    if external_id:
        return policies.filter(external_id=_by_number(number)).first()
    # A renewal may have the number of the policy before it: the newest is meant.
    return policies.filter(number=number[:100]).order_by("-effective_on", "-pk").first()


def keep(told: PolicyReport, *, provider: str, contact: Contact, cause: Cause) -> Kept:
    """As `_kept`; who does something about policies elsewhere is told of what is new."""
    kept = _kept(told, provider=provider, contact=contact)
    if kept.created or kept.changed:
        policy_told.send(sender=Policy, policy=kept.policy, cause=cause)
    return kept


def _kept(told: PolicyReport, *, provider: str, contact: Contact) -> Kept:
    """Bring the policy to what is told, made where there is none. What an older report says of a value changes nothing.

    Two at once make one row: who has the same id by a unique constraint, and who speaks of it by number and by id since
    both wait for the contact's row. A row that was known by its number alone gets its id. Inside a transaction.
    """
    Contact.objects.select_for_update().get(pk=contact.pk)
    for _try in range(_TRIES):
        known = find(provider=provider, external_id=told.external_id, number=told.number)
        if known is None:
            policy = Policy(
                contact=contact,
                provider=provider,
                external_id=told.external_id or _by_number(told.number),
                told_at=dict.fromkeys(told.values(), told.occurred_at.timestamp()),
                reported_at=told.occurred_at,
                **told.values(),
            )
            if insert_once(policy):
                return Kept(policy=policy, created=True)
            continue
        try:
            with transaction.atomic():
                kept = _brought_to(known, told)
        except IntegrityError:  # another worker gave another row this id meanwhile
            continue
        if kept is not None:
            return kept
    raise RuntimeError(f"{told.external_id or told.number}: another worker makes and unmakes this policy")


def _brought_to(known: Policy, told: PolicyReport) -> Kept | None:
    """None where the row is gone."""
    policy = Policy.objects.select_for_update().filter(pk=known.pk).first()
    if policy is None:
        return None
    moment = told.occurred_at.timestamp()
    fresh = {name: value for name, value in told.values().items() if policy.told_at.get(name, moment) <= moment}
    changed = tuple(name for name, value in fresh.items() if getattr(policy, name) != value)
    for name, value in fresh.items():
        setattr(policy, name, value)
    policy.told_at = policy.told_at | dict.fromkeys(fresh, moment)
    policy.reported_at = max(policy.reported_at, told.occurred_at)
    if told.external_id:
        policy.external_id = told.external_id
        if told.number:
            changed += _taken_over(policy, told.number)
    policy.save()
    return Kept(policy=policy, changed=changed)


def _taken_over(policy: Policy, number: str) -> tuple[str, ...]:
    """Take what was told of this number before it was known whose it is; the names of what changed. Not saved."""
    other = (
        Policy.objects.filter(provider=policy.provider, external_id=_by_number(number)).exclude(pk=policy.pk).first()
    )
    if other is None:
        return ()
    newer = {name: at for name, at in other.told_at.items() if at > policy.told_at.get(name, 0)}
    changed = tuple(name for name in newer if getattr(policy, name) != getattr(other, name))
    for name in newer:
        setattr(policy, name, getattr(other, name))
    policy.told_at = policy.told_at | newer
    policy.reported_at = max(policy.reported_at, other.reported_at)
    other.delete()
    return changed


def _by_number(number: str) -> str:
    return f"{_BY_NUMBER}{number[:100]}"
