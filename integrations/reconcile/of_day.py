"""Results of reading a provider's list over a span of time, for the daily close."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from integrations.contracts.pull import RunKind
from integrations.reconcile.engine import EVENT_IS_LATE_AFTER
from integrations.reconcile.findings import current_findings
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun
from integrations.reconcile.models.sync_run import LISTED_AT_MOST, RunStatus

RUNS_AT_MOST = 2000  # those of a week, if one is started every five minutes


def run_after(provider: str, end: datetime) -> SyncRun | None:
    """Return the first run that read everything that changed before `end`, None where there is none yet.

    The window of each run begins where that of the last successful one ended, so there is no gap before it. One that
    began within minutes of the end may have taken a webhook for late that was on its way.
    """
    runs = _done(provider).filter(window_to__gte=end + EVENT_IS_LATE_AFTER)
    return runs.order_by("window_to", "pk").first()


def was_read_again(provider: str, begin: datetime, end: datetime, *, since: datetime) -> bool:
    """Return whether a run that began after `since` read all that changed from `begin` to `end`."""
    whole = Q(window_from__isnull=True) | Q(window_from__lte=begin)
    return _done(provider).filter(whole, started_at__gte=since, window_to__gte=end).exists()


def was_read_ever(provider: str) -> bool:
    return _done(provider).exists()


def restored(provider: str, begin: datetime, end: datetime) -> Mapping[int, int] | None:
    """Return how many changes of this span no webhook reported, by the run that applied them.

    None where a run does not say that any more, or had more of them than it lists.
    """
    runs = SyncRun.objects.filter(provider=provider, started_at__gte=begin, healed__gt=0)
    found: dict[int, int] = {}
    for run in runs.order_by("-pk").only("pk", "pruned_at", "healed_listed")[:RUNS_AT_MOST]:
        if run.pruned_at is not None or len(run.healed_listed) >= LISTED_AT_MOST:
            return None
        number = sum(_is_within(line, begin, end) for line in run.healed_listed)
        if number:
            found[run.pk] = number
    return found


def _is_within(line: Mapping[str, Any], begin: datetime, end: datetime) -> bool:
    happened = parse_datetime(str(line.get("happened", "")))
    return happened is not None and begin <= happened < end


def not_applied(provider: str, begin: datetime, end: datetime) -> int:
    """Return how many remote records that changed last in this span could not be applied here."""
    return ProviderRecord.objects.filter(
        provider=provider, changed_at__gte=begin, changed_at__lt=end, digest="", content__has_key="failed"
    ).count()


def open_findings(provider: str, begin: datetime, end: datetime) -> QuerySet[SyncFinding]:
    """Return the open findings of the runs that were started in this span."""
    findings = SyncFinding.objects.filter(status=SyncFinding.Status.OPEN, run__provider=provider)
    return current_findings(findings.filter(run__started_at__gte=begin, run__started_at__lt=end))


def _done(provider: str) -> QuerySet[SyncRun]:
    return SyncRun.objects.filter(provider=provider, status=RunStatus.DONE).exclude(kind=RunKind.AUDIT)
