"""Look-ups during a run: people by their remote ids, offers of purchases; what is unknown is read from the API."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice

from django.utils import timezone

from accounts.people import forgotten
from accounts.people.models import Contact, ContactMapping, ExternalIdentity, User
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import Buyer
from integrations.contracts.pull import PulledItem, PurchasePuller, PurchaseSource
from integrations.reconcile.models import ProviderRecord

PERSON = "person"
PART = 500  # values in one query
PEOPLE_ARE_FRESH = timedelta(days=1)


class OutOfTime(Exception):
    """Not everything could be asked in one attempt; what was asked is kept, and the next one goes on from there."""


class Books:
    """Reads what items need beside themselves. With `keep` the answers are remembered for later runs, so that each
    person is asked for once. `time_left` is asked before each call; the first call is always made.
    """

    def __init__(
        self,
        provider: str,
        source: PurchaseSource,
        puller: PurchasePuller,
        *,
        keep: bool = True,
        time_left: Callable[[], bool] = lambda: True,
    ) -> None:
        self._provider, self._source, self._puller = provider, source, puller
        self._keep, self._time_left = keep, time_left
        self._people: dict[str, Buyer | None] = {}
        self._offers: dict[str, tuple[str, ...]] = {}
        self._asked = False

    def note_people(self, people: Mapping[str, Buyer]) -> None:
        """Remember people of a list; of those who were erased nothing is kept."""
        self._people.update(people)
        if self._keep and people:
            erased = erased_among(
                self._provider, self._source.identity, {key: buyer.email for key, buyer in people.items()}
            )
            known = (pair for pair in people.items() if pair[0] not in erased)
            _remember(_person_record(self._provider, key, buyer) for key, buyer in known)

    def note_purchases(self, items: Iterable[PulledItem]) -> None:
        """Remember what purchases of this reading were of."""
        self._offers.update({item.key: tuple(item.offers) for item in items if item.standing is not None})

    def people(self, person_ids: Iterable[str]) -> dict[str, Buyer]:
        """The people with these ids, each with an address; those whom the provider no longer knows are missing.

        A member's own address is what counts here, then the contact's; who is neither is asked for. May raise
        OutOfTime, Retryable, Permanent.
        """
        wanted = {person_id for person_id in person_ids if person_id} - self._people.keys()
        for source in (self._members, self._contacts, self._customers):
            self._people.update(source(wanted - self._people.keys()))
        for person_id in sorted(wanted - self._people.keys()):
            self._may_ask()
            buyer = self._puller.person(person_id)
            self.note_people({person_id: buyer} if buyer else {})
            self._people[person_id] = buyer
        return {person_id: buyer for person_id, buyer in self._people.items() if buyer is not None}

    def offers(self, purchase_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The offers of purchases, by their ids; none where the provider no longer knows one."""
        wanted = {f"purchase:{purchase_id}" for purchase_id in purchase_ids if purchase_id}
        for record in records_of(wanted - self._offers.keys(), provider=self._provider).values():
            self._offers[record.key] = tuple(record.content.get("offers", ()))
        for key in sorted(wanted - self._offers.keys()):
            self._may_ask()
            item = self._puller.purchase(key.removeprefix("purchase:"))
            self._offers[key] = tuple(item.offers) if item else ()
            if item is not None and self._keep:
                _remember([record_of(self._provider, item, digest="")])
        return {key.removeprefix("purchase:"): self._offers[key] for key in wanted}

    def _members(self, person_ids: Iterable[str]) -> dict[str, Buyer]:
        known = ExternalIdentity.objects.filter(provider=self._provider, kind=self._source.identity)
        rows = (
            row for some in _in_parts(person_ids) for row in known.filter(external_id__in=some).select_related("user")
        )
        return {row.external_id: self._buyer(row.external_id, row.user) for row in rows}

    def _contacts(self, person_ids: Iterable[str]) -> dict[str, Buyer]:
        known = ContactMapping.objects.filter(provider=self._provider, kind=self._source.identity)
        rows = (
            row
            for some in _in_parts(person_ids)
            for row in known.filter(external_id__in=some).select_related("contact")
        )
        return {row.external_id: self._buyer(row.external_id, row.contact) for row in rows if row.contact.email}

    def _customers(self, person_ids: Iterable[str]) -> dict[str, Buyer]:
        """Those of a list that was read a short time ago; somebody's address may have changed since an older one."""
        records = records_of([f"{PERSON}:{person_id}" for person_id in person_ids], provider=self._provider).values()
        return {
            record.person_id: Buyer(**record.content, identities={self._source.identity: record.person_id})
            for record in records
            if timezone.now() - record.read_at < PEOPLE_ARE_FRESH
        }

    def _buyer(self, person_id: str, who: User | Contact) -> Buyer:
        return Buyer(
            email=who.email,
            first_name=who.first_name,
            last_name=who.last_name,
            identities={self._source.identity: person_id},
        )

    def _may_ask(self) -> None:
        if self._asked and not self._time_left():
            raise OutOfTime
        self._asked = True


def erased_among(provider: str, kind: str, emails: Mapping[str, str]) -> set[str]:
    """Return those of these ids (with their addresses, "" where none is known) that are of somebody erased."""
    keys: dict[str, str] = {}
    for external_id, email in emails.items():
        keys[forgotten.id_key(provider, kind, external_id)] = external_id
        if email:
            keys[forgotten.email_key(email.strip().lower())] = external_id
    return {keys[key] for key in forgotten.among(keys)}


def time_left(seconds: float) -> Callable[[], bool]:
    """Says, whenever it is asked, whether fewer than so many seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def record_of(provider: str, item: PulledItem, *, digest: str) -> ProviderRecord:
    """The row, not saved, that remembers an item."""
    return ProviderRecord(
        provider=provider,
        key=item.key[:130],
        person_id=item.person_id[:100],
        content={
            "offers": list(item.offers),
            "standing": item.standing or "",
            "renews": item.renews,
            "shown": dict(item.shown),
        },
        digest=digest,
        changed_at=item.changed_at,
        ended_at=item.ended_at,
    )


def records_of(keys: Iterable[str], *, provider: str) -> dict[str, ProviderRecord]:
    """The records with these keys that there are, by their keys; in parts, since there may be very many."""
    rows = ProviderRecord.objects.filter(provider=provider)
    return {record.key: record for some in _in_parts(keys) for record in rows.filter(key__in=some)}


def keep_records(records: Iterable[ProviderRecord], *, columns: Iterable[str] = ()) -> None:
    """Insert records, or bring those that there are to them; with `columns` these columns of them only."""
    # One key twice in a statement would be refused.
    latest = {(record.provider, record.key): record for record in records}
    ProviderRecord.objects.bulk_create(
        list(latest.values()),
        update_conflicts=True,
        unique_fields=["provider", "key"],
        update_fields=list(columns) or ["person_id", "email", "content", "digest", "changed_at", "ended_at", "read_at"],
    )


def _in_parts(values: Iterable[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(values)
    while some := tuple(islice(rest, PART)):
        yield some


def _remember(records: Iterable[ProviderRecord]) -> None:
    keep_records(records, columns=["person_id", "email", "content", "read_at"])


def _person_record(provider: str, person_id: str, buyer: Buyer) -> ProviderRecord:
    try:
        email = normalise_email(buyer.email)
    except InvalidAddress:
        email = ""
    named = {"email": buyer.email[:254], "first_name": buyer.first_name[:150], "last_name": buyer.last_name[:150]}
    key = f"{PERSON}:{person_id}"
    return ProviderRecord(provider=provider, key=key[:130], person_id=person_id[:100], email=email, content=named)
