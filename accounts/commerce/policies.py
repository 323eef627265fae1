"""Policies and quotes: stored once, each value as it was last reported. The only writer of policies."""

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from accounts.commerce.models import Policy
from accounts.people.models import Contact
from core.insert_once import insert_once
from core.phrases import Phrase

_SEVERAL = Phrase("several people have a policy with the number {number}: {names}")
_OF_ANOTHER = Phrase(
    "policy {number} is that of {owner} (contact {owner_id}) here, and is reported of {other} (contact {other_id})"
)

_TRIES = 5
_BY_NUMBER = "number:"
_SAME_NUMBER = 50  # policies that are looked at for one number; more have it only by mistake


class AmbiguousPolicy(Exception):
    """The number alone does not say which policy, or whose, is meant; the message names those that it could be."""


@dataclass(frozen=True, kw_only=True)
class PolicyReport:
    """A policy as a provider reports it; "" and None are not reported. `external_id` is "" where only `number` is
    known.

    `premium` in minor units of `currency`.
    """

    occurred_at: datetime
    external_id: str
    is_quote: bool
    currency: str
    number: str = ""
    line_of_business: str = ""
    status: str = ""
    carrier: str = ""
    premium: int | None = None
    effective_on: date | None = None
    expires_on: date | None = None

    def values(self) -> dict[str, object]:
        """Return the reported values in their stored form: a payload is hostile, and longer than a column."""
        values = {
            "is_quote": self.is_quote,
            "currency": self.currency,
            "number": self.number[:100],
            "line_of_business": self.line_of_business[:150],
            "status": self.status[:60],
            "carrier": self.carrier[:150],
            "premium": self.premium,
            "effective_on": self.effective_on,
            "expires_on": self.expires_on,
        }
        return {name: value for name, value in values.items() if value not in ("", None)}


@dataclass(frozen=True, kw_only=True)
class ChangedPolicy:
    """A policy that was reported, to be enqueued in that transaction.

    `changed` are the names of what is different now; everything where it was `created`.
    """

    policy: Policy
    created: bool = False
    changed: tuple[str, ...] = field(default=())


def find(
    *,
    provider: str,
    external_id: str,
    number: str,
    contact: Contact | None = None,
    effective_on: date | None = None,
    expires_on: date | None = None,
) -> Policy | None:
    """Return the policy with this id; else, where no id is known on one of the two sides, the one with this number.

    A renewal may have the number of the policy before it, so terms that do not overlap are two policies. Where no term
    is given, the newest is meant. Of two people's policies with one number only `contact`'s is; without a contact
    AmbiguousPolicy is raised.
    """
    policies = Policy.objects.select_related("contact").filter(provider=provider)
    if external_id and (known := policies.filter(external_id=external_id).first()):
        return known
    if not number:
        return None
    if external_id:
        policies = policies.filter(external_id__startswith=_BY_NUMBER)
    if contact is not None:
        policies = policies.filter(contact=contact)
    found = _of_term(policies, number, effective_on, expires_on)
    exact = [policy for policy in found if effective_on and policy.effective_on == effective_on]
    likely = exact or found
    if len({policy.contact_id for policy in likely}) > 1:
        names = ", ".join(f"{policy.contact} (contact {policy.contact_id})" for policy in likely[:5])
        raise AmbiguousPolicy(_SEVERAL(number=number[:100], names=names))
    return likely[0] if likely else None


def _of_term(
    policies: QuerySet[Policy], number: str, effective_on: date | None, expires_on: date | None
) -> list[Policy]:
    """Return those with this number whose term may be the given one, the newest first."""
    numbered = policies.filter(number=number[:100]).order_by(F("effective_on").desc(nulls_last=True), "-pk")
    return [
        policy
        for policy in numbered[:_SAME_NUMBER]
        if not (effective_on and policy.expires_on and effective_on >= policy.expires_on)
        and not (expires_on and policy.effective_on and expires_on <= policy.effective_on)
    ]


def apply_report(report: PolicyReport, *, provider: str, contact: Contact) -> ChangedPolicy:
    """Apply a report to its policy, created where there is none. An older report of a value changes nothing.

    Two at once make one row: who has the same id by a unique constraint, and who speaks of it by number and by id since
    both wait for the contact's row. A row that was known by its number alone gets its id. Inside a transaction.

    Raises AmbiguousPolicy where only a number is reported, and it is that of somebody else's policy.
    """
    Contact.objects.select_for_update().get(pk=contact.pk)
    term = {"effective_on": report.effective_on, "expires_on": report.expires_on}
    for _try in range(_TRIES):
        known = find(provider=provider, external_id=report.external_id, number=report.number, contact=contact, **term)
        if known is None:
            if not report.external_id:
                _refuse_other_owner(report, provider=provider, contact=contact)
            for key in _keys(report, contact):
                policy = Policy(
                    contact=contact,
                    provider=provider,
                    external_id=key,
                    reported_times=dict.fromkeys(report.values(), report.occurred_at.timestamp()),
                    reported_at=report.occurred_at,
                    **report.values(),
                )
                if insert_once(policy):
                    return ChangedPolicy(policy=policy, created=True)
            continue
        try:
            with transaction.atomic():
                changed = _update(known, report)
        except IntegrityError:  # another worker gave another row this id meanwhile
            continue
        if changed is not None:
            return changed
    raise RuntimeError(f"{report.external_id or report.number}: another worker makes and unmakes this policy")


def _refuse_other_owner(report: PolicyReport, *, provider: str, contact: Contact) -> None:
    """Raise AmbiguousPolicy where another contact has the policy with this number, unless it is another carrier's."""
    others = Policy.objects.select_related("contact").filter(provider=provider).exclude(contact=contact)
    for policy in _of_term(others, report.number, report.effective_on, report.expires_on):
        carriers = {carrier.strip().casefold() for carrier in (policy.carrier, report.carrier) if carrier.strip()}
        if len(carriers) < 2:
            raise AmbiguousPolicy(
                _OF_ANOTHER(
                    number=report.number[:100],
                    owner=policy.contact,
                    owner_id=policy.contact_id,
                    other=contact,
                    other_id=contact.pk,
                )
            )


def _keys(report: PolicyReport, contact: Contact) -> list[str]:
    """Return what to keep a new policy by: its id; else its number, or the number of this contact's term.

    The second is for a number that another term, or somebody else, has already.
    """
    if report.external_id:
        return [report.external_id]
    return [_by_number(report.number), f"{_BY_NUMBER}{report.number[:70]}#{contact.pk}@{report.effective_on or ''}"]


def _update(known: Policy, report: PolicyReport) -> ChangedPolicy | None:
    """Apply a report to a policy; None where the row is gone."""
    policy = Policy.objects.select_for_update().filter(pk=known.pk).first()
    if policy is None:
        return None
    moment = report.occurred_at.timestamp()
    fresh = {
        name: value for name, value in report.values().items() if policy.reported_times.get(name, moment) <= moment
    }
    changed = tuple(name for name, value in fresh.items() if getattr(policy, name) != value)
    for name, value in fresh.items():
        setattr(policy, name, value)
    policy.reported_times = policy.reported_times | dict.fromkeys(fresh, moment)
    policy.reported_at = max(policy.reported_at, report.occurred_at)
    if report.external_id:
        policy.external_id = report.external_id
        if report.number:
            changed += _absorb_unidentified(policy, report.number)
    policy.save()
    return ChangedPolicy(policy=policy, changed=changed)


def _absorb_unidentified(policy: Policy, number: str) -> tuple[str, ...]:
    """Merge the policy that was reported by this number alone, and delete it; return what changed. Not saved."""
    unidentified = Policy.objects.filter(
        provider=policy.provider, contact=policy.contact_id, external_id__startswith=_BY_NUMBER
    ).exclude(pk=policy.pk)
    other = next(iter(_of_term(unidentified, number, policy.effective_on, policy.expires_on)), None)
    if other is None:
        return ()
    newer = {name: at for name, at in other.reported_times.items() if at > policy.reported_times.get(name, 0)}
    changed = tuple(name for name in newer if getattr(policy, name) != getattr(other, name))
    for name in newer:
        setattr(policy, name, getattr(other, name))
    policy.reported_times = policy.reported_times | newer
    policy.reported_at = max(policy.reported_at, other.reported_at)
    other.delete()
    return changed


def _by_number(number: str) -> str:
    return f"{_BY_NUMBER}{number[:100]}"
