"""Work on one page of a run: its records are applied or compared, and committed with the next place."""

import logging
from typing import Any

from django.db import transaction

from core.cause import Cause
from core.phrases import PROVIDER, Phrase
from core.queue.outcomes import Wait
from integrations import registry
from integrations.contracts.pull import Place, Puller, RunKind
from integrations.outbox import circuits
from integrations.outbox.models import FirstSync
from integrations.reconcile import audit, findings
from integrations.reconcile.engine import Result, Terms, apply_all
from integrations.reconcile.lookups import Lookups, OutOfTime, time_left
from integrations.reconcile.models import SyncRun
from integrations.reconcile.models.sync_run import LISTED_AT_MOST, RunStatus
from integrations.reconcile.sources import source_of
from integrations.toolkit.failures import NotPermitted
from integrations.toolkit.permissions import noting_permissions

_RUN = Phrase("reconciliation {provider} {number}", provider=PROVIDER)
_UNREAD = Phrase("not read for want of a permission: {lists}")

logger = logging.getLogger(__name__)
CALL_SECONDS = 14.0  # an attempt begins no call after them; the lease is 30, a call takes up to 10
APPLY_SECONDS = 20.0  # an attempt begins no record after them


def advance(run: SyncRun) -> None:
    """Read the run's page and apply it, or compare the next rows of our own list. Raises LeaseLost.

    Each record is applied in a transaction of its own together with the run's counters: one transaction for all would
    lock the rows of a hundred people, and two runs that lock them in different orders would deadlock. Applied records
    are recognised when the page is read again. May raise any error of a provider or of the database; work done until
    then is committed or can be repeated.
    """
    provider = registry.provider(run.provider)
    place = Place(stage=run.stage, page=run.page, cursor=run.cursor)
    if place.stage in audit.COMPARISONS:
        with transaction.atomic():
            _move(run, audit.COMPARISONS[place.stage](run, provider, place), seen=0)
        return
    source, in_time, may_call = source_of(provider), time_left(APPLY_SECONDS), time_left(CALL_SECONDS)
    puller = source.puller()
    try:
        with noting_permissions() as proved:
            page = puller.page(place, kind=RunKind(run.kind), since=run.window_from)
    except NotPermitted as error:
        _leave_out(run, puller, error)
        return
    if page.next is None or page.next.stage != place.stage:  # a list was read to its end
        circuits.permitted(run.provider, proved)
    if run.kind == RunKind.AUDIT:
        with transaction.atomic():
            audit.record_page(run, provider, page.records)
            _move(run, page.next or Place(stage=source.local_list, page=0), seen=len(page.records), note=page.note)
        return
    lookups = Lookups(run.provider, source.identity, puller, in_time=in_time, may_call=may_call)
    lookups.add(page.records, page.people)
    terms = terms_of(run)
    try:
        for batch in lookups.complete(page.records, run_id=run.pk):
            with transaction.atomic():
                result = apply_all(batch, terms)
                run.update_fenced(**_columns_with(run, result))
                findings.save(run, result.findings)
    except OutOfTime:
        run.save_progress()  # the next attempt applies the rest of this page
        return
    with transaction.atomic():
        _move(run, page.next, seen=len(page.records), note=page.note)


def _leave_out(run: SyncRun, puller: Puller, error: NotPermitted) -> None:
    """Go on with the next list where the one at hand may not be read; an audit waits, since it compares with all.

    Raises Wait also where no list may be read at all; NotPermitted at a provider that nothing else waits for.
    """
    if error.permission is None and registry.provider(run.provider).mirror is None:
        raise error
    due = circuits.denied(run.provider, error)
    if error.permission is None or run.kind == RunKind.AUDIT:
        raise Wait(str(error), due=due) from error
    with transaction.atomic():
        run.unread = [*run.unread, run.stage]
        _move(run, puller.list_after(run.stage, kind=RunKind(run.kind)), seen=0, unread=run.unread)


def terms_of(run: SyncRun) -> Terms:
    """Return the terms on which a run applies records. A backfill holds greetings, except for sales during it."""
    is_first = run.kind == RunKind.BACKFILL
    return Terms(
        provider=run.provider,
        cause=Cause(text=_RUN(provider=run.provider, number=run.pk or "–"), staff=run.staff),
        run_id=run.pk,
        holds_greetings_before=run.window_to if is_first else None,
        expects_webhooks=not is_first,
    )


def _move(run: SyncRun, place: Place | None, *, seen: int, note: str = "", **more: Any) -> None:
    """Continue at `place`, or finish the run where that is None. Raises LeaseLost.

    A run that left out a list has failed: the next one begins with the same window, at the first list.
    """
    columns: dict[str, Any] = {
        "pages": run.pages + 1,
        "seen": run.seen + seen,
        "notes": run.notes + ([note] if note and note not in run.notes else []),
        **more,
    }
    if place is not None:
        run.save_progress(stage=place.stage, page=place.page, cursor=place.cursor, **columns)
        return
    if run.unread:
        first = source_of(registry.provider(run.provider)).first_place(RunKind(run.kind))
        columns |= {"stage": first.stage, "page": first.page, "cursor": first.cursor, "unread": []}
        run.close(RunStatus.FAILED, error=_UNREAD(lists=", ".join(run.unread)), **columns)
        return
    run.close(RunStatus.DONE, failures=0, **columns)
    if registry.provider(run.provider).mirror:
        FirstSync.objects.note_reading()
    logger.info("reconciled", extra={"run": run.pk, "pages": run.pages, "changed": run.changed})


def _columns_with(run: SyncRun, result: Result) -> dict[str, Any]:
    """Return the run's counters and lists with `result` added; lists only where they grow."""
    columns: dict[str, Any] = {
        name: getattr(run, name) + getattr(result, name) for name in ("changed", "healed", "unmatched", "errors")
    }
    lists = {"changes_listed": result.changes, "healed_listed": result.healings, "problems": result.problems}
    for name, lines in lists.items():
        listed = getattr(run, name)
        new = [line for number, line in enumerate(lines) if line not in listed and line not in lines[:number]]
        if new and len(listed) < LISTED_AT_MOST:
            columns[name] = [*listed, *new][:LISTED_AT_MOST]
    return columns
