"""Preview of a sync: read the providers, run the code that delivers, and roll it back."""

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
from core.phones import spellings
from core.phrases import Phrase
from core.preview import rolled_back
from integrations.contracts.events import ContactReported, Event, PolicyReported
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.mirror import ContactApi, RemoteContact
from integrations.contracts.provider import Provider
from integrations.fields.names import FieldConfiguration, FieldNames
from integrations.handlers import Context, handle
from integrations.outbox import opportunities
from integrations.outbox.contacts import CALL_TIMEOUT, find_remote, merge_remote
from integrations.outbox.enqueue import mirrored_providers, opportunity_providers
from integrations.outbox.matching import SearchedPerson, find, name_key
from integrations.outbox.planning import plan

_NOBODY = Phrase("nobody is named: an e-mail or an id is needed")

_CAUSE = Cause(text="preview")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A write that would be made at a provider: value → (before, after).

    `operation` is create, update, none, or unknown where `problem` says why it cannot be planned. `external_id` is the
    remote id, "" for none. `kind` is contact or opportunity.
    """

    provider: str
    kind: str = "contact"
    operation: str
    external_id: str = ""
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        changes = {name: {"before": before, "after": after} for name, (before, after) in self.changes.items()}
        values: dict[str, Any] = {"provider": self.provider, "kind": self.kind, "operation": self.operation}
        values |= {"external_id": self.external_id or None, "changes": changes}
        return values | ({"problem": self.problem} if self.problem else {})


@dataclass(frozen=True, kw_only=True)
class Preview:
    """`local`: value of our contact → (before, after). `remote`: what would be written at each provider."""

    local: Mapping[str, tuple[Any, Any]]
    remote: list[Difference]

    @property
    def problem(self) -> str:
        """Return why a write cannot be planned; "" where all of them can."""
        return next((difference.problem for difference in self.remote if difference.problem), "")


@dataclass(kw_only=True)
class _Side:
    provider: Provider
    names: FieldNames
    fields: FieldConfiguration
    book: ContactApi | None = None
    remote: RemoteContact | None = None
    problem: str = ""


def preview(contact: Contact | None, *, reported: Iterable[tuple[str, Event]] = (), at: Iterable[str] = ()) -> Preview:
    """Return the changes that a sync would make now, had `reported` (provider, event) been received too.

    `contact` is None for a person that only `reported` names. `at` are the providers that are asked; all by default.
    Nothing is written. Calls providers, so not inside a transaction; a bad answer of one of them is its `problem`.
    """
    wanted = set(at)
    providers = [provider for key, provider in mirrored_providers().items() if not wanted or key in wanted]
    events = list(reported)
    contact = contact or next((known for provider, event in events if (known := contact_of(provider, event))), None)
    fields = FieldConfiguration()
    sides = [_read(side, fields, contact, events) for side in providers]
    with rolled_back():
        merged = _merged(contact, events, sides)
        reported_policies = [policy for provider, event in events if (policy := policy_of(provider, event))]
    with_opportunities = opportunity_providers()
    sides = [side for side in sides if side.provider.key in with_opportunities]
    of_policies = [_opportunity(policy, side) for policy in reported_policies for side in sides]
    return Preview(local=merged.local, remote=[*merged.remote, *of_policies])


def _read(
    provider: Provider, fields: FieldConfiguration, contact: Contact | None, events: list[tuple[str, Event]]
) -> _Side:
    assert provider.mirror is not None
    side = _Side(provider=provider, names=fields.names(provider.key, provider.mirror), fields=fields)
    try:
        side.book = provider.mirror.open(CALL_TIMEOUT)
        if contact is not None:
            side.remote = find_remote(contact, side.book, provider=provider.key)
        else:
            side.remote = find(_searched(events), side.book, provider=provider.key)
    except (Retryable, Permanent) as error:
        side.problem = str(error)
    return side


def _searched(events: list[tuple[str, Event]]) -> SearchedPerson:
    """Return the values to search by of a person that only events name."""
    fields: dict[str, Any] = {}
    emails: list[str] = []
    phones: list[str] = []
    for _provider, event in events:
        if isinstance(event, ContactReported):
            fields |= {**event.custom_fields, **event.fields}
            emails += [event.email, *event.aliases]
            phones += spellings(str(event.fields.get("phone") or ""))
            phones += [text for phone in event.phones for text in spellings(phone)]
        else:
            emails.append(str(getattr(event, "email", "")))
    return SearchedPerson(
        emails=list(dict.fromkeys(email.strip().lower() for email in emails if email.strip())),
        phones=list(dict.fromkeys(phone for phone in phones if phone)),
        name=name_key(fields.get("first_name"), fields.get("last_name"), company=fields.get("company")),
    )


def _merged(contact: Contact | None, events: list[tuple[str, Event]], sides: list[_Side]) -> Preview:
    stored = Contact.objects.get(pk=contact.pk) if contact is not None else Contact()
    for provider, event in events:
        handle(event, Context(provider=provider, key="preview", cause=_CAUSE))
        contact = contact or contact_of(provider, event)
    if contact is None:
        raise Permanent(_NOBODY())
    for side in sides:
        if side.remote is not None:
            try:
                merge_remote(contact, side.remote, side.names, side.fields, provider=side.provider.key, cause=_CAUSE)
            except Permanent as error:
                side.problem = str(error)
    now = Contact.objects.get(pk=contact.pk)
    shown = {name for side in sides for name in side.names.sent}
    local = {
        name.removeprefix(CUSTOM): (value_of(stored, name), value_of(now, name))
        for name in sorted(shown)
        if (value_of(stored, name) or "") != (value_of(now, name) or "")
    }
    return Preview(local=local, remote=[_difference(now, side) for side in sides])


def contact_of(provider: str, event: Event) -> Contact | None:
    """Return the contact that an event is about."""
    return lookup.find(
        provider=provider, identities=getattr(event, "identities", {}), email=str(getattr(event, "email", ""))
    )


def policy_of(provider: str, event: Event) -> Policy | None:
    """Return the policy or quote that an event is about; None where that is not certain."""
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


def _opportunity(policy: Policy, side: _Side) -> Difference:
    """Return the write of a policy's opportunity; the policy may be one that was rolled back."""
    key, deals = side.provider.key, side.provider.deals
    assert deals is not None
    contact_id = side.remote.external_id if side.remote else ""
    try:
        remote = opportunities.find_remote(policy, deals.open(CALL_TIMEOUT), contact_id, provider=key)
    except (Retryable, Permanent) as error:
        return Difference(provider=key, kind="opportunity", operation="unknown", problem=str(error))
    ours = opportunities.wanted(policy, remote, provider=key)
    before, after = opportunities.differences(remote, ours)
    return Difference(
        provider=key,
        kind="opportunity",
        operation="create" if remote is None else "update" if after else "none",
        external_id=remote.external_id if remote else "",
        changes=_shown(before, after),
    )


def _difference(contact: Contact, side: _Side) -> Difference:
    key = side.provider.key
    external_id = side.remote.external_id if side.remote else ""
    try:
        if side.problem or side.book is None:
            raise Permanent(side.problem)
        planned = plan(contact, side.remote, side.book, side.names, provider=key)
    except Permanent as error:
        return Difference(provider=key, operation="unknown", problem=str(error))
    if planned is None:
        return Difference(provider=key, operation="none", external_id=external_id)
    operation = "create" if planned.call.creates else "update"
    changes = _shown(planned.before, planned.after)
    return Difference(provider=key, operation=operation, external_id=external_id, changes=changes)


def _shown(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name.removeprefix(CUSTOM): (before.get(name), value) for name, value in sorted(after.items())}
