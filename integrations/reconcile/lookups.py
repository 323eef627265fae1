"""Look-ups that listed records need: the addresses of people, the offers of purchases, unknown contacts."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils import timezone

from accounts.memberships import plans
from accounts.memberships.models import Plan
from accounts.people import forgotten, lookup
from accounts.people.models import Contact, User
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import (
    AboutSomebody,
    Buyer,
    ContactGone,
    ContactReported,
    Event,
    MembershipEvent,
    PolicyReported,
)
from integrations.contracts.exceptions import Permanent, Unmatched
from integrations.contracts.pull import PulledEvent, PulledRecord, Puller
from integrations.reconcile.models import ProviderRecord
from integrations.reconcile.records import changed_records, row_of, rows_of, save_rows

PERSON = "person"
PEOPLE_ARE_FRESH = timedelta(days=1)


class OutOfTime(Exception):
    """Not everything could be done in one attempt; what was done is kept, and the next attempt goes on from there."""


class NoPlan(Unmatched):
    """No plan is sold by an offer; `offer` is its id, "" where none is known."""

    def __init__(self, offer: str) -> None:
        super().__init__(f"no plan for offer {offer}" if offer else "no offer is known for it")
        self.offer = offer


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A record with all that applying it needs; nothing is asked of the provider any more.

    `row` remembers what the record said before. `buyer` and `plan` are of a purchase or payment. `error` is why the
    record cannot be applied.
    """

    record: PulledRecord
    row: ProviderRecord | None = None
    events: Sequence[PulledEvent] = ()
    buyer: Buyer | None = None
    plan: Plan | None = None
    error: Exception | None = None


class Lookups:
    """Completes records, with as few calls as possible: none for what has not changed or sells no plan.

    `identity` is the kind of id by which the lists name people. With `keep` the answers are remembered for later runs,
    so that each person is asked for once. `in_time` is asked before each record but the first, `may_call` before each
    call but the very first.
    """

    def __init__(
        self,
        provider: str,
        identity: str,
        puller: Puller,
        *,
        keep: bool = True,
        in_time: Callable[[], bool] = lambda: True,
        may_call: Callable[[], bool] = lambda: True,
    ) -> None:
        self._provider, self._identity, self._puller = provider, identity, puller
        self._keep, self._in_time, self._may_call, self._began = keep, in_time, may_call, False
        self._people: dict[str, Buyer | None] = {}
        self._offers: dict[str, tuple[str, ...]] = {}
        self._plans: dict[tuple[str, ...], Plan | None] = {}
        self._unread: set[str] = set()  # contacts that are read before what names them is applied

    def note(self, records: Iterable[PulledRecord] = (), people: Mapping[str, Buyer] | None = None) -> None:
        """Remember purchases and people of this run; of people who were erased no row is kept."""
        self._offers.update({record.key: record.purchase.offers for record in records if record.purchase})
        if not people:
            return
        self._people.update(people)
        if self._keep:
            emails = {person_id: buyer.email for person_id, buyer in people.items()}
            erased = erased_among(self._provider, self._identity, emails)
            rows = [
                _person_row(self._provider, person_id, buyer)
                for person_id, buyer in people.items()
                if person_id not in erased
            ]
            save_rows(rows, columns=["person_id", "email", "content", "read_at"])

    def complete(
        self, records: Sequence[PulledRecord], *, run_id: int | None = None, again: bool = False
    ) -> Iterator[list[Ready]]:
        """Yield for each record that says something new what is to be applied, in this order: the record of its person,
        where none was received yet, and the record itself. With `again` for every record.

        May raise OutOfTime, Retryable, Permanent.
        """
        changed = changed_records(records, provider=self._provider, run_id=run_id, again=again)
        self._look_up([record for record, _row in changed])
        for number, (record, row) in enumerate(changed):
            if number and not self._in_time():
                raise OutOfTime
            ready = [self._ready(record, row)]
            if record.person_id in self._unread and _contact_named(record):
                self._may_ask()
                person = self._puller.record(f"contact:{record.person_id}")
                self._unread.discard(record.person_id)
                if person is not None:
                    # What is called deleted and is there all the same, or again, does not count as gone.
                    is_gone = any(isinstance(one.event, ContactGone) for one in record.events)
                    ready = [self._ready(person, None), *([] if is_gone else ready)]
            yield ready
            self._began = True

    def _look_up(self, records: Sequence[PulledRecord]) -> None:
        """Look up in the database, for all records at once, what can be known without a call."""
        events = [(record.person_id, one.event) for record in records for one in record.events]
        sales = [(person_id, event) for person_id, event in events if isinstance(event, MembershipEvent)]
        keys = {f"purchase:{event.purchase_id}" for _person_id, event in sales if not event.offers}
        for row in rows_of(keys - self._offers.keys(), provider=self._provider).values():
            self._offers[row.key] = tuple(row.content.get("offers", ()))
        self._look_up_people({person_id for person_id, _event in sales})
        named = {record.person_id for record in records if record.person_id and _contact_named(record)}
        if named:
            known = lookup.mappings_by_id(self._provider, self._identity, named).keys()
            listed = {person_id for person_id, event in events if isinstance(event, ContactReported)}
            ended = {person_id for person_id, event in events if isinstance(event, ContactGone)}
            self._unread |= (named - ended - listed - known) | (ended & known)

    def _look_up_people(self, person_ids: set[str]) -> None:
        """A member's own address is what counts, then the contact's, then that of a list read a short time ago."""
        self._note_people(lookup.users_by_id(self._provider, self._identity, person_ids - self._people.keys()))
        mappings = lookup.mappings_by_id(self._provider, self._identity, person_ids - self._people.keys())
        self._note_people({person_id: mapping.contact for person_id, mapping in mappings.items()})
        keys = [f"{PERSON}:{person_id}" for person_id in person_ids - self._people.keys()]
        for listed in rows_of(keys, provider=self._provider).values():
            # Somebody's address may have changed since an older list.
            if timezone.now() - listed.read_at < PEOPLE_ARE_FRESH:
                names = {self._identity: listed.person_id}
                self._people[listed.person_id] = Buyer(**listed.content, identities=names)

    def _note_people(self, people: Mapping[str, User | Contact]) -> None:
        for person_id, person in people.items():
            if person.email:
                self._people[person_id] = Buyer(
                    email=person.email,
                    first_name=person.first_name,
                    last_name=person.last_name,
                    identities={self._identity: person_id},
                )

    def _ready(self, record: PulledRecord, row: ProviderRecord | None) -> Ready:
        """Return a record with the plan and the buyer of each membership event; others need none."""
        if record.problem:
            return Ready(record=record, row=row, error=Permanent(record.problem))
        if not any(isinstance(one.event, MembershipEvent) for one in record.events):
            return Ready(record=record, row=row, events=record.events)
        events: list[PulledEvent] = []
        sold: list[Plan] = []
        offer = ""
        for one in record.events:
            if not isinstance(one.event, MembershipEvent):
                events.append(one)
                continue
            offers = one.event.offers or self._offers_of(one.event.purchase_id)
            offer = offer or next(iter(offers), "")
            if plan := self._plan_of(offers):
                events.append(replace(one, event=replace(one.event, offers=offers)))
                sold.append(plan)
        if not sold:
            return Ready(record=record, row=row, error=NoPlan(offer))
        buyer = self._buyer(record.person_id)
        if buyer is None or not buyer.email:
            why = f"no e-mail is known for customer {record.person_id}"
            return Ready(record=record, row=row, error=Permanent(why))
        events = [replace(one, event=_with_buyer(one.event, buyer)) for one in events]
        return Ready(record=record, row=row, events=events, buyer=buyer, plan=sold[0])

    def _offers_of(self, purchase_id: str) -> tuple[str, ...]:
        """Return the offers of a purchase; none where the provider no longer knows it. May ask."""
        key = f"purchase:{purchase_id}"
        if purchase_id and key not in self._offers:
            self._may_ask()
            record = self._puller.record(key)
            self._offers[key] = record.purchase.offers if record and record.purchase else ()
            if record is not None and self._keep:
                row = row_of(record, provider=self._provider, is_applied=False)
                save_rows([row], columns=["person_id", "email", "content", "read_at"])
        return self._offers.get(key, ())

    def _plan_of(self, offers: tuple[str, ...]) -> Plan | None:
        if offers not in self._plans:
            self._plans[offers] = plans.sold_by(offers, provider=self._provider) if offers else None
        return self._plans[offers]

    def _buyer(self, person_id: str) -> Buyer | None:
        """Return the person with this id, None where the provider no longer knows them. May ask."""
        if person_id and person_id not in self._people:
            self._may_ask()
            buyer = self._puller.person(person_id)
            self.note(people={person_id: buyer} if buyer else None)
            self._people[person_id] = buyer
        return self._people.get(person_id)

    def _may_ask(self) -> None:
        if self._began and not self._may_call():
            raise OutOfTime
        self._began = True


def erased_among(provider: str, kind: str, emails: Mapping[str, str]) -> set[str]:
    """Return those of these ids (with their addresses, "" where none is known) that are of somebody erased."""
    keys: dict[str, str] = {}
    for external_id, email in emails.items():
        keys[forgotten.id_key(provider, kind, external_id)] = external_id
        if email:
            keys[forgotten.email_key(email.strip().lower())] = external_id
    return {keys[key] for key in forgotten.among(keys)}


def time_left(seconds: float) -> Callable[[], bool]:
    """Return a function that says whether fewer than so many seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _contact_named(record: PulledRecord) -> bool:
    """Return whether the record is about a contact without being the contact's own."""
    return any(isinstance(one.event, (PolicyReported, ContactGone)) for one in record.events)


def _with_buyer(event: Event, buyer: Buyer) -> Event:
    if isinstance(event, MembershipEvent):
        return replace(event, buyer=buyer)
    if isinstance(event, AboutSomebody):
        return replace(event, email=buyer.email, identities=buyer.identities)
    return event


def _person_row(provider: str, person_id: str, buyer: Buyer) -> ProviderRecord:
    try:
        email = normalise_email(buyer.email)
    except InvalidAddress:
        email = ""
    named = {"email": buyer.email[:254], "first_name": buyer.first_name[:150], "last_name": buyer.last_name[:150]}
    key = f"{PERSON}:{person_id}"
    return ProviderRecord(provider=provider, key=key[:130], person_id=person_id[:100], email=email, content=named)
