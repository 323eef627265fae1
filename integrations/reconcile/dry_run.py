"""What a run would change: everything is read first, then applied in one transaction that is taken back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import transaction

from accounts.services.cause import Cause
from integrations import registry
from integrations.contracts.events import Buyer
from integrations.contracts.provider import Provider
from integrations.contracts.pull import Kind, Place, PulledItem
from integrations.models import SyncFinding, SyncRun
from integrations.reconcile import audit
from integrations.reconcile.applying import Tally, apply, prepare
from integrations.reconcile.books import Books
from integrations.reconcile.runs import new_run, next_kind, source_of, terms_of


class _TakenBack(Exception):
    """Ends the transaction without a trace."""


@dataclass(kw_only=True)
class Difference:
    """What would have been. `findings` are those of an audit."""

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
    puller = source.puller()
    run = new_run(provider, kind=kind, cause=Cause(text="dry run"))
    difference = Difference(kind=kind)
    items: list[PulledItem] = []
    people: dict[str, Buyer] = {}
    place: Place | None = Place(stage=run.stage, page=run.page)
    while place is not None:
        page = puller.page(place, kind=kind, since=run.window_from)
        items += page.items
        people |= page.people
        difference.pages += 1
        difference.seen = len(items)
        on_page(place, len(items))
        place = page.next
    if kind is Kind.AUDIT:
        _take_back(lambda: _audit(run, provider, items, people, difference))
        return difference
    books = Books(provider.key, source, puller, keep=False)
    books.note_people(people)
    prepared = prepare(items, provider=provider.key, books=books)

    def work() -> None:
        difference.tally = apply(prepared, terms_of(run))

    _take_back(work)
    return difference


def _audit(
    run: SyncRun, provider: Provider, items: list[PulledItem], people: Mapping[str, Buyer], difference: Difference
) -> None:
    run.status, run.next_attempt_at, run.wake_at = "done", None, None
    run.save()
    audit.keep(run, registry.provider(provider.key), items)
    place: Place | None = audit.FIRST_COMPARISON
    while place is not None:
        place = audit.compare(run, provider, place)
    difference.findings = list(run.findings.select_related("plan"))


def _take_back(work: Callable[[], None]) -> None:
    try:
        with transaction.atomic():
            work()
            raise _TakenBack
    except _TakenBack:
        pass
