"""Refreshes of contacts from their provider: what several events request within seconds is one call."""

from datetime import datetime, timedelta
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
    """Read a contact that is due from its provider, and apply what it says.

    Where its provider does not know the contact for ten minutes, or refuses, the events that requested the refresh are
    failed, since they could not be confirmed; signed ones need no confirmation. Where only signed ones named a contact
    that the provider does not know, the id is the sender's own, and there is nothing to read.
    """
    provider = provider_of(refresh.provider)
    if provider.read_contact is None or not provider.is_connected():
        raise Permanent(f"{provider.title} cannot be asked: its API is not configured")
    began = timezone.now()
    log_lines.syncing(provider, contact=refresh.external_id)
    try:
        facts = provider.read_contact(refresh.external_id)
        _apply(refresh, facts, began=began)
    except NotFoundYet as error:
        if timezone.now() < refresh.requested_at + process.NOT_FOUND_FOR:
            raise TryAgain(str(error)) from error
        events = list(_requesting_events(refresh))
        if not events or not all(map(_needs_no_confirmation, events)):
            raise Permanent(str(error)) from error
        refresh.close(Status.DONE, error=str(error), failures=0)
    except Unmatched as error:
        raise Permanent(str(error)) from error


def readable_ids(contact: Contact) -> list[tuple[str, str]]:
    """Return (provider, id) of each record of the contact that can be read: its provider's API is configured."""
    providers = {
        provider.key
        for provider in all_providers().values()
        if provider.read_contact is not None and provider.is_connected()
    }
    return sorted(
        (mapping.provider, mapping.external_id)
        for mapping in contact.mappings.all()
        if mapping.kind == "contact" and mapping.provider in providers
    )


def enqueue_all(contact: Contact) -> int:
    """Request a refresh of every record of the contact, as an event would; return how many."""
    ids = readable_ids(contact)
    for provider, external_id in ids:
        ContactRefresh.objects.enqueue(provider=provider, external_id=external_id)
    return len(ids)


def refresh_now(refresh: ContactRefresh) -> bool:
    """Make a refresh due now, with all its tries; False where a worker processes it, which is as good."""
    now = timezone.now()
    with transaction.atomic():
        row = ContactRefresh.objects.select_for_update().get(pk=refresh.pk)
        if row.status == Status.PENDING and row.crashes and row.next_attempt_at > now:
            return False
        row.requeue(requested_at=now, last_requested_at=now)
        wake_on_commit(row)
    return True


def _apply(refresh: ContactRefresh, facts: list[Event], *, began: datetime) -> None:
    """Apply a contact's record, and close the refresh; requested again meanwhile, it is due again."""
    context = Context(
        provider=refresh.provider,
        key=f"reading:{refresh.pk}:{refresh.attempts}",
        cause=Cause(text=f"{refresh}, read from its provider"),
    )
    with transaction.atomic():
        newest = ContactRefresh.objects.select_for_update().get(pk=refresh.pk)
        for fact in facts:
            handle(fact, context)
        if email := persons.stated_email(facts):  # for events that named the contact by its id, or without proof
            events = _requesting_events(refresh).filter(Q(person_email="") | Q(is_signed=False))
            events.update(person_email=email)
        refresh.close(Status.DONE, read_at=began, failures=0)
        if newest.last_requested_at > began:
            due = timezone.now() + QUIET
            again = ContactRefresh.objects.filter(pk=refresh.pk)
            again.update(status=Status.PENDING, requested_at=newest.last_requested_at, next_attempt_at=due, wake_at=due)


def _needs_no_confirmation(event: InboxEvent) -> bool:
    """Return whether an event is signed and says itself who the contact is."""
    provider, webhook = provider_of(event.provider), process.as_webhook(event)
    return not provider.is_hint(webhook) and bool(persons.unconfirmed_email(webhook, provider))


def _requesting_events(refresh: ContactRefresh) -> "QuerySet[InboxEvent]":
    """Return the events that requested a refresh since it was done last."""
    requests = Effect.objects.filter(
        content_type=ContentType.objects.get_for_model(ContactRefresh), object_id=refresh.pk
    )
    return InboxEvent.objects.filter(
        pk__in=requests.values("event"),
        status=EventStatus.PROCESSED,
        finished_at__gte=refresh.requested_at - timedelta(seconds=1),
    )


def _fail_events(refresh: ContactRefresh, failure: Failure) -> None:
    """Fail the events that depend on a refresh which failed for good, and notify staff once."""
    if not failure.is_last:
        return
    error = failure.error
    keys = [event.pk for event in _requesting_events(refresh) if not _needs_no_confirmation(event)]
    InboxEvent.objects.filter(pk__in=keys).update(status=EventStatus.FAILED, reason=error, last_error=error)
    failed = list(InboxEvent.objects.filter(pk__in=keys).defer("body", "headers").order_by("pk"))
    if failed:
        process.notify_staff(failed[-1], error)
    for event in failed:
        line = partial(log_lines.ended, outcome="failed", attempt=event.attempts, reason=error)
        transaction.on_commit(partial(line, provider_of(event.provider), event))


JOBS = JobKind(
    model=ContactRefresh, work=_refresh, noun="refresh", on_failure=_fail_events, stores_database_errors=True
)
