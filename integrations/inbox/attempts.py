"""Record of an attempt at an event: its end on its row, the counts, its log line."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from django.db import transaction
from django.utils import timezone

from integrations.contracts.events import Event, MembershipEvent
from integrations.handlers import Change
from integrations.inbox.models import InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status
from integrations.registry import provider as provider_of
from integrations.toolkit import counting, log_lines

Outcome = InboxAttempt.Outcome


def begin(event: InboxEvent) -> None:
    """Write down that an attempt began, in the transaction that claims its event."""
    InboxAttempt.objects.create(event=event, number=event.attempts, started_at=timezone.now())


def note(
    event: InboxEvent,
    outcome: InboxAttempt.Outcome,
    *,
    error: str = "",
    trace: str = "",
    changes: Sequence[Change] = (),
) -> None:
    """Write the end of an event's attempt on its row; it is counted and has its line in the log after the commit."""
    seconds = time.monotonic() - event.claimed_at
    InboxAttempt.objects.filter(event=event, number=event.attempts).update(
        outcome=outcome, duration_ms=int(seconds * 1000), error=error, traceback=trace
    )
    transaction.on_commit(partial(_report, event, outcome, seconds, error=error, changes=changes))


def note_lost(event: InboxEvent) -> None:
    """Write down that an attempt came too late: nothing of it was kept."""
    note(event, Outcome.LEASE_LOST)


def _report(
    event: InboxEvent, outcome: InboxAttempt.Outcome, seconds: float, *, error: str, changes: Sequence[Change]
) -> None:
    counting.EVENTS.add(event.provider, str(outcome))
    counting.EVENT_SECONDS.observe(seconds, event.provider)
    if outcome == Outcome.LEASE_LOST:
        said, error = str(outcome), error or "the attempt came too late, another one took over"
    else:
        said = str(Outcome.RETRY if event.status == Status.PENDING else event.status)
    log_lines.ended(
        provider_of(event.provider),
        event,
        outcome=said,
        attempt=event.attempts,
        seconds=seconds,
        reason=error,
        changes=[change.description for change in changes],
    )


def contact_in(told: Sequence[Event]) -> str:
    """Return what names the first person in the events: the contact's id there, else an address, else another id."""
    for fact in told:
        person = fact.buyer if isinstance(fact, MembershipEvent) else fact
        ids: Mapping[str, str] = getattr(person, "identities", {})
        if named := ids.get("contact") or getattr(person, "email", "") or next(iter(ids.values()), ""):
            return str(named)
    return ""
