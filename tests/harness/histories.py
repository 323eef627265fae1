"""Subscription histories as a relay tells them, and what each amounts to when it is told once and in order."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.memberships.models.subscription import FactKind
from accounts.memberships.subscription_state import Fact, State, state_of

KINDS = ("renewed", "canceled", "expired", "renewed")
FIRST = datetime(2025, 2, 1, tzinfo=UTC)
KIND_OF = {"offer.purchased": FactKind.PURCHASED} | {
    f"member.subscription.{kind}": FactKind(kind) for kind in ("renewed", "canceled", "expired")
}
History = list[dict[str, Any]]


def histories(relay: Callable[..., dict[str, Any]], chance: random.Random, *, count: int) -> list[History]:
    """Each: a purchase and up to four later events of one member, in their order; some without the purchase.

    `relay(type, id, email, **fields)` makes the body of an event.
    """
    told = []
    for number in range(count):
        moment = FIRST + timedelta(days=chance.randrange(600), seconds=number)
        kinds = ["offer.purchased"] * chance.choice((1, 1, 1, 0)) + [
            f"member.subscription.{kind}" for kind in chance.choices(KINDS, k=chance.randrange(1, 4))
        ]
        history = []
        for step, kind in enumerate(kinds):
            email, event_id = f"member{number}@example.com", f"evt_{number}-{step}"
            member = {"id": f"mem_{number}", "email": email, "first_name": "Jane"}
            history.append(relay(kind, event_id, email, occurred_at=moment.isoformat(), member=member))
            moment += timedelta(days=chance.choice((0, 1, 20, 180, 350, 370)))
        told.append(history)
    return told


def shuffled_and_doubled(told: list[History], chance: random.Random) -> History:
    """Every event of all histories in any order, half of them twice."""
    bodies = [body for history in told for body in history]
    bodies += chance.sample(bodies, len(bodies) // 2)
    chance.shuffle(bodies)
    return bodies


def state_of_sorted(history: History, now: datetime) -> State:
    """What the events of a history amount to, told once and in their order."""
    facts = [
        Fact(key=body["id"], kind=KIND_OF[body["type"]], occurred_at=datetime.fromisoformat(body["occurred_at"]))
        for body in history
    ]
    return state_of(facts, period_months=12, now=now)


def granted(told: list[History]) -> list[str]:
    """The addresses of those who were ever granted something, and so are welcomed, once."""
    return sorted(
        history[0]["member"]["email"]
        for history in told
        if any(body["type"].endswith(("purchased", "renewed")) for body in history)
    )
