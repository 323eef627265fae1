"""Refreshes of contacts from their provider: what several events request within seconds is one call."""

from datetime import datetime, timedelta
from functools import partial

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.people.models import Contact
from core.cause import Cause
from core.phrases import CODE, PROVIDER, Phrase
from core.queue.outcomes import TryAgain, Wait
from core.queue.runner import Failure, JobKind
from core.queue.wakeup import wake_on_commit
from integrations.contracts.events import ContactGone, Event
from integrations.contracts.exceptions import NotFoundYet, Permanent, Unmatched
from integrations.contracts.provider import Provider
from integrations.handlers import Context, handle, persons
from integrations.handlers.merged_away import with_deletions
from integrations.inbox import process
from integrations.inbox.models import ContactRefresh, Effect, InboxEvent
from integrations.inbox.models.contact_refresh import BREATH, QUIET
from integrations.inbox.models.event import Status as EventStatus
from integrations.inbox.reading import as_webhook
from integrations.issues import failed
from integrations.issues.models import Issue
from integrations.outbox import circuits
from integrations.outbox.models import FirstSync
from integrations.registry import all_providers
from integrations.registry import provider as provider_of
from integrations.toolkit import log_lines
from integrations.toolkit.ahead import Ahead
from integrations.toolkit.failures import NotPermitted
from integrations.toolkit.permissions import noting_permissions

_READ = Phrase("{provider} contact {number}, read from its provider", provider=PROVIDER)
_NOT_CONFIGURED = Phrase("{provider} cannot be asked: its API is not configured", provider=CODE)

Status = ContactRefresh.Status
_READ_TOGETHER = 30  # contacts beside the one that is due
READ_AHEAD: Ahead[tuple[datetime, list[Event]]] = Ahead()


def _refresh(refresh: ContactRefresh) -> None:
    """Read a contact that is due from its provider, and apply what it says.

    Where its provider does not know the contact for ten minutes, or refuses, the events that requested the refresh are
    failed, since they could not be confirmed; signed ones need no confirmation. Where only signed ones named a contact
    that the provider does not know, the id is the sender's own, and there is nothing to read. A contact of ours that is
    kept equal was deleted then.
    """
    provider = provider_of(refresh.provider)
    if provider.read_contact is None or not provider.is_connected():
        raise Permanent(_NOT_CONFIGURED(provider=provider.title))
    log_lines.syncing(provider, contact=refresh.external_id)
    try:
        with noting_permissions() as proved:
            began, facts = _read(refresh, provider)
            facts = with_deletions(facts, provider)
        if refresh.last_error:  # it may have waited for them
            circuits.permitted(refresh.provider, proved)
        _apply(refresh, facts, began=began)
    except NotPermitted as error:
        raise Wait(str(error), due=circuits.denied(refresh.provider, error)) from error
    except NotFoundYet as error:
        if timezone.now() < refresh.requested_at + process.NOT_FOUND_FOR:
            raise TryAgain(str(error)) from error
        if provider.mirror is not None:  # one that is known was deleted, and nothing said so
            with transaction.atomic():
                gone = ContactGone(occurred_at=timezone.now(), contact_id=refresh.external_id)
                handle(gone, _context(refresh))
        events = list(_requesting_events(refresh))
        if not events or not all(map(_needs_no_confirmation, events)):
            raise Permanent(str(error)) from error
        refresh.close(Status.DONE, error=str(error), failures=0)
    except Unmatched as error:
        raise Permanent(str(error)) from error


def _read(refresh: ContactRefresh, provider: Provider) -> tuple[datetime, list[Event]]:
    """Return the contact's record, and a time before it was read. One call reads those that are due beside it, too.

    What another refresh has read is as good where that reading began after this one was requested last.
    """
    assert provider.read_contact is not None
    began, external_id = timezone.now(), refresh.external_id
    if provider.read_contacts is not None and not refresh.last_error:
        ahead = READ_AHEAD.take((provider.key, external_id))
        if ahead is not None and refresh.last_requested_at < ahead[0] <= began:
            return ahead
        due = ContactRefresh.objects.filter(
            provider=provider.key, status=Status.PENDING, next_attempt_at__lte=began, failures=0
        )
        others = list(due.order_by("next_attempt_at").values_list("external_id", flat=True)[:_READ_TOGETHER])
        if others:
            found = provider.read_contacts([external_id, *others])
            for other in set(others) & set(found):
                READ_AHEAD.put((provider.key, other), (began, found[other]))
            if external_id in found:
                return began, found[external_id]
    return began, provider.read_contact(external_id)


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
        ContactRefresh.objects.enqueue(provider=provider, external_id=external_id, at_once=True)
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
    context = _context(refresh)
    with transaction.atomic():
        newest = ContactRefresh.objects.select_for_update().get(pk=refresh.pk)
        for fact in facts:
            handle(fact, context)
        if email := persons.stated_email(facts):  # for events that named the contact by its id, or without proof
            events = _requesting_events(refresh).filter(Q(person_email="") | Q(is_signed=False))
            events.update(person_email=email)
        refresh.close(Status.DONE, read_at=began, failures=0)
        if provider_of(refresh.provider).mirror:
            FirstSync.objects.note_reading()
        if newest.last_requested_at > began:
            pause = BREATH if provider_of(refresh.provider).mirror else QUIET
            refresh.requeue(due=timezone.now() + pause, requested_at=newest.last_requested_at)


def _context(refresh: ContactRefresh) -> Context:
    return Context(
        provider=refresh.provider,
        key=f"reading:{refresh.pk}:{refresh.attempts}",
        cause=Cause(text=_READ(provider=refresh.provider, number=refresh.external_id)),
    )


def _needs_no_confirmation(event: InboxEvent) -> bool:
    """Return whether an event is signed and says itself who the contact is."""
    provider, webhook = provider_of(event.provider), as_webhook(event)
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
    """Fail the events that depend on a refresh which failed for good; where there is none, it is an issue itself."""
    if not failure.is_last:
        return
    error = failure.error
    keys = [event.pk for event in _requesting_events(refresh) if not _needs_no_confirmation(event)]
    InboxEvent.objects.filter(pk__in=keys).update(status=EventStatus.FAILED, reason=error, last_error=error)
    events = list(InboxEvent.objects.filter(pk__in=keys).defer("body", "headers").order_by("pk"))
    if not events:
        failed.note(refresh, provider=refresh.provider, kind=Issue.Kind.READING, event_type="contact", error=error)
    for event in events:
        failed.note_event(event, error)
        line = partial(log_lines.ended, outcome="failed", attempt=event.attempts, reason=error)
        transaction.on_commit(partial(line, provider_of(event.provider), event))


JOBS = JobKind(
    model=ContactRefresh, work=_refresh, noun="refresh", on_failure=_fail_events, stores_database_errors=True
)
