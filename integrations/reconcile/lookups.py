"""Look-ups for listed records: the addresses of people, the offers of purchases, unknown contacts."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.memberships import plans
from accounts.memberships.models import Plan
from accounts.people import forgotten, lookup
from accounts.people.models import Contact, User
from core.phrases import Phrase
from core.text import InvalidAddress, normalise_email
from integrations import registry
from integrations.contracts.events import AboutSomebody, ContactGone, ContactReported, Event, PolicyReported
from integrations.contracts.exceptions import Permanent, Unmatched
from integrations.contracts.membership_events import Buyer, MembershipEvent
from integrations.contracts.pull import PulledEvent, PulledRecord, Puller
from integrations.handlers.merged_away import unreported_deletions
from integrations.reconcile.models import ProviderRecord
from integrations.reconcile.records import changed_records, rows_by_key, save_rows, to_row

_NO_PLAN = Phrase.worded("no plan for offer {offers}", _("Offer “{offers}” has no plan: choose one"))
_NO_OFFER = Phrase("no offer is known for it")
_NO_EMAIL = Phrase("no e-mail is known for customer {id}")

PERSON = "person"
PEOPLE_ARE_FRESH = timedelta(days=1)


class OutOfTime(Exception):
    """One attempt was too short; its work is committed, and the next attempt continues."""


class NoPlan(Unmatched):
    """An offer sells no plan; `offer` is its id, "" where none is known."""

    def __init__(self, offer: str) -> None:
        super().__init__(_NO_PLAN(offers=offer) if offer else _NO_OFFER())
        self.offer = offer


@dataclass(frozen=True, kw_only=True)
class PreparedRecord:
    """A record with everything needed to apply it without a call to the provider.

    `row` is the record's stored row. `buyer` and `plan` are of a purchase or payment. `error` is why the record cannot
    be applied.
    """

    record: PulledRecord
    row: ProviderRecord | None = None
    events: Sequence[PulledEvent] = ()
    buyer: Buyer | None = None
    plan: Plan | None = None
    error: Exception | None = None


class Lookups:
    """Completes records with as few calls as possible: none for records that are unchanged or sell no plan, one for a
    hint about a changed contact.

    `identity` is the kind of id by which the lists name people. With `store` the answers are stored for later runs, so
    that each person is requested once. `in_time` is called before each record but the first, `may_call` before each
    call to the provider but the very first.
    """

    def __init__(
        self,
        provider: str,
        identity: str,
        puller: Puller,
        *,
        store: bool = True,
        in_time: Callable[[], bool] = lambda: True,
        may_call: Callable[[], bool] = lambda: True,
    ) -> None:
        self._provider, self._identity, self._puller = provider, identity, puller
        self._store, self._in_time, self._may_call, self._has_begun = store, in_time, may_call, False
        self._people: dict[str, Buyer | None] = {}
        self._offers: dict[str, tuple[str, ...]] = {}
        self._plans: dict[tuple[str, ...], Plan | None] = {}
        self._unread: set[str] = set()  # contacts to read before the records that name them are applied
        self._reported: dict[str, datetime] = {}  # contact → when its record was known last

    def add(self, records: Iterable[PulledRecord] = (), people: Mapping[str, Buyer] | None = None) -> None:
        """Add purchases and people of this run; no row of an erased person is stored."""
        self._offers.update({record.key: record.purchase.offers for record in records if record.purchase})
        if not people:
            return
        self._people.update(people)
        if self._store:
            emails = {person_id: buyer.email for person_id, buyer in people.items()}
            erased = erased_among(self._provider, self._identity, emails)
            rows = [
                self._person_row(person_id, buyer) for person_id, buyer in people.items() if person_id not in erased
            ]
            save_rows(rows, columns=["person_id", "email", "content", "read_at"])

    def complete(
        self, records: Sequence[PulledRecord], *, run_id: int | None = None, again: bool = False
    ) -> Iterator[list[PreparedRecord]]:
        """Yield the records to apply for each changed record: its person's, where that is unknown, then its own.

        With `again` every record counts as changed. May raise OutOfTime, Retryable, Permanent.
        """
        changed = changed_records(records, provider=self._provider, run_id=run_id, again=again)
        self._look_up([record for record, _row in changed])
        for number, (record, row) in enumerate(changed):
            if number and not self._in_time():
                raise OutOfTime
            prepared = [self._confirm(record, row, again=again) if record.is_hint else self._prepare(record, row)]
            if record.person_id in self._unread and _names_contact(record):
                self._check_time()
                person = self._puller.record(f"contact:{record.person_id}")
                self._unread.discard(record.person_id)
                if person is not None:
                    # A contact that is listed as deleted and can still be read, or again, does not count as gone.
                    is_gone = any(isinstance(pulled.event, ContactGone) for pulled in record.events)
                    prepared = [self._prepare(person, None), *([] if is_gone else prepared)]
            yield list(map(self._with_deletions, prepared))
            self._has_begun = True

    def _with_deletions(self, prepared: PreparedRecord) -> PreparedRecord:
        """Return a contact's record with the deletions, which the list names later, of those that it took in."""
        if registry.provider(self._provider).mirror is None or prepared.error is not None:
            return prepared
        facts = [pulled.event for pulled in prepared.events]
        gone = unreported_deletions(facts, provider=self._provider, exists=self._exists)
        return replace(prepared, events=[*(PulledEvent(event=event) for event in gone), *prepared.events])

    def _exists(self, external_id: str) -> bool:
        self._check_time()
        return self._puller.record(f"contact:{external_id}") is not None

    def _look_up(self, records: Sequence[PulledRecord]) -> None:
        """Look up in the database, for all records at once, everything that needs no call."""
        events = [(record.person_id, pulled.event) for record in records for pulled in record.events]
        sales = [(person_id, event) for person_id, event in events if isinstance(event, MembershipEvent)]
        keys = {f"purchase:{event.purchase_id}" for _person_id, event in sales if not event.offers}
        for row in rows_by_key(keys - self._offers.keys(), provider=self._provider).values():
            self._offers[row.key] = tuple(row.content.get("offers", ()))
        self._look_up_people({person_id for person_id, _event in sales})
        if hints := {record.person_id for record in records if record.is_hint}:
            mappings = lookup.mappings_by_id(self._provider, self._identity, hints)
            self._reported |= {key: row.reported_at for key, row in mappings.items() if row.reported_at is not None}
        named = {record.person_id for record in records if record.person_id and _names_contact(record)}
        if named:
            known = lookup.mappings_by_id(self._provider, self._identity, named).keys()
            listed = {person_id for person_id, event in events if isinstance(event, ContactReported)}
            ended = {person_id for person_id, event in events if isinstance(event, ContactGone)}
            self._unread |= (named - ended - listed - known) | (ended & known)

    def _look_up_people(self, person_ids: set[str]) -> None:
        """Look up people by id: a member's own address wins, then the contact's, then that of a recently read list."""
        self._add_people(lookup.users_by_id(self._provider, self._identity, person_ids - self._people.keys()))
        mappings = lookup.mappings_by_id(self._provider, self._identity, person_ids - self._people.keys())
        self._add_people({person_id: mapping.contact for person_id, mapping in mappings.items()})
        keys = [f"{PERSON}:{person_id}" for person_id in person_ids - self._people.keys()]
        for listed in rows_by_key(keys, provider=self._provider).values():
            # The address may have changed since an older list.
            if timezone.now() - listed.read_at < PEOPLE_ARE_FRESH:
                names = {self._identity: listed.person_id}
                self._people[listed.person_id] = Buyer(**listed.content, identities=names)

    def _add_people(self, people: Mapping[str, User | Contact]) -> None:
        for person_id, person in people.items():
            if person.email:
                self._people[person_id] = Buyer(
                    email=person.email,
                    first_name=person.first_name,
                    last_name=person.last_name,
                    identities={self._identity: person_id},
                )

    def _confirm(self, record: PulledRecord, row: ProviderRecord | None, *, again: bool) -> PreparedRecord:
        """Return a hint with the events of the record itself, read now; with none where it is known as it is.

        The hint's own content stays what the next run compares. May call the provider.
        """
        reported_at = self._reported.get(record.person_id)
        is_known = reported_at is not None and record.changed_at is not None and record.changed_at <= reported_at
        if record.problem or (is_known and not again):
            return replace(self._prepare(record, row), events=())
        self._check_time()
        whole = self._puller.record(record.key)
        if whole is None:  # deleted since: an audit finds it
            return PreparedRecord(record=record, row=row)
        return replace(self._prepare(whole, row), record=record)

    def _prepare(self, record: PulledRecord, row: ProviderRecord | None) -> PreparedRecord:
        """Return a record with the plan and the buyer of each membership event; others need none."""
        if record.problem:
            return PreparedRecord(record=record, row=row, error=Permanent(record.problem))
        if not any(isinstance(pulled.event, MembershipEvent) for pulled in record.events):
            return PreparedRecord(record=record, row=row, events=record.events)
        events: list[PulledEvent] = []
        sold: list[Plan] = []
        offer = ""
        for pulled in record.events:
            if not isinstance(pulled.event, MembershipEvent):
                events.append(pulled)
                continue
            offers = pulled.event.offers or self._offers_of(pulled.event.purchase_id)
            offer = offer or next(iter(offers), "")
            if offers not in self._plans:
                self._plans[offers] = plans.sold_by(offers, provider=self._provider) if offers else None
            if plan := self._plans[offers]:
                events.append(replace(pulled, event=replace(pulled.event, offers=offers)))
                sold.append(plan)
        if not sold:
            return PreparedRecord(record=record, row=row, error=NoPlan(offer))
        buyer = self._buyer(record.person_id)
        if buyer is None or not buyer.email:
            problem = _NO_EMAIL(id=record.person_id)
            return PreparedRecord(record=record, row=row, error=Permanent(problem))
        events = [replace(pulled, event=_with_buyer(pulled.event, buyer)) for pulled in events]
        return PreparedRecord(record=record, row=row, events=events, buyer=buyer, plan=sold[0])

    def _offers_of(self, purchase_id: str) -> tuple[str, ...]:
        """Return the offers of a purchase; none where the provider no longer has it. May call the provider."""
        key = f"purchase:{purchase_id}"
        if purchase_id and key not in self._offers:
            self._check_time()
            record = self._puller.record(key)
            self._offers[key] = record.purchase.offers if record and record.purchase else ()
            if record is not None and self._store:
                row = to_row(record, provider=self._provider, is_applied=False)
                save_rows([row], columns=["person_id", "email", "content", "read_at"])
        return self._offers.get(key, ())

    def _buyer(self, person_id: str) -> Buyer | None:
        """Return the person with this id, None where the provider no longer has them. May call the provider."""
        if person_id and person_id not in self._people:
            self._check_time()
            buyer = self._puller.person(person_id)
            self.add(people={person_id: buyer} if buyer else None)
            self._people[person_id] = buyer
        return self._people.get(person_id)

    def _person_row(self, person_id: str, buyer: Buyer) -> ProviderRecord:
        try:
            email = normalise_email(buyer.email)
        except InvalidAddress:
            email = ""
        return ProviderRecord(
            provider=self._provider,
            key=f"{PERSON}:{person_id}"[:130],
            person_id=person_id[:100],
            email=email,
            content={
                "email": buyer.email[:254],
                "first_name": buyer.first_name[:150],
                "last_name": buyer.last_name[:150],
            },
        )

    def _check_time(self) -> None:
        if self._has_begun and not self._may_call():
            raise OutOfTime
        self._has_begun = True


def erased_among(provider: str, kind: str, emails: Mapping[str, str]) -> set[str]:
    """Return the ids of erased people among `emails`: id → address, "" where none is known."""
    keys: dict[forgotten.Key, str] = {}
    for external_id, email in emails.items():
        keys["id", provider, kind, external_id] = external_id
        if email:
            keys["email", email.strip().lower()] = external_id
    return {keys[key] for key in forgotten.among(keys)}


def time_left(seconds: float) -> Callable[[], bool]:
    """Return a function that is true for the next `seconds`."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _names_contact(record: PulledRecord) -> bool:
    """Return whether the record is about a contact without being the contact's own."""
    return any(isinstance(pulled.event, (PolicyReported, ContactGone)) for pulled in record.events)


def _with_buyer(event: Event, buyer: Buyer) -> Event:
    if isinstance(event, MembershipEvent):
        return replace(event, buyer=buyer)
    if isinstance(event, AboutSomebody):
        return replace(event, email=buyer.email, identities=buyer.identities)
    return event
