"""Dry run: everything is read first, then applied in one transaction that is rolled back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from core.cause import Cause
from integrations.contracts.events import Buyer
from integrations.contracts.provider import Provider
from integrations.contracts.pull import ContactSource, Kind, Place, PulledEvent, PulledItem, PulledPage, Puller
from integrations.reconcile import audit, contact_audit, telling
from integrations.reconcile.applying import Tally, apply, prepare
from integrations.reconcile.books import Books
from integrations.reconcile.models import SyncFinding, SyncRun
from integrations.reconcile.pages import terms_of
from integrations.reconcile.runs import new_run, next_kind
from integrations.reconcile.sources import purchases_of, source_of


class _TakenBack(Exception):
    """Ends the transaction without a trace."""


@dataclass(kw_only=True)
class Difference:
    """The result of a dry run. `findings` are those of an audit, and deletions."""

    kind: Kind
    pages: int = 0
    seen: int = 0
    tally: Tally = field(default_factory=Tally)
    findings: list[SyncFinding] = field(default_factory=list)


def dry_run(
    provider: Provider, *, kind: Kind | None = None, on_page: Callable[[Place, int], None] = lambda place, seen: None
) -> Difference:
    """The exact difference that a run would make now; nothing is written, and no mail is owed.

    All pages are in memory. While they are applied, the database is locked as by one long transaction: do it on a large
    first reading when little happens. Raises Retryable and Permanent where the provider cannot be asked.
    """
    kind = kind or next_kind(provider)
    source = source_of(provider)
    run = new_run(provider, kind=kind, cause=Cause(text="dry run"))
    difference = Difference(kind=kind)
    if isinstance(source, ContactSource):
        contacts = source.puller()
        events: list[PulledEvent] = []
        for page in _pages(contacts, run, difference, on_page):
            events += page.events
        if kind is Kind.AUDIT:
            _take_back(lambda: _audit_contacts(run, provider, events, difference))
            return difference
        to_be_read = sorted(telling.to_be_read(events, provider=provider.key))
        people = {person: contacts.contact(person) for person in to_be_read}
        _take_back(lambda: _tell(run, events, people, difference))
        return difference
    purchases = purchases_of(provider)
    puller = purchases.puller()
    items: list[PulledItem] = []
    known: dict[str, Buyer] = {}
    for page in _pages(puller, run, difference, on_page):
        items += page.items
        known |= page.people
    if kind is Kind.AUDIT:
        _take_back(lambda: _audit(run, provider, items, difference))
        return difference
    books = Books(provider.key, purchases, puller, keep=False)
    books.note_people(known)
    prepared = prepare(items, provider=provider.key, books=books)

    def work() -> None:
        difference.tally = apply(prepared, terms_of(run))

    _take_back(work)
    return difference


def _pages(
    puller: Puller, run: SyncRun, difference: Difference, on_page: Callable[[Place, int], None]
) -> Iterator[PulledPage]:
    place: Place | None = Place(stage=run.stage, page=run.page, cursor=run.cursor)
    while place is not None:
        page = puller.page(place, kind=difference.kind, since=run.window_from)
        difference.pages += 1
        difference.seen += len(page.items) + len(page.events)
        on_page(place, difference.seen)
        yield page
        place = page.next


def _tell(
    run: SyncRun,
    events: Sequence[PulledEvent],
    people: dict[str, PulledEvent | None],
    difference: Difference,
) -> None:
    cause = terms_of(run).cause
    for pulled in telling.news(events, provider=run.provider, run_id=None):
        theirs = people.pop(telling.person_of(pulled), None)
        for one in telling.told_with(pulled, theirs):
            difference.tally.add(telling.tell(one, provider=run.provider, cause=cause, run_id=None))
    difference.findings = difference.tally.findings


def _audit(run: SyncRun, provider: Provider, items: Sequence[PulledItem], difference: Difference) -> None:
    _saved(run)
    audit.keep(run, provider, items)
    _compare(run, provider, audit.FIRST_COMPARISON, difference, by=audit.compare)


def _audit_contacts(run: SyncRun, provider: Provider, events: Sequence[PulledEvent], difference: Difference) -> None:
    _saved(run)
    contact_audit.keep(run, provider, events)
    _compare(run, provider, contact_audit.FIRST_COMPARISON, difference, by=contact_audit.compare)


def _saved(run: SyncRun) -> None:
    run.status, run.next_attempt_at, run.wake_at = "done", None, None
    run.save()


def _compare(
    run: SyncRun,
    provider: Provider,
    first: Place,
    difference: Difference,
    *,
    by: Callable[[SyncRun, Provider, Place], Place | None],
) -> None:
    place: Place | None = first
    while place is not None:
        place = by(run, provider, place)
    difference.findings = list(run.findings.select_related("plan", "contact"))


def _take_back(work: Callable[[], None]) -> None:
    try:
        with transaction.atomic():
            work()
            raise _TakenBack
    except _TakenBack:
        pass
