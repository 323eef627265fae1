"""Dates of membership events that can be read and cannot be right."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from accounts.memberships.facts import SALES
from integrations.contracts.events import Event
from integrations.contracts.membership_events import MembershipEvent
from integrations.handlers.memberships import FACT_OF

AHEAD = timedelta(days=1)  # clocks and time zones of senders are off by less


def impossible_dates(events: Iterable[Event], *, received_at: datetime) -> list[str]:
    """Return, for staff, what has not happened yet, and what had ended before it was paid."""
    found = []
    for event in events:
        if not isinstance(event, MembershipEvent):
            continue
        if event.occurred_at > received_at + AHEAD:
            found.append(f"it is dated {event.occurred_at:%Y-%m-%d}, which is still to come")
        if FACT_OF[type(event)] in SALES and event.period_end is not None and event.period_end <= event.occurred_at:
            found.append(f"its end, {event.period_end:%Y-%m-%d}, is before the day of the payment")
    return found
