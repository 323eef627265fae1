"""The inbox: `process` translates, handles and closes what `intake` kept; `retry` and `ignore` are for staff."""

import hashlib
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.models.email_message import EmailMessage
from accounts.people import forgotten
from core.cause import Cause
from core.queue.delivery import MAX_CRASHES, LeaseLost
from core.queue.wakeup import wake_on_commit
from core.text import storable
from integrations.contracts.events import Event
from integrations.contracts.exceptions import ForgottenHere, NotThereYet, Permanent, Unmatched, Unreadable
from integrations.contracts.webhook import StoredWebhook
from integrations.handlers import Change, Context, handle, persons
from integrations.inbox.attempts import contact_in, note
from integrations.inbox.models import Effect, InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status
from integrations.inbox.receive import PROCESS_TASK
from integrations.registry import provider as provider_of
from integrations.toolkit import log_lines
from integrations.toolkit.reading import digest_of

NOT_THERE_FOR = timedelta(minutes=10)  # what a provider does not know may show up so long after it was told of
Outcome = InboxAttempt.Outcome
ERASED = "its person was erased"
REMOVED = "its contents were removed; nothing is left to process"
_SET_BY_CLOSE = ("status", "next_attempt_at", "wake_at", "finished_at", "crashes", "last_error")


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
        note(attempt, started, Outcome.LEASE_LOST)
    except ForgottenHere as reason:
        _drop(event, attempt, started, str(reason))
    except Unmatched as reason:
        _end(event, attempt, started, Outcome.UNMATCHED, str(reason))
    except NotThereYet as error:
        if timezone.now() < event.received_at + NOT_THERE_FOR:
            _end(event, attempt, started, Outcome.RETRY, str(error))
        else:
            _end(event, attempt, started, Outcome.FAILED, str(error))
    except (Permanent, Unreadable) as error:
        _end(event, attempt, started, Outcome.FAILED, str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 (where an attempt is recorded on its row)
        _end(event, attempt, started, Outcome.RETRY, described(error), trace=traceback.format_exc(limit=-30))


def retry(events: Iterable[InboxEvent]) -> int:
    """Make events due now, finished ones and those that wait for their next attempt; how many.

    Facts that they told before change nothing when they are told again. What could not be read stays as it is, and so
    does what was removed since (`pruned_at`): nothing is left to be processed.
    """
    count = 0
    for event in events:
        waits = event.status != Status.PENDING or event.failures
        if waits and event.payload is not None:
            with transaction.atomic():
                # Under its lock, so that its contents are not removed meanwhile.
                if InboxEvent.objects.select_for_update().filter(pk=event.pk, pruned_at=None).exists():
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


def without_person(event: InboxEvent, *, hide_id: bool, hide_key: bool) -> dict[str, Any]:
    """Return the columns of an event that is emptied because its person is erased; what is open is closed.

    Its key and id stay, so that a late copy is one, unless they name the person themselves (`hide_key`, `hide_id`).
    """
    is_open = event.status not in (Status.PROCESSED, Status.IGNORED)
    columns: dict[str, Any] = {
        "body": b"",
        "payload": None,
        "headers": {},
        "source_address": "",
        "person_email": "",
        "last_error": "",
        "reason": ERASED if is_open or event.reason else "",
        "content_digest": event.content_digest or (digest_of(event.payload) if event.payload is not None else ""),
        "pruned_at": timezone.now(),
        "is_erased": True,
    }
    if hide_id:
        columns["external_id"] = ""
    if hide_key:
        columns["key"] = f"forgotten:{event.pk}"
    if is_open:
        columns |= {"status": Status.IGNORED, "next_attempt_at": None, "wake_at": None}
        columns |= {"finished_at": event.finished_at or timezone.now(), "crashes": 0}
    return columns


def _drop(event: InboxEvent, attempt: InboxAttempt, started: float, reason: str) -> None:
    """End an event about somebody who was erased: it is ignored, and nothing of it is kept."""
    hide = forgotten.since(provider=event.provider, identities={"contact": event.external_id}) is not None
    columns = without_person(event, hide_id=hide, hide_key=hide and event.external_id in event.key.split(":"))
    columns = {name: value for name, value in columns.items() if name not in _SET_BY_CLOSE}
    with transaction.atomic():
        try:
            event.close(Status.IGNORED, **{**columns, "reason": reason})
            note(attempt, started, Outcome.DONE)
        except LeaseLost:
            note(attempt, started, Outcome.LEASE_LOST)


def _apply(event: InboxEvent, attempt: InboxAttempt, started: float) -> None:
    """Translate an event and do what it tells, in one transaction with its end.

    Each fact stands for itself: where one waits for staff, the others are kept, and the event ends as unmatched.
    """
    if event.pruned_at is not None:
        raise Permanent(REMOVED)
    provider, webhook = provider_of(event.provider), stored(event)
    is_connected = provider.is_connected()
    if is_connected and provider.confirm is not None and provider.is_hint(webhook):
        event.person_email = event.person_email or persons.claimed(webhook, provider)
        webhook = provider.confirm(webhook)
    told = provider.parse(webhook)
    stated = persons.told(told)
    event.person_email = stated or event.person_email
    if named := contact_in(told):
        log_lines.syncing(provider, contact=named, event=event)
    context = Context(
        provider=event.provider,
        key="",
        cause=Cause(text=str(event), event_id=event.pk),
        reads_contacts=is_connected and provider.read_contact is not None,
    )
    with transaction.atomic():
        changes, waiting = _handled(told, [replace(context, key=_fact_key(event, n)) for n in range(len(told))])
        record_effects(event, changes)
        event.person_email = stated or persons.found(told, changes, provider=event.provider) or event.person_email
        status = Status.UNMATCHED if waiting else Status.PROCESSED
        event.close(status, reason=waiting, person_email=event.person_email)
        note(attempt, started, Outcome.UNMATCHED if waiting else Outcome.DONE, error=waiting, changes=changes)


def stored(event: InboxEvent) -> StoredWebhook:
    """Return an event as its provider reads it."""
    told_again = provider_of(event.provider).told_again
    return StoredWebhook(
        endpoint=event.endpoint,
        event_type=event.event_type,
        external_id=event.external_id,
        payload=event.payload or {},
        received_at=(event.event_type in told_again and event.last_duplicate_at) or event.received_at,
        is_signed=event.is_signed,
    )


def _handled(told: Sequence[Event], contexts: Sequence[Context]) -> tuple[list[Change], str]:
    """Return what the facts changed, and why some of them wait for staff ("": none).

    Raises Unmatched where all of them do.
    """
    if len(told) == 1:
        return handle(told[0], contexts[0]), ""
    changes: list[Change] = []
    reasons: dict[str, None] = {}
    done = erased = 0
    for fact, context in zip(told, contexts, strict=True):
        try:
            with transaction.atomic():
                changes += handle(fact, context)
            done += 1
        except Unmatched as reason:
            reasons[str(reason)] = None
            erased += isinstance(reason, ForgottenHere)
    waiting = "; ".join(reasons)
    if waiting and not done:
        raise ForgottenHere(waiting) if erased == len(told) else Unmatched(waiting)
    return changes, waiting


def _fact_key(event: InboxEvent, number: int) -> str:
    """A key for the `number`-th fact of an event that stays the same in every attempt and every replay."""
    key = event.key if len(event.key) <= 150 else hashlib.sha256(event.key.encode()).hexdigest()
    return f"{key}/{number}" if number else key


def record_effects(event: InboxEvent, changes: list[Change]) -> None:
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
        note(attempt, started, outcome, error=error, trace=trace)
        if failed:
            tell_staff(event, error)


def tell_staff(event: InboxEvent, error: str) -> None:
    """Owe staff a word about a failed event, once for each of its ends."""
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


def described(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}"
    return text.encode("utf-8", "backslashreplace").decode()[:2000]
