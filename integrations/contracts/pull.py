"""Pulling: reading a provider's own lists, page by page, and telling them as the events that webhooks tell.

What is read names people by the provider's id; whoever applies it finds the address, mostly without a call.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from integrations.contracts.bounds import Bounded, Id, Key
from integrations.contracts.events import Buyer, Event, MembershipEvent, MoneyMoved


class PurchaseConfirmed(MembershipEvent):
    """The provider says that this is active at this moment, whatever was told before."""


class Kind(StrEnum):
    """Why a list is read: everything for the first time, what changed since, or everything to compare it."""

    BACKFILL = "backfill"
    INCREMENTAL = "incremental"
    AUDIT = "audit"


class Standing(StrEnum):
    """Status of a purchase at the provider, in the values of our subscriptions."""

    ACTIVE = "active"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REFUNDED = "refunded"

    @property
    def gives_access(self) -> bool:
        return self in (Standing.ACTIVE, Standing.CANCELED)


@dataclass(frozen=True, kw_only=True)
class Told:
    """An event with the key of its fact, and the webhook that should have told it ("": there is none for it).

    The event's buyer has identities only. Where `event.offers` is empty, they are those of its purchase.
    """

    key: str
    event: MembershipEvent
    hook: str = ""


@dataclass(frozen=True, kw_only=True)
class PulledItem(Bounded):
    """One thing off a list. `key` is stable: "purchase:41".

    `changed_at` is when it last changed there. `standing` is set for purchases, and `ended_at` where one has ended.
    `renews` is False for what is paid once, which stays active there when the period that it paid for has passed.
    `money` is the payment to be recorded beside what is told. `shown` is what a person may want to see of it, as JSON.
    `problem` says why it cannot be applied.
    """

    key: Key
    person_id: Id
    changed_at: datetime
    told: Sequence[Told]
    offers: Sequence[str] = ()
    standing: Standing | None = None
    ended_at: datetime | None = None
    renews: bool = True
    problem: str = ""
    money: MoneyMoved | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The same as long as the item says the same."""
        told = [(one.key, type(one.event).__name__, one.event.occurred_at.isoformat()) for one in self.told]
        said = [told, list(self.offers), self.standing or "", self.person_id]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class PulledEvent(Bounded):
    """A record off a list as the event that a webhook would tell: of a contact, of a policy, of one that is gone.

    `key` is stable: "contact:41". `changed_at` is when it last changed there, None where that is not said. `problem`
    says why it cannot be read; `event` is None then.
    """

    key: Key
    changed_at: datetime | None
    event: Event | None
    problem: str = ""

    @property
    def digest(self) -> str:
        """The same as long as the record says the same, whenever it was read."""
        said = {} if self.event is None else asdict(self.event)
        when = ("occurred_at", "changed_at")
        values = {name: value for name, value in said.items() if name not in when}
        text = json.dumps([type(self.event).__name__, values, self.problem], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Position of a run: the list, the way of reading it, and the next page.

    `cursor` is what the provider needs beside the page's number, in words of its own.
    """

    stage: str
    page: int = 1
    cursor: str = ""

    def next_page(self, *, cursor: str = "") -> "Place":
        return replace(self, page=self.page + 1, cursor=cursor)


@dataclass(frozen=True, kw_only=True)
class PulledPage:
    """The content of a page: items and people by their ids, or events. `next` is None after the last page of the last
    list.

    `note` says what a person should know about the way in which it was read.
    """

    items: Sequence[PulledItem] = ()
    events: Sequence[PulledEvent] = ()
    next: Place | None
    people: Mapping[str, Buyer] = field(default_factory=dict)
    note: str = ""


class Puller(Protocol):
    """A provider's lists. One call of a method is at most one request, unless it says otherwise; every method may raise
    Retryable or Permanent.
    """

    def page(self, place: Place, *, kind: Kind, since: datetime | None) -> PulledPage:
        """The page at `place`. Incremental runs stop at what has not changed after `since`."""


class PurchasePuller(Puller, Protocol):
    """The lists of a provider that sells memberships."""

    def person(self, person_id: str) -> Buyer | None:
        """The person with this id, None where there is none any more."""

    def people_with(self, email: str) -> Mapping[str, Buyer]:
        """The people with just this address, by their ids."""

    def purchase(self, purchase_id: str) -> PulledItem | None:
        """This purchase as it is now, None where there is none any more."""

    def of_person(self, person_id: str) -> Sequence[PulledItem]:
        """Everything of one person, as it is now: a request for each list and page."""


class ContactPuller(Puller, Protocol):
    """The lists of a provider whose contacts, and what belongs to them, are kept equal with ours."""

    def contact(self, contact_id: str) -> PulledEvent | None:
        """The contact with this id as it is now, None where there is none any more."""


@dataclass(frozen=True, kw_only=True)
class PullSource:
    """A provider's lists, as its manifest declares them: `identity` is the kind of id by which they name people,
    `minutes` the name of
    the setting with the minutes between two runs by the clock (0: none), `first` where a run of a kind begins.

    `puller` gives the lists for one thread; it raises Permanent where the API is not configured, and then `configured`
    is False. A source is one of the two below: what they list is applied and compared in ways of its own.
    """

    identity: str
    minutes: str
    first: Callable[[Kind], Place]
    puller: Callable[[], Puller]
    configured: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class PurchaseSource(PullSource):
    """Lists of what was bought: pages have items."""

    puller: Callable[[], PurchasePuller]


@dataclass(frozen=True, kw_only=True)
class ContactSource(PullSource):
    """Lists of contacts: pages have events."""

    puller: Callable[[], ContactPuller]
