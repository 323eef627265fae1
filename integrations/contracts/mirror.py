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


@dataclass(frozen=True, kw_only=True)
class OutgoingCall:
    """One write as the provider's API takes it, made before it is sent so that it can be stored and shown.

    `external_id` is the record that it changes, "" where it creates one.
    """

    method: str
    path: str
    body: Mapping[str, Any]
    external_id: str = ""

    @property
    def creates(self) -> bool:
        return not self.external_id


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The result of a write: the record's id, and the provider's answer, for staff.

    `existed`: nothing was written, because the provider has this record already.
    """

    external_id: str
    answer: Mapping[str, Any]
    existed: bool = False


@dataclass(frozen=True, kw_only=True)
class RemoteContact:
    """A provider's record of a person: as its API returns it, and as a report (`report.is_whole`)."""

    external_id: str
    report: ContactReported
    record: Mapping[str, Any]


class ContactApi(Protocol):
    """A provider's contacts, for one thread. Every method but the two that prepare a call may raise Retryable or
    Permanent.
    """

    def read(self, external_id: str) -> RemoteContact:
        """Return the record as it is now. Raises Gone where there is none any more."""

    def with_email(self, email: str) -> Sequence[RemoteContact]:
        """Return the records with this address, in whatever case it is written, the oldest first."""

    def with_phone(self, phone: str) -> Sequence[RemoteContact]:
        """Return the records with this number (E.164), the oldest first."""

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
    `own_fields`, where the API has them, lists its custom fields for people to choose from: (what comes after
    `own_prefix`, the name there); it takes and raises what a call of the API does.
    """

    fields: frozenset[str]
    own_prefix: str
    source: str
    open: Callable[[float], ContactApi]
    as_webhook: Callable[[str, Mapping[str, Any]], Payload]
    own_fields: Callable[[float], Sequence[tuple[str, str]]] | None = None


@dataclass(frozen=True, kw_only=True)
class Opportunity:
    """The values of an opportunity. `amount` in minor units, None where it is not known. `details` by the names that
    the provider's custom fields have: policy_number, carrier, effective_date, expiration_date.
    """

    title: str
    amount: int | None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RemoteOpportunity:
    """A provider's opportunity, and its values in our form; details that it does not have are left out."""

    external_id: str
    contact_id: str
    values: Opportunity
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
        """Return the call that creates an open opportunity."""

    def change(self, remote: RemoteOpportunity, wanted: Opportunity) -> OutgoingCall:
        """Return the call that gives `remote` the wanted values; its stage and status stay as people have set them."""

    def send(self, call: OutgoingCall) -> Sent:
        """As ContactApi's."""


@dataclass(frozen=True, kw_only=True)
class Deals:
    """Opportunities made of policies, as a manifest declares them: `identity` is the kind of id of the contacts that
    they belong to, `stages` returns the settings of pipelines: line of business ("*": any other) → (pipeline
    id, stage id).
    """

    identity: str
    open: Callable[[float], OpportunityApi]
    stages: Callable[[], Mapping[str, Sequence[str]]]
