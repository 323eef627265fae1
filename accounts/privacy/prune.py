"""Retention: the contents of what is finished are removed after their time, in short transactions.

Two at once take different rows or find nothing left to do; one that is killed leaves whole batches, and the next goes
on where rows still have contents.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.privacy import files
from accounts.privacy.holdings import Holding, Retention, all_holdings
from accounts.staff import audit

AT_ONCE = 500  # rows in one transaction
MAILS = "mail files"


def prune(
    *,
    dry_run: bool = False,
    seconds: float | None = None,
    on_batch: Callable[[str, int], None] = lambda label, count: None,
    actor: str = "schedule",
) -> dict[str, int]:
    """Remove what is past its time; returns label → number of rows (or files), those with 0 left out.

    `seconds`: begin no further batch after them. With `dry_run` rows are only counted.
    """
    ends_at = time.monotonic() + seconds if seconds is not None else float("inf")
    counts: dict[str, int] = {}
    for holding in all_holdings():
        cutoff = holding.retention.cutoff() if isinstance(holding.retention, Retention) else None
        while cutoff is not None and time.monotonic() < ends_at:
            done = due(holding, cutoff).count() if dry_run else _batch(holding, cutoff)
            counts[holding.label] = counts.get(holding.label, 0) + done
            on_batch(holding.label, done)
            if dry_run or done < AT_ONCE:
                break
    if settings.RETENTION_DAYS:
        old = files.mails_before(timezone.now() - timedelta(days=settings.RETENTION_DAYS))
        counts[MAILS] = len(old) if dry_run else files.delete(old)
    counts = {label: count for label, count in counts.items() if count}
    if counts and not dry_run:
        audit.record("retention.pruned", actor=actor, rows=counts)
    return counts


def due(holding: Holding, cutoff: datetime) -> "QuerySet[Any]":
    """Return the rows of a model whose contents are to be removed now, oldest first."""
    assert isinstance(holding.retention, Retention)
    condition = holding.retention.rows & Q(**{f"{holding.retention.since}__lt": cutoff})
    if holding.retention.becomes is not None:
        condition &= Q(pruned_at__isnull=True)
    found: QuerySet[Any] = holding.rows.filter(condition).order_by(holding.retention.since)
    return found


def _batch(holding: Holding, cutoff: datetime) -> int:
    retention = holding.retention
    assert isinstance(retention, Retention)
    if retention.delete is not None:
        return retention.delete(cutoff)
    with transaction.atomic():
        rows = due(holding, cutoff)
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        keys = list(rows.values_list("pk", flat=True)[:AT_ONCE])
        if not keys:
            return 0
        if retention.first is not None:
            retention.first(keys)
        # Not by the keys alone: a row may have become open again since it was read.
        still = due(holding, cutoff).filter(pk__in=keys).order_by()
        if retention.becomes is None:
            return int(still.delete()[0])
        return still.update(pruned_at=timezone.now(), **retention.becomes)
