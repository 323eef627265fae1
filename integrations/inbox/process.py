"""Processing of stored events: translate, handle, close; `retry` and `ignore` are for staff."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from accounts.mail import emails, questions
from accounts.mail.models.email_message import EmailMessage
from accounts.people import forgotten
from core.cause import Cause
from core.queue.outcomes import TryAgain
from core.queue.runner import Failure, JobKind
from core.queue.wakeup import wake_on_commit
from core.text import storable
from integrations.contracts.events import Event, MembershipEvent
from integrations.contracts.exceptions import NotFoundYet, Permanent, PersonErased, Unmatched, Unreadable
from integrations.contracts.webhook import StoredWebhook
from integrations.handlers import Change, Context, handle, persons
from integrations.inbox import attempts
from integrations.inbox.models import Effect, InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status
from integrations.registry import provider as provider_of
from integrations.toolkit import log_lines
from integrations.toolkit.reading import digest_of, noting_doubts

NOT_FOUND_FOR = timedelta(minutes=10)  # a record that an event names may appear in its provider's API so much later
Outcome = InboxAttempt.Outcome
ERASED = "its person was erased"
REMOVED = "its contents were removed; nothing is left to process"
_SET_BY_CLOSE = ("status", "next_attempt_at", "wake_at", "finished_at", "crashes", "last_error")


def _process(event: InboxEvent) -> None:
    """Process a claimed event to its end; effects and end are one transaction."""
    try:
        _apply(event)
    except PersonErased as reason:
        _end_erased(event, str(reason))
    except Unmatched as reason:
        with transaction.atomic():
            event.close(Status.UNMATCHED, reason=storable(str(reason)), person_email=event.person_email)
            attempts.end(event, Outcome.UNMATCHED, error=event.reason)
            _ask(event, [reason])
    except NotFoundYet as error:
        if timezone.now() < event.received_at + NOT_FOUND_FOR:
            raise TryAgain(str(error)) from error
        raise Permanent(str(error)) from error
    except Unreadable as error:
        raise Permanent(str(error)) from error


def retry(events: Iterable[InboxEvent]) -> int:
    """Make events due now, finished ones and those that wait for their next attempt; return how many.

    Facts that were applied before change nothing when they are applied again. Unreadable events stay as they are, and
    so do those whose contents were removed since (`pruned_at`): nothing is left to process.
    """
    count = 0
    for event in events:
        is_retryable = event.status != Status.PENDING or event.failures
        if is_retryable and event.payload is not None:
            with transaction.atomic():
                # Under its lock, so that its contents are not removed meanwhile.
                if InboxEvent.objects.select_for_update().filter(pk=event.pk, pruned_at=None).exists():
                    event.requeue(reason="")
                    wake_on_commit(event)
                    count += 1
    return count


def ignore(events: Iterable[InboxEvent], *, reason: str, cause: Cause) -> int:
    """Set events aside that nobody needs to act on, and return how many. Processed ones stay as they are."""
    count = 0
    for event in events:
        unfinished = InboxEvent.objects.filter(pk=event.pk).exclude(status__in=[Status.PROCESSED, Status.IGNORED])
        count += unfinished.update(
            status=Status.IGNORED,
            reason=f"{reason} ({cause.text})",
            next_attempt_at=None,
            wake_at=None,
            finished_at=timezone.now(),
        )
    return count


def erased_columns(event: InboxEvent, *, hide_id: bool, hide_key: bool) -> dict[str, Any]:
    """Return the columns of an event that is emptied because its person is erased; an open one is closed.

    Its key and id stay, so that a late copy is a duplicate, unless they name the person (`hide_key`, `hide_id`).
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


def _end_erased(event: InboxEvent, reason: str) -> None:
    """End an event about an erased person: it is ignored, and its contents are removed."""
    hide = forgotten.since(provider=event.provider, identities={"contact": event.external_id}) is not None
    columns = erased_columns(event, hide_id=hide, hide_key=hide and event.external_id in event.key.split(":"))
    columns = {name: value for name, value in columns.items() if name not in _SET_BY_CLOSE}
    with transaction.atomic():
        event.close(Status.IGNORED, **{**columns, "reason": reason})
        attempts.end(event, Outcome.DONE)


def _apply(event: InboxEvent) -> None:
    """Translate an event and apply its facts, in one transaction with its end.

    Each fact is applied by itself: where one needs review the others stay, and the event ends as unmatched.
    """
    if event.pruned_at is not None:
        raise Permanent(REMOVED)
    provider, webhook = provider_of(event.provider), as_webhook(event)
    is_connected = provider.is_connected()
    if is_connected and provider.confirm is not None and provider.is_hint(webhook):
        event.person_email = event.person_email or persons.unconfirmed_email(webhook, provider)
        webhook = provider.confirm(webhook)
    with noting_doubts() as doubts:
        facts = provider.parse(webhook)
    stated = persons.stated_email(facts)
    event.person_email = stated or event.person_email
    for fact in facts:
        person = fact.buyer if isinstance(fact, MembershipEvent) else fact
        ids: Mapping[str, str] = getattr(person, "identities", {})
        if named := ids.get("contact") or getattr(person, "email", "") or next(iter(ids.values()), ""):
            log_lines.syncing(provider, contact=str(named), event=event)
            break
    with transaction.atomic():
        changes, problem = _handle(event, facts, reads_contacts=is_connected and provider.read_contact is not None)
        reviews = [*doubts, *(change.review for change in changes)]
        problem = "; ".join(dict.fromkeys(filter(None, [problem, *reviews])))
        if doubts:
            day, source = f"{event.received_at:%Y-%m-%d}", f"{event.provider}:{event.endpoint}:{event.event_type}"
            _ask(event, [Unmatched(question="unreadable_date", about=f"{source}:{day}", details=doubts)])
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
        event.person_email = stated or persons.known_email(facts, changes, provider=provider.key) or event.person_email
        status = Status.UNMATCHED if problem else Status.PROCESSED
        event.close(status, reason=problem, person_email=event.person_email)
        attempts.end(event, Outcome.UNMATCHED if problem else Outcome.DONE, error=problem, changes=changes)


def as_webhook(event: InboxEvent) -> StoredWebhook:
    """Return an event in the form that its provider translates."""
    repeatable = provider_of(event.provider).repeatable
    return StoredWebhook(
        endpoint=event.endpoint,
        event_type=event.event_type,
        external_id=event.external_id,
        payload=event.payload or {},
        received_at=(event.event_type in repeatable and event.last_duplicate_at) or event.received_at,
        is_signed=event.is_signed,
    )


def _handle(event: InboxEvent, facts: Sequence[Event], *, reads_contacts: bool) -> tuple[list[Change], str]:
    """Apply the facts of an event; return their changes, and why some of them need review ("": none).

    Raises Unmatched where all of them do. The key of a fact stays the same in every attempt and every replay.
    """
    key = event.key if len(event.key) <= 150 else hashlib.sha256(event.key.encode()).hexdigest()
    cause = Cause(text=str(event), event_id=event.pk)
    context = Context(provider=event.provider, key=key, cause=cause, reads_contacts=reads_contacts)
    changes: list[Change] = []
    reasons: dict[str, None] = {}
    raised: list[Unmatched] = []
    done = erased = 0
    for number, fact in enumerate(facts):
        try:
            with transaction.atomic(savepoint=len(facts) > 1):
                changes += handle(fact, replace(context, key=f"{key}/{number}" if number else key))
            done += 1
        except Unmatched as reason:
            reasons[str(reason)] = None
            raised.append(reason)
            erased += isinstance(reason, PersonErased)
    problem = "; ".join(reasons)
    if reasons and not done:
        if erased == len(facts):
            raise PersonErased(problem)
        first = next((one for one in raised if one.question), raised[0])
        raise Unmatched(problem, question=first.question, about=first.about, details=first.details)
    _ask(event, raised)
    return changes, problem


def _ask(event: InboxEvent, reasons: Iterable[Unmatched]) -> None:
    """Ask staff by mail what the event itself cannot answer, once for what each question is about."""
    for reason in reasons:
        if reason.question:
            questions.ask(
                reason.question,
                key=f"{reason.question}:{reason.about}",
                provider=event.provider,
                details=reason.details,
                admin_path=f"/admin/integrations/inboxevent/{event.pk}/change/",
            )


def _store_failure(event: InboxEvent, failure: Failure) -> None:
    """Store a failed attempt on its rows; staff are notified of a failed event once."""
    columns = {"person_email": event.person_email} | ({"reason": failure.error} if failure.is_permanent else {})
    InboxEvent.objects.filter(pk=event.pk).update(**columns)
    outcome = Outcome.FAILED if failure.is_permanent else Outcome.RETRY
    attempts.end(event, outcome, error=failure.error, trace=failure.trace)
    if failure.is_last:
        notify_staff(event, failure.error)


def notify_staff(event: InboxEvent, error: str) -> None:
    """Notify staff of a failed event, once for each of its ends."""
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
    on_claim=attempts.begin,
    on_failure=_store_failure,
    on_lost=attempts.end_lost,
    stores_database_errors=True,
    logs_itself=True,
)
