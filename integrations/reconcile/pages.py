"""One page of a run: what it says is applied, told or compared, and committed together with the next place."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction

from core.cause import Cause
from integrations import registry
from integrations.contracts.provider import Provider
from integrations.contracts.pull import (
    ContactPuller,
    ContactSource,
    Kind,
    Place,
    PulledPage,
    PurchasePuller,
    PurchaseSource,
)
from integrations.handlers import Greeting
from integrations.reconcile import audit, contact_audit, telling
from integrations.reconcile.applying import Tally, Terms, apply, merged, prepare
from integrations.reconcile.books import Books, OutOfTime, time_left
from integrations.reconcile.models import SyncRun
from integrations.reconcile.models.sync_run import LISTED_AT_MOST, RunStatus
from integrations.reconcile.sources import purchases_of, source_of

logger = logging.getLogger(__name__)
ASKING = 14.0  # seconds after which an attempt begins no further call; the lease is 30, a call takes up to 10


def advance(run: SyncRun) -> None:
    """Read the run's page and apply it, or compare the next rows of our own list. Raises LeaseLost.

    May raise whatever a provider or a database does; what was done until then is kept or can be done again.
    """
    provider = registry.provider(run.provider)
    place = Place(stage=run.stage, page=run.page, cursor=run.cursor)
    for comparison in (audit, contact_audit):
        if comparison.is_comparison(place):
            with transaction.atomic():
                _move(run, Tally(), comparison.compare(run, provider, place), seen=0)
            return
    source = source_of(provider)
    in_time = time_left(ASKING)
    if isinstance(source, ContactSource):
        contacts = source.puller()
        page = contacts.page(place, kind=Kind(run.kind), since=run.window_from)
        if run.kind == Kind.AUDIT:
            _keep_audited(run, provider, page)
        else:
            _tell(run, contacts, page, in_time=in_time)
        return
    purchases = purchases_of(provider).puller()
    page = purchases.page(place, kind=Kind(run.kind), since=run.window_from)
    if run.kind == Kind.AUDIT:
        _keep_audited(run, provider, page)
    else:
        _apply(run, purchases_of(provider), purchases, page, in_time=in_time)


def _apply(
    run: SyncRun,
    source: PurchaseSource,
    puller: PurchasePuller,
    page: PulledPage,
    *,
    in_time: Callable[[], bool],
) -> None:
    """Apply a page of items whole."""
    books = Books(run.provider, source, puller, time_left=in_time)
    try:
        books.note_people(page.people)
        prepared = prepare(page.items, provider=run.provider, books=books)
    except OutOfTime:
        _same_page(run)
        return
    with transaction.atomic():
        tally = apply(prepared, terms_of(run))
        _move(run, tally, page.next, seen=len(page.items), note=page.note)


def _tell(run: SyncRun, puller: ContactPuller, page: PulledPage, *, in_time: Callable[[], bool]) -> None:
    """Tell a page's events, each in a transaction of its own together with the run's counters.

    One transaction for all would hold the rows of a hundred contacts, and two runs that hold them in different orders
    would wait for each other. What was told is known when the page is read again.
    """
    cause = terms_of(run).cause
    to_be_read: set[str] | None = None  # not asked for where nothing is new
    for number, pulled in enumerate(telling.news(page.events, provider=run.provider, run_id=run.pk)):
        if number and not in_time():
            _same_page(run)
            return
        if to_be_read is None:
            to_be_read = telling.to_be_read(page.events, provider=run.provider)
        person = telling.person_of(pulled)
        theirs = puller.contact(person) if person in to_be_read else None
        to_be_read.discard(person)
        with transaction.atomic():
            tally = Tally()
            for one in telling.told_with(pulled, theirs):
                tally.add(telling.tell(one, provider=run.provider, cause=cause, run_id=run.pk))
            run.note(**_counted(run, tally))
            audit.write(run, tally.findings)
    with transaction.atomic():
        _move(run, Tally(), page.next, seen=len(page.events), note=page.note)


def _keep_audited(run: SyncRun, provider: Provider, page: PulledPage) -> None:
    with transaction.atomic():
        if isinstance(provider.pulls, ContactSource):
            contact_audit.keep(run, provider, page.events)
            then = contact_audit.FIRST_COMPARISON
        else:
            audit.keep(run, provider, page.items)
            then = audit.FIRST_COMPARISON
        seen = len(page.items) + len(page.events)
        _move(run, Tally(), page.next or then, seen=seen, note=page.note)


def terms_of(run: SyncRun) -> Terms:
    """Return how a run applies what it reads. A backfill holds greetings back, but for what is sold while it runs."""
    is_first = run.kind == Kind.BACKFILL

    def greeting(sold_at: datetime) -> Greeting:
        return Greeting.HELD if is_first and sold_at < run.window_to else Greeting.IF_OPEN

    cause = Cause(text=f"reconciliation {run.provider} {run.pk or 'dry run'}", staff=run.staff)
    return Terms(provider=run.provider, cause=cause, greeting=greeting, hooks_are_expected=not is_first)


def _move(run: SyncRun, tally: Tally, place: Place | None, *, seen: int, note: str = "") -> None:
    """Write what a page led to on its run, and go on at `place` or end there. Raises LeaseLost."""
    columns = _counted(run, tally) | {
        "pages": run.pages + 1,
        "seen": run.seen + seen,
        "notes": run.notes + ([note] if note and note not in run.notes else []),
    }
    if place is None:
        run.close(RunStatus.DONE, failures=0, **columns)
        logger.info("reconciled", extra={"run": run.pk, "pages": run.pages, "changed": run.changed})
        return
    run.go_on(stage=place.stage, page=place.page, cursor=place.cursor, **columns)


def _counted(run: SyncRun, tally: Tally) -> dict[str, Any]:
    """The columns in which the run's counters and lists hold `tally` as well; lists only where they grow."""
    counters = {
        name: getattr(run, name) + getattr(tally, name) for name in ("changed", "healed", "unmatched", "errors")
    }
    lists = {"changes_listed": tally.changes, "healed_listed": tally.healings, "problems": tally.problems}
    grown = {
        name: merged(getattr(run, name), lines, at_most=LISTED_AT_MOST)
        for name, lines in lists.items()
        if lines and len(getattr(run, name)) < LISTED_AT_MOST
    }
    return counters | grown


def _same_page(run: SyncRun) -> None:
    """End the attempt in time; the next one goes on at the same page with what this one has left."""
    run.go_on()
