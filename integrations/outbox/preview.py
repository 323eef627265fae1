"""Preview of a sync: the providers are read, then the code that delivers runs and is rolled back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.commerce import policies
from accounts.commerce.models import Policy
from accounts.commerce.policies import AmbiguousPolicy
from accounts.people import lookup
from accounts.people.contact_report import value_of
from accounts.people.models import Contact
from core.cause import Cause
from core.field_names import CUSTOM
from core.preview import rolled_back
from integrations.contracts.events import Event, PolicyReported
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.mirror import ContactApi, RemoteContact
from integrations.contracts.provider import Provider
from integrations.fields.names import FieldConfiguration, FieldNames
from integrations.handlers import Context, handle
from integrations.outbox import opportunities
from integrations.outbox.contacts import PATIENCE, bring_together, plan, their_record
from integrations.outbox.enqueue import deal_makers, mirrors
from integrations.outbox.matching import Sought, find

_CAUSE = Cause(text="preview")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A write that would be made at a provider: value → (before, after).

    `operation` is create, update, none, or unknown where `problem` says why it cannot be planned. `external_id` is the
    record there, "" for none. `kind` is contact or opportunity.
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
        """Return why something of it cannot be planned; "" where all of it can."""
        return next((one.problem for one in self.there if one.problem), "")


@dataclass(kw_only=True)
class _Side:
    provider: Provider
    names: FieldNames
    fields: FieldConfiguration
    book: ContactApi | None = None
    theirs: RemoteContact | None = None
    problem: str = ""


def preview(contact: Contact | None, *, told: Iterable[tuple[str, Event]] = (), at: Iterable[str] = ()) -> Preview:
    """Return what would change here and there if every side were read now, and `told` (provider, event) were true too.

    `contact` is None for somebody whom only `told` names. `at` are the sides that are asked; all of them by default.
    Nothing is written. Calls providers, so not inside a transaction; what one of them answers badly is its `problem`.
    """
    asked = {key: side for key, side in mirrors().items() if not set(at) or key in set(at)}
    events = list(told)
    contact = contact or next((known for provider, event in events if (known := named(provider, event))), None)
    fields = FieldConfiguration()
    sides = [_read(side, fields, contact, events) for side in asked.values()]
    with rolled_back():
        found = _merged(contact, events, sides)
        told_of = [policy for provider, event in events if (policy := policy_of(provider, event))]
    deals = [_deal(policy, side) for policy in told_of for side in sides if side.provider.key in deal_makers()]
    return Preview(here=found.here, there=[*found.there, *deals])


def _read(
    provider: Provider, fields: FieldConfiguration, contact: Contact | None, events: list[tuple[str, Event]]
) -> _Side:
    assert provider.mirror is not None
    side = _Side(provider=provider, names=fields.names(provider.key, provider.mirror), fields=fields)
    try:
        side.book = provider.mirror.open(PATIENCE)
        if contact is not None:
            side.theirs = their_record(contact, side.book, provider=provider.key)
        else:
            side.theirs = find(_sought(events), side.book, provider=provider.key)
    except (Retryable, Permanent) as error:
        side.problem = str(error)
    return side


def _sought(events: list[tuple[str, Event]]) -> Sought:
    """Return whom to look for: somebody whom only events name."""
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
                bring_together(contact, side.theirs, side.names, side.fields, provider=side.provider.key, cause=_CAUSE)
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
    """Return our contact whom an event is about."""
    return lookup.find(
        provider=provider, identities=getattr(event, "identities", {}), email=str(getattr(event, "email", ""))
    )


def policy_of(provider: str, event: Event) -> Policy | None:
    """Return our policy or quote that an event is about; None where that is not sure."""
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
    except AmbiguousPolicy:
        return None


def _deal(policy: Policy, side: _Side) -> Difference:
    """Return what would be written of the policy's opportunity; the policy may be one that was rolled back."""
    key, deals, says = side.provider.key, side.provider.deals, opportunities.wanted(policy)
    assert deals is not None
    contact_id = side.theirs.external_id if side.theirs else ""
    try:
        theirs = opportunities.their_opportunity(policy, deals.open(PATIENCE), contact_id, provider=key)
    except (Retryable, Permanent) as error:
        return Difference(provider=key, kind="opportunity", operation="unknown", problem=str(error))
    before, after = opportunities.differences(theirs.values if theirs else None, says)
    return Difference(
        provider=key,
        kind="opportunity",
        operation="create" if theirs is None else "update" if after else "none",
        external_id=theirs.external_id if theirs else "",
        changes=_shown(before, after),
    )


def _difference(contact: Contact, side: _Side) -> Difference:
    key = side.provider.key
    external_id = side.theirs.external_id if side.theirs else ""
    try:
        if side.problem or side.book is None:
            raise Permanent(side.problem)
        planned = plan(contact, side.theirs, side.book, side.names, provider=key)
    except Permanent as error:
        return Difference(provider=key, operation="unknown", problem=str(error))
    if planned is None:
        return Difference(provider=key, operation="none", external_id=external_id)
    operation = "create" if planned.call.creates else "update"
    changes = _shown(planned.before, planned.after)
    return Difference(provider=key, operation=operation, external_id=external_id, changes=changes)


def _shown(told: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name.removeprefix(CUSTOM): (told.get(name), value) for name, value in sorted(values.items())}
