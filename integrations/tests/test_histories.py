"""Histories, shuffled and doubled, through the real inbox: they end as the sorted ones do."""

import random
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from core.queue import runner
from integrations.inbox.models import InboxEvent
from tests.harness.environment import IS_LONG
from tests.harness.histories import granted, histories, shuffled_and_doubled, state_of_sorted

pytestmark = pytest.mark.django_db


def work() -> None:
    """Processes what is due; the mails are owed and not sent, which would take most of the time."""
    for key in InboxEvent.objects.filter(status="pending").order_by("pk").values_list("pk", flat=True):
        runner.run(InboxEvent, key)


@pytest.mark.once
def test_shuffled_and_doubled_histories_end_as_the_sorted_ones(post: Any, relay: Any, settings: Any) -> None:
    chance = random.Random(7)
    settings.RATE_LIMIT_VERIFIED = 10**6
    settings.ADMIN_EMAIL = []
    told = histories(relay, chance, count=200 if IS_LONG else 60)

    for number, body in enumerate(shuffled_and_doubled(told, chance)):
        assert post(body).status_code == 200
        if number % 40 == 0:
            work()
    work()

    assert set(InboxEvent.objects.values_list("status", "attempts")) == {("processed", 1)}
    assert InboxEvent.objects.count() == sum(map(len, told))
    expected = {}
    for number, history in enumerate(told):
        state = state_of_sorted(history, timezone.now())
        expected[f"member{number}@example.com"] = (
            state.status,
            state.started_at,
            state.period_end,
            state.canceled_at,
            f"mem_{number}",
            "off_456",
        )
    columns = ("status", "started_at", "current_period_end", "canceled_at", "external_member_id", "external_offer_id")
    ended = {email: tuple(row) for email, *row in Subscription.objects.values_list("user__email", *columns)}
    assert ended == expected
    assert len({status for status, *_rest in ended.values()}) == 3, "the histories differ"

    welcomes = EmailMessage.objects.filter(key__startswith="granted:").values_list("to", flat=True)
    assert len(welcomes) == len(set(welcomes)), "one welcome each"
    with_access = {row.user.email for row in Subscription.objects.giving_access().select_related("user")}
    assert with_access & set(granted(told)) <= set(welcomes) <= set(granted(told))
