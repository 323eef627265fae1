"""Writing to a provider: contacts that are synced both ways, and opportunities that are made of policies.

Values go by local names, as in `toolkit.fields`: `email`, a contact's columns, and custom fields as `core.field_names`
has them.
A record that is read comes as the same report that a webhook becomes, so that one rule merges both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from integrations.contracts.events import ContactReported
from integrations.contracts.webhook import Payload

TAGS = "tags"  # the field of a rule that stands for a provider's list of tags
TagsParser = Callable[[Any], str]


@dataclass(frozen=True, kw_only=True)
class OutgoingCall:
    """One write as the provider's API takes it, made before it is sent so that it can be stored and shown.

    `external_id` is the record that it changes, "" where it creates one. `then` are further calls about the same record
    that belong to a change, in their order: each may be sent twice.
    """

    method: str
    path: str
    body: Mapping[str, Any]
    external_id: str = ""
    then: Sequence["OutgoingCall"] = ()

    @property
    def creates(self) -> bool:
        return not self.external_id


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The result of a write: the record's id, and the provider's answer, for staff.

    `existed`: nothing was written, because the provider says that record `external_id` has this already; `contested` is
    the local name of the value that is the same in both, "" where the provider does not say. `refused`: nothing was
    written, because the provider does not take these values; local name → its reason.
    """

    external_id: str
    answer: Mapping[str, Any]
    existed: bool = False
    contested: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RemoteContact:
    """A provider's record of a person: as its API returns it, and as a report (`report.is_whole`)."""

    external_id: str
    report: ContactReported
    record: Mapping[str, Any]

    @property
    def emails(self) -> list[str]:
        """Return all addresses of the record in small letters, the main one first."""
        return [email.lower() for email in (self.report.email, *self.report.aliases) if email]

    @property
    def phones(self) -> list[str]:
        """Return all numbers of the record, the main one first."""
        return [phone for phone in (str(self.report.fields.get("phone") or ""), *self.report.phones) if phone]


class ContactApi(Protocol):
    """A provider's contacts, for one thread. Every method but the two that prepare a call may raise Retryable or
    Permanent.
    """

    def read(self, external_id: str) -> RemoteContact:
        """Return the record as it is now. Raises Gone where there is none any more."""

    def search(self, *, emails: Sequence[str] = (), phones: Sequence[str] = ()) -> Sequence[RemoteContact]:
        """Return the records that have one of these addresses (small letters) or numbers (E.164) in any of their
        columns, however it is written there, the oldest first.

        The most important values come first. Records with a number alone may be left out where one has an address.
        """

    def creation(self, values: Mapping[str, Any]) -> OutgoingCall:
        """Return the call that creates a record of `values`, which are not empty."""

    def change(self, remote: RemoteContact, values: Mapping[str, Any]) -> OutgoingCall:
        """Return the call that sets `values`, some of them perhaps to "", and leaves the rest of `remote` as it is."""

    def send(self, call: OutgoingCall) -> Sent:
        """Send a call of `creation` or `change`. One that creates is never repeated here when its answer was lost."""


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Two-way sync of contacts, as a provider's manifest declares it.

    `fields` are the names of ours that it knows; `own_prefix` is what its own custom fields begin with in our names
    ("ghl:"). `source` is what a record is marked with elsewhere that was made for one of this provider's; in small
    letters it names the provider where staff sync by hand. `open` returns the API for calls of at most so many seconds
    each; it raises Permanent where the API is not configured. `as_webhook` makes the webhook that would report a
    record ("contact", "policy" or "quote"); it raises Unreadable for a kind that the provider does not report.
    `resources` are those of its API that a write calls, by the names of its permissions.
    `found_together`: how many people one search may look for at once. `own_fields`, where the API has them, lists its
    custom fields for people to choose from: (what comes after `own_prefix`, the name there); it takes and raises what a
    call of the API does. `marking`, where the API can do that, returns the call that visibly marks the contact of an id
    as deleted elsewhere, or takes that mark away (False); either may be sent twice. `tags`, where a rule may connect
    the provider's tags with a field (`TAGS`), brings a list or a text of them to the one text that is stored and
    compared.
    """

    fields: frozenset[str]
    own_prefix: str
    source: str
    open: Callable[[float], ContactApi]
    as_webhook: Callable[[str, Mapping[str, Any]], Payload]
    resources: tuple[str, ...] = ()
    found_together: int = 1
    own_fields: Callable[[float], Sequence[tuple[str, str]]] | None = None
    marking: Callable[[str, bool], OutgoingCall] | None = None
    tags: TagsParser | None = None


@dataclass(frozen=True, kw_only=True)
class Opportunity:
    """The values of an opportunity. `amount` in minor units, None where it is not known. `status` is open, won, lost or
    abandoned, "" to leave it as it is. `details` by the names that the provider's custom fields have: policy_number,
    carrier, effective_date, expiration_date.
    """

    title: str
    amount: int | None
    status: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RemoteOpportunity:
    """A provider's opportunity, and its values in our form; details that it does not have are left out.

    `status` is open, won, lost or abandoned.
    """

    external_id: str
    contact_id: str
    values: Opportunity
    status: str = ""
    record: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of a pipeline, by ids, with names for people."""

    pipeline_id: str
    stage_id: str
    pipeline_name: str = ""
    stage_name: str = ""


class OpportunityApi(Protocol):
    """A provider's opportunities, for one thread; as ContactApi, but preparing a call may ask the provider too."""

    def read(self, external_id: str) -> RemoteOpportunity:
        """Return the opportunity as it is now. Raises Gone where there is none any more."""

    def of_contact(self, contact_id: str) -> Sequence[RemoteOpportunity]:
        """Return those of one contact, the oldest first; the list may lag by seconds."""

    def stages(self) -> Sequence[Stage]:
        """Return every stage of every pipeline, in their order; the first is where an opportunity begins by default."""

    def creation(self, wanted: Opportunity, *, contact_id: str, stage: Stage) -> OutgoingCall:
        """Return the call that creates an opportunity, an open one where no status is wanted."""

    def change(self, remote: RemoteOpportunity, wanted: Opportunity) -> OutgoingCall:
        """Return the call that gives `remote` the wanted values; its stage stays as people have set it."""

    def send(self, call: OutgoingCall) -> Sent:
        """As ContactApi's."""


@dataclass(frozen=True, kw_only=True)
class Deals:
    """Opportunities made of policies, as a manifest declares them: `identity` is the kind of id of the contacts that
    they belong to, `resources` are those of the API that a write calls, the opportunities first, `stages` returns the
    settings of pipelines: line of business ("*": any other) → (pipeline id, stage id).
    """

    identity: str
    open: Callable[[float], OpportunityApi]
    stages: Callable[[], Mapping[str, Sequence[str]]]
    resources: tuple[str, ...] = ()
