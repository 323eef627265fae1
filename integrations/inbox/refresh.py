"""Reading contacts at their provider: what events asked for together is one call."""

from datetime import timedelta
from functools import partial

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.people.models import Contact
from core.cause import Cause
from core.queue.outcomes import TryAgain
from core.queue.runner import Failure, JobKind
from core.queue.wakeup import wake_on_commit
from integrations.contracts.events import Event
from integrations.contracts.exceptions import NotFoundYet, Permanent, Unmatched
from integrations.handlers import Context, handle, persons
from integrations.inbox import process
from integrations.inbox.models import ContactRefresh, Effect, InboxEvent
from integrations.inbox.models.contact_refresh import QUIET
from integrations.inbox.models.event import Status as EventStatus
from integrations.registry import all_providers
from integrations.registry import provider as provider_of
from integrations.toolkit import log_lines

Status = ContactRefresh.Status


def _refresh(refresh: ContactRefresh) -> None:
    """Read a contact that is due, and bring ours to it.

    Where its provider does not know the contact for ten minutes, or refuses, the events that asked for the reading are
    failed, since what they told could not be confirmed; signed ones need no confirmation. Where only such ones named a
    contact that the provider does not know, the id is the sender's own, and nothing is to be read.
    """
    try:
        _read(refresh)
    except NotFoundYet as error:
        if timezone.now() < refresh.requested_at + process.NOT_THERE_FOR:
            raise TryAgain(str(error)) from error
        asked = list(_events_asking(refresh))
        if not asked or not all(map(_stands_by_itself, asked)):
            raise Permanent(str(error)) from error
        refresh.close(Status.DONE, error=str(error), failures=0)
    except Unmatched as error:
        raise Permanent(str(error)) from error


def _note_failure(refresh: ContactRefresh, failure: Failure) -> None:
    if failure.is_last:
        _fail_events(refresh, failure.error)


JOBS = JobKind(
    model=ContactRefresh, work=_refresh, noun="reading", on_failure=_note_failure, stores_database_errors=True
)


def readable_ids(contact: Contact) -> list[tuple[str, str]]:
    """(provider, id) of every record of the contact that can be read: its provider's API is configured here."""
    return sorted(
        (mapping.provider, mapping.external_id)
        for mapping in contact.mappings.all()
        if mapping.kind == "contact" and _can_be_asked(mapping.provider)
    )


def owe_all(contact: Contact) -> int:
    """Let every record of the contact be read, as an event would; how many."""
    found = readable_ids(contact)
    for provider, external_id in found:
        ContactRefresh.objects.owe(provider=provider, external_id=external_id)
    return len(found)


def read_now(refresh: ContactRefresh) -> bool:
    """Make a reading due at once, with all its tries; False where a worker is at it now, which is as good."""
    now = timezone.now()
    with transaction.atomic():
        row = ContactRefresh.objects.select_for_update().get(pk=refresh.pk)
        if row.status == Status.PENDING and row.crashes and row.next_attempt_at > now:
            return False
        row.requeue(requested_at=now, last_requested_at=now)
        wake_on_commit(row)
    return True


def _can_be_asked(provider_key: str) -> bool:
    provider = all_providers().get(provider_key)
    return provider is not None and provider.read_contact is not None and provider.is_connected()


def _read(refresh: ContactRefresh) -> None:
    provider = provider_of(refresh.provider)
    if provider.read_contact is None or not provider.is_connected():
        raise Permanent(f"{provider.title} cannot be asked: its API is not configured")
    began = timezone.now()
    log_lines.syncing(provider, contact=refresh.external_id)
    told = provider.read_contact(refresh.external_id)
    with transaction.atomic():
        newest = ContactRefresh.objects.select_for_update().get(pk=refresh.pk)
        _apply(told, refresh)
        if email := persons.stated_email(told):  # events that named the contact by its id, or in words of anybody's
            asked = _events_asking(refresh).filter(Q(person_email="") | Q(is_signed=False))
            asked.update(person_email=email)
        refresh.close(Status.DONE, read_at=began, failures=0)
        if newest.last_requested_at > began:
            due = timezone.now() + QUIET
            again = ContactRefresh.objects.filter(pk=refresh.pk)
            again.update(status=Status.PENDING, requested_at=newest.last_requested_at, next_attempt_at=due, wake_at=due)


def _apply(told: list[Event], refresh: ContactRefresh) -> None:
    cause, key = Cause(text=f"{refresh} as read from there"), f"reading:{refresh.pk}:{refresh.attempts}"
    context = Context(provider=refresh.provider, key=key, cause=cause)
    for fact in told:
        handle(fact, context)


def _stands_by_itself(event: InboxEvent) -> bool:
    provider, webhook = provider_of(event.provider), process.stored(event)
    return not provider.is_hint(webhook) and bool(persons.unconfirmed_email(webhook, provider))


def _events_asking(refresh: ContactRefresh) -> "QuerySet[InboxEvent]":
    """Return the events that asked for a reading since it was done last."""
    asked = Effect.objects.filter(content_type=ContentType.objects.get_for_model(ContactRefresh), object_id=refresh.pk)
    return InboxEvent.objects.filter(
        pk__in=asked.values("event"),
        status=EventStatus.PROCESSED,
        finished_at__gte=refresh.requested_at - timedelta(seconds=1),
    )


def _fail_events(refresh: ContactRefresh, error: str) -> None:
    """Fail the events that hang on a reading, and notify staff once.

    A signed event that says who the contact is does not hang on it: its own words were believed already.
    """
    keys = [event.pk for event in _events_asking(refresh) if not _stands_by_itself(event)]
    InboxEvent.objects.filter(pk__in=keys).update(status=EventStatus.FAILED, reason=error, last_error=error)
    failed = list(InboxEvent.objects.filter(pk__in=keys).defer("body", "headers").order_by("pk"))
    if failed:
        process.tell_staff(failed[-1], error)
        transaction.on_commit(partial(_log_failed, failed, error))


def _log_failed(events: list[InboxEvent], error: str) -> None:
    for event in events:
        attempt = event.attempts
        log_lines.ended(provider_of(event.provider), event, outcome="failed", attempt=attempt, reason=error)
