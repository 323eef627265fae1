"""The daily close with Kajabi's lists: what no webhook brought is healed from the beginning of the day."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.memberships.models import Subscription
from core.cause import SCHEDULE
from core.days import day_of, span_of
from integrations import registry
from integrations.inbox.models import DeliveryCount, InboxEvent
from integrations.operations import closing
from integrations.providers.kajabi.tests.sales import sell
from integrations.reconcile.models import SyncRun
from tests.fakes.kajabi import FakeKajabi

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient", "plan")]
PROVIDER = "kajabi"


def test_ten_events_deleted_behind_our_back_are_named_and_healed(kajabi: FakeKajabi, reconciled: Any) -> None:
    yesterday = day_of(timezone.now()) - timedelta(days=1)
    begin, _end = span_of(yesterday)
    DeliveryCount.objects.create(provider=PROVIDER, day=yesterday, events=10, began_at=begin)
    for number in range(10):  # received and counted; then the rows were deleted, before anything was processed
        sell(kajabi, number, days_ago=(timezone.now() - begin).total_seconds() / 86400 - 0.1)
    now = timezone.now()
    last = SyncRun.objects.create(
        provider=PROVIDER,
        kind="incremental",
        status="done",
        cause="test",
        window_from=now - timedelta(hours=1),
        window_to=now,
    )
    row = closing.close(registry.provider(PROVIDER), yesterday)
    assert (row.state, row.differences, Subscription.objects.count()) == ("differs", {"lost": 10}, 0)

    healing = closing.heal(row, cause=SCHEDULE)
    assert healing.run is not None
    assert healing.run.pk != last.pk
    assert healing.run.window_from == begin, "what the last runs had read is read again"
    reconciled(healing.run)
    row = closing.close(registry.provider(PROVIDER), yesterday)
    assert (row.state, row.lost, row.restored) == ("healed", 10, 10)
    assert Subscription.objects.count() == 10

    healing = closing.heal(row, cause=SCHEDULE)
    reconciled(healing.run)
    assert Subscription.objects.count() == 10, "once more changes nothing"


def test_healing_tries_failed_events_again_and_starts_no_first_reading(kajabi: FakeKajabi, relay: Any) -> None:
    yesterday = day_of(timezone.now()) - timedelta(days=1)
    noon = span_of(yesterday)[0] + timedelta(hours=12)
    event = InboxEvent.objects.create(
        provider=PROVIDER,
        endpoint="relay",
        key="k1",
        body=b"{}",
        payload=relay(),
        event_type="offer.purchased",
        status="failed",
        received_at=noon,
        finished_at=noon,
    )
    row = closing.close(registry.provider(PROVIDER), yesterday)
    assert (row.state, row.failed) == ("balanced", 1)
    healing = closing.heal(row, cause=SCHEDULE)
    assert (healing.run, healing.retried, bool(healing.problem)) == (None, [event.pk], True)
    event.refresh_from_db()
    assert event.status == "pending"
    assert not SyncRun.objects.exists()


def test_healing_beside_an_open_run_says_so(kajabi: FakeKajabi, reconciled: Any) -> None:
    reconciled()
    yesterday = day_of(timezone.now()) - timedelta(days=1)
    row = closing.close(registry.provider(PROVIDER), yesterday)
    first, second = (closing.heal(row, cause=SCHEDULE) for _time in range(2))
    assert first.run is not None
    assert (second.run, "is open already" in second.problem) == (None, True)
