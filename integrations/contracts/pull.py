"""Pulling: a provider's own lists, read page by page as the facts that webhooks report.

Listed records name people by the provider's ids; reconciliation finds the addresses, mostly without a call.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from integrations.contracts.bounds import Bounded, Id, Ids, Key
from integrations.contracts.events import Event
from integrations.contracts.membership_events import Buyer


class RunKind(TextChoices):
    """Kinds of sync runs: everything for the first time, what changed since, or everything to compare it."""

    BACKFILL = "backfill", _("first sync")
    INCREMENTAL = "incremental", _("what changed")
    AUDIT = "audit", _("full audit")


class LocalList(StrEnum):
    """A list of ours that an audit compares with a provider's. The values are stored as the place of a run."""

    SUBSCRIPTIONS = "our subscriptions"
    CONTACTS = "our contacts"


class PurchaseStatus(StrEnum):
    """The status of a purchase at the provider. The values are those of our subscriptions."""

    ACTIVE = "active"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    DISPUTED = "disputed"

    @property
    def gives_access(self) -> bool:
        return self in (PurchaseStatus.ACTIVE, PurchaseStatus.CANCELED)


@dataclass(frozen=True, kw_only=True)
class RemotePurchase(Bounded):
    """The current state of a purchase at the provider.

    `renews` is False for what is paid once, which stays active when the period that it paid for has passed.
    `ended_at` is set where it has ended. `details` is what else staff may want to see, as JSON.
    """

    purchase_id: Id
    offers: Ids
    status: PurchaseStatus
    renews: bool = True
    ended_at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PulledEvent:
    """One event of a record. `key` is the key of its fact, "" for the record's own; `webhook` is the hook that should
    have carried it, "" where there is none.

    A buyer has identities only. A membership event without offers is about those of its purchase.
    """

    event: Event
    key: str = ""
    webhook: str = ""


@dataclass(frozen=True, kw_only=True)
class PulledRecord(Bounded):
    """One record of a list, translated into facts: a contact, a policy, a purchase, a payment, a deletion.

    `key` is stable: "contact:41". `changed_at` is when it last changed, None where that is not known. `person_id`
    is the provider's id of the person it is about. `purchase` is set for purchases. `problem` says why it cannot be
    applied; it has no events then. `is_hint`: the row of a list that holds less than the record, or other spellings;
    its events are compared, and before anything is applied the record itself is read.
    """

    key: Key
    changed_at: datetime | None
    person_id: Id
    events: Sequence[PulledEvent] = ()
    purchase: RemotePurchase | None = None
    problem: str = ""
    is_hint: bool = False

    @property
    def digest(self) -> str:
        """Return a digest that is the same as long as the content is, whenever it was read."""
        events = []
        for pulled in self.events:
            values = asdict(pulled.event)
            dated = {name: value for name, value in values.items() if name not in ("occurred_at", "changed_at")}
            events.append([pulled.key, type(pulled.event).__name__, dated])
        purchase = asdict(self.purchase) if self.purchase else None
        text = json.dumps([events, purchase, self.person_id, self.problem], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Position of a run: the list, the way of reading it, and the next page.

    `cursor` is what the provider needs beside the page's number, in its own form.
    """

    stage: str
    page: int = 1
    cursor: str = ""

    def next_page(self, *, cursor: str = "") -> "Place":
        return replace(self, page=self.page + 1, cursor=cursor)


@dataclass(frozen=True, kw_only=True)
class PulledPage:
    """One page: its records, and people by their ids. `next` is None after the last page of the last list.

    `note` tells staff what is special about the way in which it was read.
    """

    records: Sequence[PulledRecord] = ()
    people: Mapping[str, Buyer] = field(default_factory=dict)
    next: Place | None
    note: str = ""


class Puller(ABC):
    """A provider's lists. One call of a method is at most one request, unless it says otherwise; every method may raise
    Retryable or Permanent. The methods about people are for a provider that sells memberships.
    """

    @abstractmethod
    def page(self, place: Place, *, kind: RunKind, since: datetime | None) -> PulledPage:
        """Return the page at `place`. Incremental runs stop at what has not changed after `since`."""

    @abstractmethod
    def record(self, key: str) -> PulledRecord | None:
        """Return the record with this key ("purchase:41") as it is now, None where there is none any more."""

    def list_after(self, stage: str, *, kind: RunKind) -> Place | None:
        """Return where the list after `stage` begins, None after the last one."""
        return None

    def person(self, person_id: str) -> Buyer | None:
        """Return the person with this id, None where there is none any more."""
        return None

    def people_with(self, email: str) -> Mapping[str, Buyer]:
        """Return the people with just this address, by their ids."""
        return {}

    def of_person(self, person_id: str) -> Sequence[PulledRecord]:
        """Return everything of one person, as it is now: a request for each list and page."""
        return ()


@dataclass(frozen=True, kw_only=True)
class PullSource:
    """A provider's lists, as its manifest declares them.

    `identity` is the kind of id by which they name people, `local_list` our list that an audit compares with them,
    `interval_setting` the name of the setting with the minutes between two runs by the clock (0: none), `first_place`
    where a run of a kind begins. `puller` returns the lists for one thread; it raises Permanent where the API is not
    connected.
    """

    identity: str
    local_list: LocalList
    interval_setting: str
    first_place: Callable[[RunKind], Place]
    puller: Callable[[], Puller]

    @property
    def sells_memberships(self) -> bool:
        return self.local_list is LocalList.SUBSCRIPTIONS
