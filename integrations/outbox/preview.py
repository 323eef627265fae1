"""Preview of a sync: both sides are read, and everything is merged in a transaction that is rolled back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from accounts.commerce import policies
from accounts.commerce.models import Policy
from accounts.commerce.policies import InDoubt
from accounts.people import contacts
from accounts.people.contact_report import CUSTOM, value_of
from accounts.people.models import Contact
from core.cause import Cause
from integrations.contracts.events import Event, PolicyReported
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.mirror import ContactBook, TheirContact
from integrations.contracts.provider import Provider
from integrations.fields.names import FieldNames
from integrations.handlers import Context, handle
from integrations.outbox import opportunities
from integrations.outbox.contacts import PATIENCE, bring_together, creation_values
from integrations.outbox.differences import to_be_written
from integrations.outbox.enqueue import RECORD, deal_makers, mirrors
from integrations.outbox.matching import Sought, find
from integrations.outbox.models import OpportunityMapping

_CAUSE = Cause(text="preview")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The write at a provider: value → (before, after). `operation` is create, update, none, or unknown
    where `problem` says why it cannot be told or done. `external_id` is the record there, "" for none. `kind` is
    contact or opportunity.
    """

    provider: str
    kind: str = "contact"
    operation: str
    external_id: str = ""
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        changes = {name: {"before": before, "after": after} for name, (before, after) in self.changes.items()}
        told: dict[str, Any] = {"provider": self.provider, "kind": self.kind, "operation": self.operation}
        told |= {"external_id": self.external_id or None, "changes": changes}
        return told | ({"problem": self.problem} if self.problem else {})


@dataclass(frozen=True, kw_only=True)
class Preview:
    """`here` is what would change of our contact, `there` what would be written on each side."""

    here: Mapping[str, tuple[Any, Any]]
    there: list[Difference]

    @property
    def problem(self) -> str:
        """Why something of it cannot be told or done; "" where all of it can."""
        return next((one.problem for one in self.there if one.problem), "")


@dataclass(kw_only=True)
class _Side:
    provider: Provider
    names: FieldNames
    book: ContactBook | None = None
    theirs: TheirContact | None = None
    problem: str = ""


class _TakenBack(Exception):
    """Ends the transaction without a trace."""


def preview(contact: Contact | None, *, told: Iterable[tuple[str, Event]] = (), at: Iterable[str] = ()) -> Preview:
    """Return what would change here and there if every side were read now, and `told` (provider, event) were true as
    well.

    `contact` is None for somebody whom only `told` names. `at` are the sides that are asked; all of them by default.
    Nothing is written. Calls providers, so not inside a transaction; what one of them answers badly is its `problem`.
    """
    asked = {key: side for key, side in mirrors().items() if not set(at) or key in set(at)}
    events = list(told)
    contact = contact or next((known for provider, event in events if (known := named(provider, event))), None)
    sought = _sought(contact, events)
    sides = [_read(side, contact, sought) for side in asked.values()]
    found: list[Preview] = []
    told_of: list[Policy] = []
    try:
        with transaction.atomic():
            found.append(_merged(contact, events, sides))
            told_of += [policy for provider, event in events if (policy := policy_of(provider, event))]
            raise _TakenBack
    except _TakenBack:
        pass
    deals = [_deal(policy, side) for policy in told_of for side in sides if side.provider.key in deal_makers()]
    return Preview(here=found[0].here, there=[*found[0].there, *deals])


def _read(provider: Provider, contact: Contact | None, sought: Sought) -> _Side:
    assert provider.mirror is not None
    side = _Side(provider=provider, names=FieldNames.of(provider.key, provider.mirror))
    try:
        side.book = provider.mirror.open(PATIENCE)
        known = None
        if contact is not None:
            known = contact.mappings.filter(provider=provider.key, kind=RECORD, is_main=True).first()
        if known is not None and known.gone_at is not None:
            side.problem = f"{known.external_id} was deleted there"
        elif known is not None:
            side.theirs = side.book.read(known.external_id)
        else:
            side.theirs = find(sought, side.book, provider=provider.key)
    except (Retryable, Permanent) as error:
        side.problem = str(error)
    return side


def _sought(contact: Contact | None, events: list[tuple[str, Event]]) -> Sought:
    """Whom to look for: the contact, and what is told of them."""
    if contact is not None:
        return Sought.like(contact)
    fields: dict[str, Any] = {}
    emails: list[str] = []
    for _provider, event in events:
        fields |= getattr(event, "fields", {})
        emails += [email] if (email := str(getattr(event, "email", "")).strip().lower()) else []
    names = {name: str(fields.get(name) or "") for name in ("first_name", "last_name", "phone")}
    return Sought(emails=emails, **names)


def _merged(contact: Contact | None, events: list[tuple[str, Event]], sides: list[_Side]) -> Preview:
    was = Contact.objects.get(pk=contact.pk) if contact is not None else Contact()
    for provider, event in events:
        handle(event, Context(provider=provider, key="preview", cause=_CAUSE))
        contact = contact or named(provider, event)
    if contact is None:
        raise Permanent("nobody is named: an e-mail or an id is needed")
    for side in sides:
        if side.theirs is not None:
            try:
                bring_together(contact, side.theirs, side.names, provider=side.provider.key, cause=_CAUSE)
            except Permanent as error:
                side.problem = str(error)
    now = Contact.objects.get(pk=contact.pk)
    shown = {name for side in sides for name in side.names.sent}
    here = {
        name.removeprefix(CUSTOM): (value_of(was, name), value_of(now, name))
        for name in sorted(shown)
        if (value_of(was, name) or "") != (value_of(now, name) or "")
    }
    return Preview(here=here, there=[_difference(now, side) for side in sides])


def named(provider: str, event: Event) -> Contact | None:
    """The contact of ours whom an event is about."""
    return contacts.find(
        provider=provider, identities=getattr(event, "identities", {}), email=str(getattr(event, "email", ""))
    )


def policy_of(provider: str, event: Event) -> Policy | None:
    """The policy or quote of ours that an event is about; None where that is not sure."""
    if not isinstance(event, PolicyReported):
        return None
    try:
        return policies.find(
            provider=provider,
            external_id=event.external_id,
            number=event.number,
            effective_on=event.effective_on,
            expires_on=event.expires_on,
        )
    except InDoubt:
        return None


def _deal(policy: Policy, side: _Side) -> Difference:
    """Return what would be written of the policy's opportunity; the policy may be one that was taken back."""
    key, deals, says = side.provider.key, side.provider.deals, opportunities.wanted(policy)
    assert deals is not None
    try:
        book = deals.open(PATIENCE)
        known = OpportunityMapping.objects.filter(provider=key, policy=policy.pk).first()
        if known is not None and known.gone_at is not None:
            raise Permanent(f"opportunity {known.external_id} was deleted there")
        theirs = book.read(known.external_id) if known is not None else None
        if known is None and side.theirs is not None:
            theirs = opportunities.look_for(policy, book, side.theirs.external_id, provider=key)
    except (Retryable, Permanent) as error:
        return Difference(provider=key, kind="opportunity", operation="unknown", problem=str(error))
    before, after = opportunities.differences(theirs.says if theirs else None, says)
    return Difference(
        provider=key,
        kind="opportunity",
        operation="create" if theirs is None else "update" if after else "none",
        external_id=theirs.external_id if theirs else "",
        changes=_shown(before, after),
    )


def _difference(contact: Contact, side: _Side) -> Difference:
    key = side.provider.key
    if side.problem:
        return Difference(provider=key, operation="unknown", problem=side.problem)
    if side.theirs is None:
        try:
            values = creation_values(contact, side.names, provider=key)
        except Permanent as error:
            return Difference(provider=key, operation="unknown", problem=str(error))
        return Difference(provider=key, operation="create", changes=_shown({}, values))
    told = contact.mappings.get(provider=key, kind=RECORD, external_id=side.theirs.external_id).told
    values = to_be_written(contact, side.names, told)
    return Difference(
        provider=key,
        operation="update" if values else "none",
        external_id=side.theirs.external_id,
        changes=_shown(told, values),
    )


def _shown(told: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name.removeprefix(CUSTOM): (told.get(name), value) for name, value in sorted(values.items())}
