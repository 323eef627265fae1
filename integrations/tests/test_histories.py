"""Two hundred histories, shuffled and doubled, through the real inbox: they end as the sorted ones do."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import EmailMessage, Subscription
from accounts.models.subscription import FactKind
from accounts.services.subscription_state import Fact, State, state_of
from integrations import inbox
from integrations.models import InboxEvent

pytestmark = pytest.mark.django_db
KINDS = ("renewed", "canceled", "expired", "renewed")
RELAYS = 200
FIRST = datetime(2025, 2, 1, tzinfo=UTC)


def histories(relay: Any, chance: random.Random) -> list[list[dict[str, Any]]]:
    """Each: a purchase and up to four later events of one member, in their order; some without the purchase."""
    told = []
    for number in range(RELAYS):
        moment = FIRST + timedelta(days=chance.randrange(600), seconds=number)
        member = {"id": f"mem_{number}", "email": f"member{number}@example.com", "first_name": "Jane"}
        kinds = ["offer.purchased"] * chance.choice((1, 1, 1, 0)) + [
            f"member.subscription.{kind}" for kind in chance.choices(KINDS, k=chance.randrange(1, 4))
        ]
        history = []
        for step, kind in enumerate(kinds):
            body = relay(kind, f"evt_{number}-{step}", occurred_at=moment.isoformat(), member=member)
            history.append(body)
            moment += timedelta(days=chance.choice((0, 1, 20, 180, 350, 370)))
        told.append(history)
    return told


KIND_OF = {"offer.purchased": FactKind.PURCHASED} | {
    f"member.subscription.{kind}": FactKind(kind) for kind in ("renewed", "canceled", "expired")
}


def state_of_sorted(history: list[dict[str, Any]], now: datetime) -> State:
    """What the events of a history amount to, told once and in their order."""
    facts = [
        Fact(key=body["id"], kind=KIND_OF[body["type"]], occurred_at=datetime.fromisoformat(body["occurred_at"]))
        for body in history
    ]
    return state_of(facts, period_months=12, now=now)


def work() -> None:
    """Processes what is due; the mails are owed and not sent, which would take most of the time."""
    for key in InboxEvent.objects.filter(status="pending").order_by("pk").values_list("pk", flat=True):
        inbox.process(key)


def test_200_shuffled_and_doubled_histories_end_as_the_sorted_ones(post: Any, relay: Any, settings: Any) -> None:
    chance = random.Random(7)
    settings.RATE_LIMIT_VERIFIED = 10**6
    settings.ADMIN_EMAIL = []
    told = histories(relay, chance)
    shuffled = [body for history in told for body in history]
    shuffled += chance.sample(shuffled, len(shuffled) // 2)
    chance.shuffle(shuffled)

    for number, body in enumerate(shuffled):
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

    granted = {
        history[0]["member"]["email"]
        for history in told
        if any(body["type"].endswith(("purchased", "renewed")) for body in history)
    }
    welcomed = sorted(EmailMessage.objects.values_list("to", flat=True))
    assert welcomed == sorted(granted), "one welcome for everybody who was granted something"
