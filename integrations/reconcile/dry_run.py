"""Dry run: all pages are read first, then applied in one transaction that is rolled back."""

from collections.abc import Callable
from dataclasses import dataclass, field

from core.cause import Cause
from core.preview import rolled_back
from integrations.contracts.provider import Provider
from integrations.contracts.pull import Place, PulledRecord, RunKind
from integrations.reconcile import audit
from integrations.reconcile.engine import Result, apply_all
from integrations.reconcile.lookups import Lookups
from integrations.reconcile.models import SyncFinding
from integrations.reconcile.pages import terms_of
from integrations.reconcile.runs import new_run, next_kind
from integrations.reconcile.sources import source_of


@dataclass(kw_only=True)
class DryRun:
    """The result of a dry run. `findings` are those of an audit, and deletions."""

    kind: RunKind
    pages: int = 0
    seen: int = 0
    result: Result = field(default_factory=Result)
    findings: list[SyncFinding] = field(default_factory=list)


def dry_run(
    provider: Provider, *, kind: RunKind | None = None, on_page: Callable[[Place, int], None] = lambda place, seen: None
) -> DryRun:
    """Return the exact difference that a run would make now; nothing is written, and no mail is enqueued.

    All pages are held in memory, and they are applied in one long transaction: run it before a large backfill when
    there is little traffic. Raises Retryable and Permanent where the provider cannot be called.
    """
    outcome = DryRun(kind=kind or next_kind(provider))
    source = source_of(provider)
    run = new_run(provider, kind=outcome.kind, cause=Cause(text="dry run"))
    puller = source.puller()
    lookups = Lookups(provider.key, source.identity, puller, store=False)
    records: list[PulledRecord] = []
    place: Place | None = Place(stage=run.stage, page=run.page, cursor=run.cursor)
    while place is not None:
        page = puller.page(place, kind=outcome.kind, since=run.window_from)
        records += page.records
        lookups.add(page.records, page.people)
        outcome.pages, outcome.seen = outcome.pages + 1, len(records)
        on_page(place, outcome.seen)
        place = page.next
    if outcome.kind is not RunKind.AUDIT:
        prepared = [record for batch in lookups.complete(records) for record in batch]
        with rolled_back():
            outcome.result = apply_all(prepared, terms_of(run))
        outcome.findings = outcome.result.findings
        return outcome
    with rolled_back():
        run.status, run.next_attempt_at, run.wake_at = "done", None, None
        run.save()
        audit.record_page(run, provider, records)
        place = Place(stage=source.local_list, page=0)
        while place is not None:
            place = audit.COMPARISONS[place.stage](run, provider, place)
        outcome.findings = list(run.findings.select_related("plan", "contact"))
    return outcome
