"""The first reading of a provider: whoever bought before it is greeted when staff say so."""

from datetime import datetime, timedelta

from django.utils import timezone

from integrations.contracts.pull import RunKind
from integrations.history.models import HistoryImport, HistoryStatus
from integrations.reconcile.models import SyncRun
from integrations.reconcile.models.sync_run import RunStatus

LIVE = timedelta(hours=1)  # what happened so recently is news, whatever was read meanwhile


def is_older(provider: str, occurred_at: datetime) -> bool:
    """Return whether something happened before the first finished backfill or history import of the provider."""
    if occurred_at > timezone.now() - LIVE:
        return False
    runs = SyncRun.objects.filter(provider=provider, kind=RunKind.BACKFILL, status=RunStatus.DONE)
    imports = HistoryImport.objects.filter(provider=provider, status=HistoryStatus.DONE, confirmed_at__isnull=False)
    firsts = (
        runs.order_by("pk").values_list("window_to", flat=True).first(),
        imports.order_by("pk").values_list("confirmed_at", flat=True).first(),
    )
    read_at = min((moment for moment in firsts if moment is not None), default=None)
    return read_at is not None and occurred_at < read_at
