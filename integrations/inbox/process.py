"""The work on a stored event: translate it, handle it, close it; `retry` and `ignore` are for staff."""

import hashlib
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
from core.queue.outcomes import TryAgain
from core.queue.runner import Failure, JobKind
from core.queue.wakeup import wake_on_commit
from core.text import storable
from integrations.contracts.events import Event
from integrations.contracts.exceptions import NotFoundYet, Permanent, PersonErased, Unmatched, Unreadable
from integrations.contracts.webhook import StoredWebhook
from integrations.handlers import Change, Context, handle, persons
from integrations.inbox.attempts import begin, contact_in, note, note_lost
from integrations.inbox.models import Effect, InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status
from integrations.registry import provider as provider_of
from integrations.toolkit import log_lines
from integrations.toolkit.reading import digest_of

NOT_THERE_FOR = timedelta(minutes=10)  # what a provider does not know may show up so long after it was told of
Outcome = InboxAttempt.Outcome
ERASED = "its person was erased"
REMOVED = "its contents were removed; nothing is left to process"
_SET_BY_CLOSE = ("status", "next_attempt_at", "wake_at", "finished_at", "crashes", "last_error")


def _process(event: InboxEvent) -> None:
    """Bring a claimed event to its end: translate it, handle it and close it, effects and end in one transaction."""
    try:
        _apply(event)
    except PersonErased as reason:
        _drop(event, str(reason))
    except Unmatched as reason:
        with transaction.atomic():
            event.close(Status.UNMATCHED, reason=storable(str(reason)), person_email=event.person_email)
            note(event, Outcome.UNMATCHED, error=event.reason)
    except NotFoundYet as error:
        if timezone.now() < event.received_at + NOT_THERE_FOR:
            raise TryAgain(str(error)) from error
        raise Permanent(str(error)) from error
    except Unreadable as error:
        raise Permanent(str(error)) from error


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
                    wake_on_commit(event)
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


def _drop(event: InboxEvent, reason: str) -> None:
    """End an event about somebody who was erased: it is ignored, and nothing of it is kept."""
    hide = forgotten.since(provider=event.provider, identities={"contact": event.external_id}) is not None
    columns = without_person(event, hide_id=hide, hide_key=hide and event.external_id in event.key.split(":"))
    columns = {name: value for name, value in columns.items() if name not in _SET_BY_CLOSE}
    with transaction.atomic():
        event.close(Status.IGNORED, **{**columns, "reason": reason})
        note(event, Outcome.DONE)


def _apply(event: InboxEvent) -> None:
    """Translate an event and do what it tells, in one transaction with its end.

    Each fact stands for itself: where one waits for staff, the others are kept, and the event ends as unmatched.
    """
    if event.pruned_at is not None:
        raise Permanent(REMOVED)
    provider, webhook = provider_of(event.provider), stored(event)
    is_connected = provider.is_connected()
    if is_connected and provider.confirm is not None and provider.is_hint(webhook):
        event.person_email = event.person_email or persons.unconfirmed_email(webhook, provider)
        webhook = provider.confirm(webhook)
    told = provider.parse(webhook)
    stated = persons.stated_email(told)
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
        event.person_email = stated or persons.known_email(told, changes, provider=event.provider) or event.person_email
        status = Status.UNMATCHED if waiting else Status.PROCESSED
        event.close(status, reason=waiting, person_email=event.person_email)
        note(event, Outcome.UNMATCHED if waiting else Outcome.DONE, error=waiting, changes=changes)


def stored(event: InboxEvent) -> StoredWebhook:
    """Return an event as its provider reads it."""
    repeatable = provider_of(event.provider).repeatable
    return StoredWebhook(
        endpoint=event.endpoint,
        event_type=event.event_type,
        external_id=event.external_id,
        payload=event.payload or {},
        received_at=(event.event_type in repeatable and event.last_duplicate_at) or event.received_at,
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
            erased += isinstance(reason, PersonErased)
    waiting = "; ".join(reasons)
    if waiting and not done:
        raise PersonErased(waiting) if erased == len(told) else Unmatched(waiting)
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


def _note_failure(event: InboxEvent, failure: Failure) -> None:
    """Write a failed attempt on its rows; a failed event is told to staff once."""
    columns = {"person_email": event.person_email} | ({"reason": failure.error} if failure.is_permanent else {})
    InboxEvent.objects.filter(pk=event.pk).update(**columns)
    outcome = Outcome.FAILED if failure.is_permanent else Outcome.RETRY
    note(event, outcome, error=failure.error, trace=failure.trace)
    if failure.is_last:
        tell_staff(event, failure.error)


def tell_staff(event: InboxEvent, error: str) -> None:
    """Owe staff a word about a failed event, once for each of its ends."""
    emails.notify_staff(
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


JOBS = JobKind(
    model=InboxEvent,
    work=_process,
    noun="event",
    on_claim=begin,
    on_failure=_note_failure,
    on_lost=note_lost,
    stores_database_errors=True,
    logs_itself=True,
)
