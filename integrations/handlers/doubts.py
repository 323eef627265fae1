"""Dates of membership events that can be read and cannot be right."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from accounts.memberships.facts import SALES
from core.phrases import DAY, Phrase
from integrations.contracts.events import Event
from integrations.contracts.membership_events import MembershipEvent
from integrations.handlers.memberships import FACT_OF

TO_COME = Phrase("it is dated {day}, which is still to come", day=DAY)
ENDED_BEFORE = Phrase("its end, {day}, is before the day of the payment", day=DAY)

AHEAD = timedelta(days=1)  # clocks and time zones of senders are off by less


def impossible_dates(events: Iterable[Event], *, received_at: datetime) -> list[str]:
    """Return, for staff, what has not happened yet, and what had ended before it was paid."""
    found = []
    for event in events:
        if not isinstance(event, MembershipEvent):
            continue
        if event.occurred_at > received_at + AHEAD:
            found.append(TO_COME(day=f"{event.occurred_at:%Y-%m-%d}"))
        if FACT_OF[type(event)] in SALES and event.period_end is not None and event.period_end <= event.occurred_at:
            found.append(ENDED_BEFORE(day=f"{event.period_end:%Y-%m-%d}"))
    return found
