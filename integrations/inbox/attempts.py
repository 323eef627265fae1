"""Record of an attempt at an event: its end on its row, the counts, its log line."""

import time
from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.utils import timezone

from integrations.handlers import Change
from integrations.inbox.models import InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status
from integrations.registry import provider as provider_of
from integrations.toolkit import counting, log_lines

Outcome = InboxAttempt.Outcome


def begin(event: InboxEvent) -> None:
    """Store that an attempt began, in the transaction that claims its event."""
    InboxAttempt.objects.create(event=event, number=event.attempts, started_at=timezone.now())


def end(
    event: InboxEvent,
    outcome: InboxAttempt.Outcome,
    *,
    error: str = "",
    trace: str = "",
    changes: Sequence[Change] = (),
) -> None:
    """Store the end of an event's attempt on its row; it is counted and logged after the commit."""
    seconds = time.monotonic() - event.claimed_at
    InboxAttempt.objects.filter(event=event, number=event.attempts).update(
        outcome=outcome, duration_ms=int(seconds * 1000), error=error, traceback=trace
    )
    result = event.status
    if outcome == Outcome.LEASE_LOST:
        result, error = outcome, "the attempt came too late, another one took over"
    elif event.status == Status.PENDING:
        result = Outcome.RETRY
    transaction.on_commit(partial(counting.EVENTS.add, event.provider, str(outcome)))
    transaction.on_commit(partial(counting.EVENT_SECONDS.observe, seconds, event.provider))
    transaction.on_commit(
        partial(
            log_lines.ended,
            provider_of(event.provider),
            event,
            outcome=str(result),
            attempt=event.attempts,
            seconds=seconds,
            reason=error,
            changes=[change.description for change in changes],
        )
    )


def end_lost(event: InboxEvent) -> None:
    """Store that an attempt came too late: its effects were rolled back."""
    end(event, Outcome.LEASE_LOST)
