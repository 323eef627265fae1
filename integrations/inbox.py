"""The inbox's two ends: `receive` verifies and keeps, `process` parses, handles and closes."""

import hashlib
import logging
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.addresses import InvalidAddress, normalise
from accounts.models.delivery import GRACE, MAX_CRASHES, LeaseLost
from accounts.models.email_message import EmailMessage
from accounts.services import emails
from accounts.services.cause import Cause
from accounts.wakeup import wake_on_commit
from integrations.contracts.events import Event, MembershipEvent
from integrations.contracts.exceptions import Permanent, Unmatched, Unreadable
from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.webhook import Envelope, StoredWebhook, WebhookRequest
from integrations.handlers import Change, Context, handle
from integrations.models import Effect, InboxAttempt, InboxEvent
from integrations.models.inbox import Status
from integrations.registry import provider as provider_of
from integrations.toolkit.reading import read_json_object, redacted_headers, storable

logger = logging.getLogger(__name__)
PROCESS_TASK = "integrations.process_events"
Outcome = InboxAttempt.Outcome


class NotVerified(Exception):
    """The sender did not prove itself; nothing was kept. The message is the reason, for the log."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a delivery: its row, whether that was there before, and why it cannot be read ("": it can)."""

    event_id: int
    duplicate: bool = False
    unreadable: str = ""


def verify(provider: Provider, endpoint: Endpoint, request: WebhookRequest) -> None:
    """Raises NotVerified unless the first proof that the sender offers is right. No secret configured, no entry."""
    for verifier in endpoint.verifiers:
        if verifier.is_offered(request):
            if verifier.accepts(request):
                return
            raise NotVerified(f"wrong {verifier.setting}")
    if provider.key not in settings.WEBHOOKS_ALLOW_UNSIGNED:
        raise NotVerified("neither signature nor token")


def receive(provider: Provider, endpoint: Endpoint, request: WebhookRequest) -> Receipt:
    """Keep a verified delivery, whole, in one INSERT, and wake a worker; the receipt is true once this returns.

    What cannot be read is kept too, as failed. The same key again is counted on its row; with another body the first
    one stands and the other is kept beside it, ignored, for staff.
    """
    event = _event(provider, endpoint, request)
    same_body = event.keep()
    if event.duplicates:
        if not same_body:
            _keep_contradiction(event.pk, _event(provider, endpoint, request))
        return Receipt(event_id=event.pk, duplicate=True, unreadable=event.last_error)
    if event.status == Status.PENDING:
        wake_on_commit(PROCESS_TASK, event.pk)
    return Receipt(event_id=event.pk, unreadable=event.last_error)


def process(event_id: int) -> None:
    """Bring a due event to its end: claim it, translate it, handle it and close it, effects and end in one transaction.

    Whatever goes wrong is on the event and its attempt afterwards; nothing is raised but for a database that is away,
    and then the row falls due again by its lease.
    """
    with transaction.atomic():
        event = InboxEvent.objects.claim(event_id)
        if event is None:
            return
        attempt = InboxAttempt.objects.create(event=event, number=event.attempts, started_at=timezone.now())
    started = time.monotonic()
    try:
        if event.crashes > MAX_CRASHES:
            raise Permanent(f"gave up: the worker died {MAX_CRASHES} times over this event")
        _apply(event, attempt, started)
    except LeaseLost:
        logger.warning("attempt came too late", extra={"event_id": event.pk, "attempt": attempt.number})
        _note(attempt, started, Outcome.LEASE_LOST)
    except Unmatched as reason:
        _end(event, attempt, started, Outcome.UNMATCHED, str(reason))
    except (Permanent, Unreadable) as error:
        _end(event, attempt, started, Outcome.FAILED, str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 (where an attempt is recorded on its row)
        _end(event, attempt, started, Outcome.RETRY, _described(error), trace=traceback.format_exc(limit=-30))


def retry(events: Iterable[InboxEvent]) -> int:
    """Make events due now, finished ones and those that wait for their next attempt; how many.

    Facts that they told before change nothing when they are told again. What could not be read stays as it is.
    """
    count = 0
    for event in events:
        waits = event.status != Status.PENDING or event.failures
        if waits and event.payload is not None:
            event.requeue(reason="")
            wake_on_commit(PROCESS_TASK, event.pk)
            count += 1
    return count


def ignore(events: Iterable[InboxEvent], *, reason: str, cause: Cause) -> int:
    """Set events aside that nobody needs to act on; how many. Processed ones stay as they are."""
    count = 0
    for event in events:
        open_ones = InboxEvent.objects.filter(pk=event.pk).exclude(status__in=[Status.PROCESSED, Status.IGNORED])
        count += open_ones.update(
            status=Status.IGNORED,
            reason=f"{reason} ({cause.text})",
            next_attempt_at=None,
            wake_at=None,
            finished_at=timezone.now(),
        )
    return count


def _event(provider: Provider, endpoint: Endpoint, request: WebhookRequest) -> InboxEvent:
    """The row for a request, not saved: pending, ignored, or failed where the body cannot be read."""
    now = timezone.now()
    event = InboxEvent(
        provider=provider.key,
        endpoint=endpoint.name,
        body=request.body,
        body_digest=hashlib.sha256(request.body).hexdigest(),
        headers=redacted_headers(request.headers),
        source_address=request.source_address,
        received_at=now,
    )
    try:
        payload = read_json_object(request.body)
        envelope = endpoint.read(payload)
    except Unreadable as error:
        event.key = f"unreadable:{event.body_digest}"
        event.reason = event.last_error = str(storable(str(error)))
        _finished(event, Status.FAILED, now)
        return event
    event.payload = storable(payload)
    event.event_type, event.external_id = storable(envelope.event_type), storable(envelope.external_id)
    event.key = _key(envelope)
    if envelope.event_type in provider.handled:
        event.next_attempt_at, event.wake_at = now, now + GRACE
    else:
        event.reason = provider.ignored.get(envelope.event_type, f"unknown type {event.event_type}")
        _finished(event, Status.IGNORED, now)
    return event


def _key(envelope: Envelope) -> str:
    """The envelope's key as it fits into its column; a longer one by its digest, so that no two become the same."""
    key = str(storable(envelope.key))
    if key != envelope.key or len(key) > 300:
        return "long:" + hashlib.sha256(repr(envelope.key).encode()).hexdigest()
    return key


def _finished(event: InboxEvent, status: Status, now: datetime) -> None:
    event.status, event.finished_at, event.next_attempt_at, event.wake_at = status, now, None, None


def _keep_contradiction(first_id: int, other: InboxEvent) -> None:
    """Keep a body that says something else under a known key, for staff; another spelling of the same is none."""
    first = InboxEvent.objects.only("payload").get(pk=first_id)
    if first.payload == other.payload:
        return
    InboxEvent.objects.filter(pk=first_id).update(conflicts=F("conflicts") + 1)
    other.key = f"{other.key[:300]}#{other.body_digest}"
    other.reason = f"contradicts event {first_id}: the same id with another body; the first one stands"
    _finished(other, Status.IGNORED, other.received_at)
    other.keep()


def _apply(event: InboxEvent, attempt: InboxAttempt, started: float) -> None:
    told = provider_of(event.provider).parse(
        StoredWebhook(
            endpoint=event.endpoint,
            event_type=event.event_type,
            external_id=event.external_id,
            payload=event.payload or {},
            received_at=event.received_at,
        )
    )
    event.person_email = _person(told) or event.person_email
    cause = Cause(text=str(event), event_id=event.pk)
    with transaction.atomic():
        changes = [
            change
            for number, fact in enumerate(told)
            for change in handle(fact, Context(provider=event.provider, key=_fact_key(event, number), cause=cause))
        ]
        _record_effects(event, changes)
        event.close(Status.PROCESSED, reason="", person_email=event.person_email)
        _note(attempt, started, Outcome.DONE)


def _fact_key(event: InboxEvent, number: int) -> str:
    """A key for the `number`-th fact of an event that stays the same in every attempt and every replay."""
    key = event.key if len(event.key) <= 150 else hashlib.sha256(event.key.encode()).hexdigest()
    return f"{key}/{number}" if number else key


def _person(told: list[Event]) -> str:
    """The first e-mail in the events, as it is searched for."""
    for event in told:
        if isinstance(event, MembershipEvent) and event.buyer.email:
            try:
                return normalise(event.buyer.email)
            except InvalidAddress:
                return event.buyer.email[:254]
    return ""


def _record_effects(event: InboxEvent, changes: list[Change]) -> None:
    types = ContentType.objects.get_for_models(*{type(change.target) for change in changes})
    Effect.objects.bulk_create(
        Effect(
            event=event,
            description=change.description[:300],
            content_type=types[type(change.target)],
            object_id=change.target.pk,
        )
        for change in changes
    )


def _end(
    event: InboxEvent,
    attempt: InboxAttempt,
    started: float,
    outcome: InboxAttempt.Outcome,
    error: str,
    *,
    trace: str = "",
) -> None:
    """Write an attempt's bad end on its event; a failed event is told to staff once."""
    error, trace = str(storable(error)), str(storable(trace))
    with transaction.atomic():
        try:
            if outcome == Outcome.RETRY:
                failed = event.back_off(error)
                InboxEvent.objects.filter(pk=event.pk).update(person_email=event.person_email)
            else:
                failed = outcome == Outcome.FAILED
                status = Status.FAILED if failed else Status.UNMATCHED
                event.close(status, error=error if failed else "", reason=error, person_email=event.person_email)
        except LeaseLost:
            outcome, failed = Outcome.LEASE_LOST, False
        _note(attempt, started, outcome, error=error, trace=trace)
        if failed:
            _tell_staff(event, error)
    logger.warning(
        "event not processed",
        extra={"event_id": event.pk, "attempt": attempt.number, "outcome": outcome, "error": error},
    )


def _tell_staff(event: InboxEvent, error: str) -> None:
    emails.owe_staff(
        EmailMessage.Kind.STAFF_EVENT_FAILED,
        key=f"event-failed:{event.pk}:{event.attempts}",
        context={
            "provider": event.provider,
            "event_type": event.event_type,
            "event_id": event.pk,
            "error": error[:500],
            "admin_path": f"/admin/integrations/inboxevent/{event.pk}/change/",
        },
    )


def _note(
    attempt: InboxAttempt, started: float, outcome: InboxAttempt.Outcome, *, error: str = "", trace: str = ""
) -> None:
    InboxAttempt.objects.filter(pk=attempt.pk).update(
        outcome=outcome, duration_ms=int((time.monotonic() - started) * 1000), error=error, traceback=trace
    )


def _described(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}"
    return text.encode("utf-8", "backslashreplace").decode()[:2000]
