"""Record of an attempt at an event: its end on its row, the counts, its log line."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from django.db import transaction

from integrations.contracts.events import Event, MembershipEvent
from integrations.handlers import Change
from integrations.inbox.models import InboxAttempt
from integrations.inbox.models.event import Status
from integrations.registry import provider as provider_of
from integrations.toolkit import counting, log_lines

Outcome = InboxAttempt.Outcome


def note(
    attempt: InboxAttempt,
    started: float,
    outcome: InboxAttempt.Outcome,
    *,
    error: str = "",
    trace: str = "",
    changes: Sequence[Change] = (),
) -> None:
    """Write the end of an attempt on its row; once that is committed it is counted and has its line in the log.

    `started` is by the monotonic clock.
    """
    seconds = time.monotonic() - started
    InboxAttempt.objects.filter(pk=attempt.pk).update(
        outcome=outcome, duration_ms=int(seconds * 1000), error=error, traceback=trace
    )
    transaction.on_commit(partial(_report, attempt, outcome, seconds, error=error, changes=changes))


def _report(
    attempt: InboxAttempt, outcome: InboxAttempt.Outcome, seconds: float, *, error: str, changes: Sequence[Change]
) -> None:
    event = attempt.event
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
        attempt=attempt.number,
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
