"""Subscription histories as a relay sends them, and the state of each when sent once in order."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.subscription_state import State, state_of
from accounts.memberships.terms import PlanTerms

KINDS = ("renewed", "canceled", "expired", "renewed")
LAST = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)  # nothing reported is still to come
KIND_OF = {"offer.purchased": FactKind.PURCHASED} | {
    f"member.subscription.{kind}": FactKind(kind) for kind in ("renewed", "canceled", "expired")
}
History = list[dict[str, Any]]


def histories(relay: Callable[..., dict[str, Any]], chance: random.Random, *, count: int) -> list[History]:
    """Return histories: a purchase and up to four later events of one member, in order; some without the purchase.

    `relay(type, id, email, **fields)` makes the body of an event.
    """
    made = []
    for number in range(count):
        kinds = ["offer.purchased"] * chance.choice((1, 1, 1, 0)) + [
            f"member.subscription.{kind}" for kind in chance.choices(KINDS, k=chance.randrange(1, 4))
        ]
        steps = [timedelta(days=chance.choice((0, 1, 20, 180, 350, 370))) for _kind in kinds]
        moment = LAST - timedelta(days=chance.randrange(400), seconds=number) - sum(steps[1:], timedelta())
        history = []
        for step, kind in enumerate(kinds):
            moment += steps[step] if step else timedelta()
            email, event_id = f"member{number}@example.com", f"evt_{number}-{step}"
            member = {"id": f"mem_{number}", "email": email, "first_name": "Jane"}
            history.append(relay(kind, event_id, email, occurred_at=moment.isoformat(), member=member))
        made.append(history)
    return made


def shuffled_and_doubled(made: list[History], chance: random.Random) -> History:
    """Return every event of all histories in any order, half of them twice."""
    bodies = [body for history in made for body in history]
    bodies += chance.sample(bodies, len(bodies) // 2)
    chance.shuffle(bodies)
    return bodies


def state_of_sorted(history: History, now: datetime) -> State:
    """Return the state after the events of a history, sent once in order."""
    facts = [
        Fact(key=body["id"], kind=KIND_OF[body["type"]], occurred_at=datetime.fromisoformat(body["occurred_at"]))
        for body in history
    ]
    return state_of(facts, plan=PlanTerms(), now=now)


def granted(made: list[History]) -> list[str]:
    """Return the addresses of members who were ever granted access, and so are greeted once."""
    return sorted(
        history[0]["member"]["email"]
        for history in made
        if any(body["type"].endswith(("purchased", "renewed")) for body in history)
    )
