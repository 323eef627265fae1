"""The inbox's front: `verify` checks the sender, `receive` stores the delivery. One statement before the answer."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.mail import questions
from core.phrases import CODE, Phrase
from core.queue.delivery import GRACE
from core.queue.wakeup import wake_on_commit
from core.text import storable
from integrations import registry
from integrations.contracts.exceptions import Unreadable
from integrations.contracts.provider import Endpoint, Provider, Verifier
from integrations.contracts.reply import Accepted
from integrations.contracts.webhook import A_TEST_EVENT, TEST_EVENT, WebhookRequest
from integrations.handlers import persons
from integrations.inbox.models import DeliveryCount, InboxEvent, LastReceived
from integrations.inbox.models.event import Status
from integrations.inbox.reading import as_webhook
from integrations.issues import failed
from integrations.issues.causes import cause_of
from integrations.toolkit import bodies, log_lines
from integrations.toolkit.reading import digest_of, redacted_headers

CONTRADICTS = Phrase("contradicts event {id}: the same id with another body; the first one stands")
_UNKNOWN_TYPE = Phrase("unknown type {type}", type=CODE)

_CONTENTS = ("body", "payload", "headers", "source_address", "external_id")


class NotVerified(Exception):
    """The sender did not prove itself; nothing was stored. The message is the reason, for the log."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A stored event as it came, whose row may have changed since, and what its sender may know.

    Of a delivery that is an array `batch` has the receipt of each event, in their order, and the rest is the first's.
    `makes_row`: nothing like it was stored before.
    """

    event: InboxEvent
    accepted: Accepted
    makes_row: bool
    batch: "Sequence[Receipt]" = ()


def verify(provider: Provider, verifier: Verifier | None, request: WebhookRequest) -> bool:
    """Return True for a signed request, False for one whose sender only knows a token.

    `verifier` is the first of the endpoint's whose proof the request offers, which decides alone; None where it offers
    none. Raises NotVerified unless that proof is right. No secret configured, no entry.
    """
    if verifier is not None:
        if verifier.accepts(request):
            return verifier.signs
        raise NotVerified(f"{'signature' if verifier.signs else 'token'} mismatch, wrong {verifier.setting}")
    if provider.key not in settings.WEBHOOKS_ALLOW_UNSIGNED:
        raise NotVerified("neither signature nor token")
    return False


def receive(provider: Provider, endpoint: Endpoint, request: WebhookRequest, *, is_signed: bool) -> Receipt:
    """Store a verified delivery, whole, in one INSERT, and wake a worker; the receipt is true once this returns.

    Where the sender gives its events no id, one more statement finds out whether this is a repetition (`LastReceived`).
    Where the request itself processes it (`immediate`) no worker is woken: the sweep looks whether that came to an end.
    An unreadable body is stored too, as failed, and counts on its issue. The same key again is counted on its row and
    for the day; with another body the first one stands and the other is stored beside it, ignored, for staff.

    Each event of a batch is a row of its own, all in one transaction; one that is unreadable is stored as failed
    beside the others, and all are left to workers.
    """
    parts = bodies.read(request, split=endpoint.split)
    makers = [partial(_event, provider, endpoint, request, part, is_signed=is_signed) for part in parts]
    if len(parts) == 1 and not parts[0].place:
        event = makers[0]()
        _number(event)
        with transaction.atomic() if event.status == Status.FAILED else nullcontext():
            receipt = _store(provider, event, makers[0], wakes=not endpoint.immediate)
            _note_unreadable([event])
        return _counted(receipt)
    events = [make() for make in makers]
    receipts: dict[int, Receipt] = {}
    with transaction.atomic():
        # In one order, so that two batches with the same events do not wait for each other's rows.
        for event in sorted(events, key=lambda event: event.record):
            _number(event)
        for place in sorted(range(len(events)), key=lambda place: events[place].key):
            receipts[place] = _store(provider, events[place], makers[place], wakes=True)
        _note_unreadable(events)
    return _counted(replace(receipts[0], batch=[receipts[place] for place in range(len(events))]))


def _counted(receipt: Receipt) -> Receipt:
    """Count the events of a delivery that made no row."""
    repeated = sum(not one.makes_row for one in receipt.batch or [receipt])
    if repeated:
        DeliveryCount.objects.add_repeated(receipt.event.provider, repeated)
    return receipt


def _number(event: InboxEvent) -> None:
    """Give an event without an id a key that distinguishes it from an earlier report of the same content."""
    if event.record:
        number = LastReceived.objects.number_of(provider=event.provider, record=event.record, digest=event.key)
        event.key = f"{event.key[:300]}#{number}"


def _store(provider: Provider, event: InboxEvent, make: Callable[[], InboxEvent], *, wakes: bool) -> Receipt:
    """Store an event and return its receipt; `make` makes it anew."""
    same_body = event.store()
    is_duplicate = event.duplicates > 0
    makes_row = not is_duplicate
    # Once the row is committed, and before a worker hears of it and writes lines of its own.
    transaction.on_commit(partial(log_lines.received, provider, event, is_duplicate=is_duplicate, same_body=same_body))
    if not is_duplicate:
        if event.status == Status.PENDING and wakes:
            wake_on_commit(event)
    elif not same_body:
        makes_row = _store_contradiction(event.pk, make())
    elif event.is_notice or event.event_type in provider.repeatable:
        _process_again(event)
    accepted = Accepted(
        event_id=event.reply_id,
        event_type=event.event_type,
        payload=event.payload or {},
        duplicate=is_duplicate and not event.is_notice,
        ignored=event.reason if event.status == Status.IGNORED else "",
        unreadable=event.last_error,
        unreadable_at=event.unreadable_at,
    )
    return Receipt(event=event, accepted=accepted, makes_row=makes_row)


def _note_unreadable(events: Sequence[InboxEvent]) -> None:
    """Count the new events that could not be read on their issues.

    After all rows are stored, and in one order of the issues: else two batches could wait for each other's.
    """
    unreadable = [event for event in events if event.status == Status.FAILED and not event.duplicates]
    for event in sorted(unreadable, key=lambda event: (event.event_type, cause_of(event.last_error))):
        failed.note_event(event, event.last_error)


def _event(
    provider: Provider, endpoint: Endpoint, request: WebhookRequest, part: bodies.Part, *, is_signed: bool
) -> InboxEvent:
    """Return the row for an event, not saved: pending, ignored, or failed where its body cannot be read."""
    now = timezone.now()
    event = InboxEvent(
        provider=provider.key,
        endpoint=endpoint.name,
        body=part.body,
        body_digest=hashlib.sha256(part.body).hexdigest(),
        headers=redacted_headers(request.headers),
        source_address=request.source_address,
        is_signed=is_signed,
        received_at=now,
    )
    try:
        if part.payload is None:
            raise Unreadable(part.error)
        envelope = endpoint.read(part.payload)
    except Unreadable as error:
        event.key = f"unreadable:{event.body_digest}"
        event.reason = event.last_error = str(storable(str(error)))
        event.unreadable_at = error.at
        _finish(event, Status.FAILED)
        return event
    event.payload = storable(part.payload)
    event.event_type, event.external_id = storable(envelope.event_type), storable(envelope.external_id)
    delivery_id = request.headers.get(endpoint.id_header.lower(), "").strip() if is_signed else ""
    key = f"delivery:{delivery_id}" if delivery_id else envelope.key
    if delivery_id and part.place:
        key = f"{key}/{part.place}"
    event.key = str(storable(key))
    if event.key != key or len(key) > 300:  # by its digest, so that no two become the same
        event.key = "long:" + hashlib.sha256(repr(key).encode()).hexdigest()
    event.reply_id = event.key
    event.record, event.is_notice = "" if delivery_id else envelope.record, envelope.is_notice
    if envelope.event_type == TEST_EVENT:
        event.reason = A_TEST_EVENT()
        _finish(event, Status.IGNORED)
    elif envelope.event_type in provider.handled and not envelope.ignored:
        event.next_attempt_at, event.wake_at = now, now + GRACE
    else:
        unknown = _UNKNOWN_TYPE(type=event.event_type)
        event.reason = envelope.ignored or provider.ignored.get(envelope.event_type, unknown)
        _finish(event, Status.IGNORED)
    return event


def _finish(event: InboxEvent, status: Status) -> None:
    event.status, event.finished_at, event.next_attempt_at, event.wake_at = status, event.received_at, None, None


def _store_contradiction(first_id: int, other: InboxEvent) -> bool:
    """Store a body that differs under a known key, for staff; return whether that made a row.

    Another spelling of the same content is no difference.
    """
    first = InboxEvent.objects.get(pk=first_id)
    if first.content_digest:  # its contents were removed
        is_same = other.payload is not None and first.content_digest == digest_of(other.payload)
    else:
        is_same = first.payload == other.payload
    if first.is_erased or is_same:
        return False
    other.key = f"{other.key[:300]}#{other.body_digest}"
    if other.status == Status.PENDING and _is_another_event(first, other):
        other.store()
        if not other.duplicates:
            wake_on_commit(other)
            _notify_of_repeated_ids(other)
        return not other.duplicates
    InboxEvent.objects.filter(pk=first_id).update(conflicts=F("conflicts") + 1)
    other.reason = CONTRADICTS(id=first_id)
    _finish(other, Status.IGNORED)
    other.store()
    return not other.duplicates


def _is_another_event(first: InboxEvent, other: InboxEvent) -> bool:
    """Return whether two deliveries under one id are about different people, or of different types.

    Neither can be the other one corrected: their sender gives one id to several events.
    """
    if first.event_type != other.event_type:
        return True
    people = [persons.unconfirmed(as_webhook(event), registry.provider(event.provider)) for event in (first, other)]
    (email, ids), (other_email, other_ids) = people
    return bool(email and other_email) and email != other_email and not ids & other_ids


def _notify_of_repeated_ids(event: InboxEvent) -> None:
    questions.ask(
        "repeated_ids",
        key=f"repeated-ids:{event.provider}:{event.endpoint}",
        provider=event.provider,
        details=[event.event_type, event.external_id],
        admin_path=f"/admin/integrations/inboxevent/{event.pk}/change/",
        list_path=f"/admin/integrations/inboxevent/?provider={event.provider}",
    )


def _process_again(repetition: InboxEvent) -> None:
    """Process an event once more whose repetition is news: added, removed and added again has one body for both ends.

    Where its contents were removed since, those of the repetition are stored, which are the same.
    """
    with transaction.atomic():
        event = InboxEvent.objects.select_for_update().filter(pk=repetition.pk).first()
        if event is None or not (event.status == Status.PROCESSED or event.is_erased):
            return
        contents: dict[str, Any] = {}
        if event.pruned_at is not None:
            contents = {name: getattr(repetition, name) for name in _CONTENTS}
            contents |= {"pruned_at": None, "is_erased": False, "content_digest": ""}
        event.requeue(reason="", **contents)
        wake_on_commit(event)
