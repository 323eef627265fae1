"""Purchases of a provider's lists whose offer no plan sells: they wait, and are read again once a plan sells it."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Count, F, QuerySet

from accounts.memberships import plans
from core.cause import SCHEDULE
from integrations import registry
from integrations.contracts.provider import Provider
from integrations.contracts.pull import RunKind
from integrations.reconcile import runs
from integrations.reconcile.models import ProviderRecord, SyncRun


def without_plan() -> QuerySet[ProviderRecord]:
    """Return the listed purchases, each with its `offer`, that give no access until a plan sells that offer."""
    return _left_out().exclude(plans.is_sold())


def offers() -> list[plans.WaitingOffer]:
    """Return the offers that purchases wait for, those of most purchases first."""
    rows: QuerySet[Any] = without_plan()
    counted = rows.order_by().values("provider", "offer").annotate(purchases=Count("pk"))
    return [plans.WaitingOffer(**row) for row in counted.order_by("-purchases", "provider", "offer")]


def read_again() -> list[SyncRun]:
    """Start a reading of all purchases where some were left out whose offer a plan sells by now.

    It is a backfill, so welcomes wait for staff: the purchases may be old. A provider with an open run is for later.
    """
    return [run for provider in registry.all_providers().values() for run in _read_again(provider)]


def _read_again(provider: Provider) -> Iterator[SyncRun]:
    left_out = _left_out().filter(provider=provider.key)
    named = left_out.order_by().values_list("content__offers", flat=True).distinct()
    sold = [offers for offers in named if plans.sold_by(offers, provider=provider.key)]
    if not sold or not provider.is_connected():
        return
    try:
        with transaction.atomic():
            run = runs.start(provider, cause=SCHEDULE, kind=RunKind.BACKFILL, from_the_start=True)
            # Read now that no other run can change them. They wait no more, else each minute would begin a reading for
            # one that cannot be applied for another reason.
            rows = [row for row in left_out if row.content["offers"] in sold]
            for row in rows:
                row.unsold_offer = ""
            ProviderRecord.objects.bulk_update(rows, ["unsold_offer"], batch_size=500)
    except runs.AlreadyOpen:
        return
    yield run


def _left_out() -> QuerySet[ProviderRecord]:
    rows = ProviderRecord.objects.exclude(unsold_offer="").filter(key__startswith="purchase:")
    return rows.annotate(offer=F("unsold_offer"))
