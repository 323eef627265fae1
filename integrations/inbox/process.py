"""Processing of stored events: translate, handle, close; `retry` and `ignore` are for staff."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.mail import questions
from core.cause import Cause
from core.queue.outcomes import TryAgain, Wait
from core.queue.runner import Failure, JobKind
from core.queue.wakeup import wake_on_commit
from core.text import storable
from integrations.contracts.events import Event
from integrations.contracts.exceptions import (
    NotFoundYet,
    Permanent,
    PersonErased,
    UnknownContact,
    Unmatched,
    Unreadable,
)
from integrations.contracts.membership_events import MembershipEvent
from integrations.handlers import Change, Context, handle, persons
from integrations.inbox import attempts, erased
from integrations.inbox.awaited import wait_for_contact
from integrations.inbox.models import Effect, InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status
from integrations.inbox.reading import Reading, read
from integrations.issues import failed
from integrations.outbox import circuits
from integrations.outbox.models import OutgoingWrite
from integrations.registry import provider as provider_of
from integrations.toolkit import log_lines
from integrations.toolkit.failures import NotPermitted

NOT_FOUND_FOR = timedelta(minutes=10)  # a record that an event names may appear in its provider's API so much later
Outcome = InboxAttempt.Outcome


def process(event: InboxEvent, *, read: Callable[[InboxEvent], Reading] = read) -> None:
    """Process a claimed event to its end; effects and end are one transaction. `read` may call its provider."""
    try:
        _apply(event, read(event))
    except PersonErased as reason:
        erased.end(event, reason=str(reason))
    except Unmatched as reason:
        if isinstance(reason, UnknownContact) and wait_for_contact(event, reason):
            attempts.end(event, Outcome.RETRY, error=str(reason))
            return
        with transaction.atomic():
            event.close(Status.UNMATCHED, reason=storable(str(reason)), person_email=event.person_email)
            attempts.end(event, Outcome.UNMATCHED, error=event.reason)
            _ask(event, [reason])
    except NotPermitted as error:  # nothing is wrong with the event: it waits until somebody mends that
        due = circuits.denied(event.provider, error)
        attempts.end(event, Outcome.RETRY, error=str(error))
        raise Wait(str(error), due=due) from error
    except NotFoundYet as error:
        if timezone.now() < event.received_at + NOT_FOUND_FOR:
            raise TryAgain(str(error)) from error
        raise Permanent(str(error)) from error
    except Unreadable as error:
        raise Permanent(str(error)) from error


def retry(events: Iterable[InboxEvent], *, wake: bool = True) -> int:
    """Make events due now, finished ones and those that wait for their next attempt; return how many.

    Facts that were applied before change nothing when they are applied again. Unreadable events stay as they are, and
    so do those whose contents were removed since (`pruned_at`): nothing is left to process.
    """
    count = 0
    for event in events:
        is_retryable = event.status != Status.PENDING or event.failures or event.awaits
        if is_retryable and event.payload is not None:
            with transaction.atomic():
                # Under its lock, so that its contents are not removed meanwhile.
                if InboxEvent.objects.select_for_update().filter(pk=event.pk, pruned_at=None).exists():
                    event.requeue(reason="")
                    if wake:
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
            reason=cause.after(reason),
            next_attempt_at=None,
            wake_at=None,
            finished_at=timezone.now(),
        )
    return count


def _apply(event: InboxEvent, found: Reading) -> None:
    """Apply the facts of an event, in one transaction with its end.

    Each fact is applied by itself: where one needs review the others stay, and the event ends as unmatched.
    """
    if found.echo is not None:
        _end_echo(event, found.echo)
        return
    if found.proved is not None and event.last_error:  # it may have waited for them
        circuits.permitted(event.provider, found.proved)
    provider, facts, doubts = provider_of(event.provider), found.facts, found.doubts
    stated = persons.stated_email(facts)
    event.person_email = stated or event.person_email
    for fact in facts:
        person = fact.buyer if isinstance(fact, MembershipEvent) else fact
        ids: Mapping[str, str] = getattr(person, "identities", {})
        if named := ids.get("contact") or getattr(person, "email", "") or next(iter(ids.values()), ""):
            transaction.on_commit(partial(log_lines.syncing, provider, contact=str(named), event=event))
            break
    reads_contacts = provider.is_connected() and provider.read_contact is not None
    with transaction.atomic():
        changes, problem, awaits = _handle(event, facts, reads_contacts=reads_contacts)
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
        event.close(status, reason=problem, person_email=event.person_email, awaits=awaits)
        attempts.end(event, Outcome.UNMATCHED if problem else Outcome.DONE, error=problem, changes=changes)


def _end_echo(event: InboxEvent, echo: Change) -> None:
    """End the echo of one of our writes, and count it there."""
    with transaction.atomic():
        OutgoingWrite.objects.filter(pk=echo.target.pk).update(echoes=F("echoes") + 1)
        Effect.objects.create(
            event=event,
            description=echo.description,
            content_type=ContentType.objects.get_for_model(OutgoingWrite),
            object_id=echo.target.pk,
        )
        event.close(Status.PROCESSED, reason="")
        attempts.end(event, Outcome.DONE, changes=[echo])


def _handle(event: InboxEvent, facts: Sequence[Event], *, reads_contacts: bool) -> tuple[list[Change], str, str]:
    """Apply the facts of an event; return their changes, why some of them need review ("": none), and the id of a
    contact that such a fact waits for.

    Raises Unmatched where all of them do, UnknownContact where one of those waits. The key of a fact stays the same in
    every attempt and every replay.
    """
    key = event.key if len(event.key) <= 150 else hashlib.sha256(event.key.encode()).hexdigest()
    cause = Cause(text=event.cause_text, event_id=event.pk)
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
    unknown = next((one for one in raised if isinstance(one, UnknownContact)), None)
    if reasons and not done:
        if erased == len(facts):
            raise PersonErased(problem)
        if unknown is not None:
            raise unknown
        first = next((one for one in raised if one.question), raised[0])
        raise Unmatched(problem, question=first.question, about=first.about, details=first.details)
    _ask(event, raised)
    return changes, problem, unknown.external_id[:200] if unknown else ""


def _ask(event: InboxEvent, reasons: Iterable[Unmatched]) -> None:
    """Ask staff by mail what the event itself cannot answer, once for what each question is about."""
    for reason in reasons:
        if reason.question:
            is_processed = reason.question == "unreadable_date"
            listed = f"provider={event.provider}" if is_processed else "status__exact=unmatched"
            questions.ask(
                reason.question,
                key=f"{reason.question}:{reason.about}",
                provider=event.provider,
                details=reason.details,
                admin_path=f"/admin/integrations/inboxevent/{event.pk}/change/",
                list_path=f"/admin/integrations/inboxevent/?{listed}",
            )


def _store_failure(event: InboxEvent, failure: Failure) -> None:
    """Store a failed attempt on its rows; the last one counts on the issue of its cause."""
    columns = {"person_email": event.person_email} | ({"reason": failure.error} if failure.is_permanent else {})
    InboxEvent.objects.filter(pk=event.pk).update(**columns)
    outcome = Outcome.FAILED if failure.is_last else Outcome.RETRY
    attempts.end(event, outcome, error=failure.error, trace=failure.trace)
    if failure.is_last:
        failed.note_event(event, failure.error)


JOBS = JobKind(
    model=InboxEvent,
    work=process,
    noun="event",
    on_claim=attempts.begin,
    on_failure=_store_failure,
    on_lost=attempts.end_lost,
    stores_database_errors=True,
    logs_itself=True,
)
