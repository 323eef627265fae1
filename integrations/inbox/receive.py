"""The inbox's front: `verify` lets a sender in, `receive` keeps what it brought. One statement before the answer."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.queue.delivery import GRACE
from core.queue.wakeup import wake_on_commit
from core.text import storable
from integrations.contracts.exceptions import Unreadable
from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.reply import Accepted
from integrations.contracts.webhook import Envelope, WebhookRequest
from integrations.inbox.models import InboxEvent, LastReceived
from integrations.inbox.models.event import Status
from integrations.toolkit import log_lines
from integrations.toolkit.reading import digest_of, read_json_object, redacted_headers


class NotVerified(Exception):
    """The sender did not prove itself; nothing was kept. The message is the reason, for the log."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A stored delivery: its row, whether that existed before, and why it cannot be read ("": it can).

    `event` is as it came; the row may say more by now.
    """

    event: InboxEvent
    duplicate: bool = False
    unreadable: str = ""

    @property
    def event_id(self) -> int:
        return int(self.event.pk)

    @property
    def accepted(self) -> Accepted:
        """Return what the sender may know of it."""
        event = self.event
        return Accepted(
            event_id=event.told_id,
            event_type=event.event_type,
            payload=event.payload or {},
            duplicate=self.duplicate,
            ignored=event.reason if event.status == Status.IGNORED else "",
            unreadable=self.unreadable,
            unreadable_at=event.unreadable_at,
        )


def verify(provider: Provider, endpoint: Endpoint, request: WebhookRequest) -> bool:
    """Return whether the request is signed, and not only sent by somebody who knows a token.

    Raises NotVerified unless the first proof that the sender offers is right. No secret configured, no entry.
    """
    for verifier in endpoint.verifiers:
        if verifier.is_offered(request):
            if verifier.accepts(request):
                return verifier.signs
            raise NotVerified(f"{'signature' if verifier.signs else 'token'} mismatch, wrong {verifier.setting}")
    if provider.key not in settings.WEBHOOKS_ALLOW_UNSIGNED:
        raise NotVerified("neither signature nor token")
    return False


def offers_token(endpoint: Endpoint, request: WebhookRequest) -> bool:
    """Return whether a token decides about this request: a secret that is sent as it is, and so could be guessed."""
    offered = next((verifier for verifier in endpoint.verifiers if verifier.is_offered(request)), None)
    return offered is not None and not offered.signs


def receive(provider: Provider, endpoint: Endpoint, request: WebhookRequest, *, is_signed: bool) -> Receipt:
    """Keep a verified delivery, whole, in one INSERT, and wake a worker; the receipt is true once this returns.

    Where the sender gives its events no id, one more statement finds out whether this is a repetition (`LastReceived`).
    Where the request itself handles it (`immediate`) no worker is woken: the sweep looks whether that came to an end.
    What cannot be read is kept too, as failed. The same key again is counted on its row; with another body the first
    one stands and the other is kept beside it, ignored, for staff.
    """
    event = _event(provider, endpoint, request, is_signed=is_signed)
    if event.record:
        number = LastReceived.objects.number_of(provider=provider.key, record=event.record, digest=event.key)
        event.key = f"{event.key[:300]}#{number}"
    same_body = event.keep()
    is_duplicate = event.duplicates > 0
    # Once the row is committed, and before a worker hears of it and writes lines of its own.
    transaction.on_commit(lambda: log_lines.received(provider, event, is_duplicate=is_duplicate, same_body=same_body))
    if is_duplicate:
        if not same_body:
            _keep_contradiction(event.pk, _event(provider, endpoint, request, is_signed=is_signed))
        elif event.is_notice or event.event_type in provider.repeatable:
            _tell_again(event)
        return Receipt(event=event, duplicate=not event.is_notice, unreadable=event.last_error)
    if event.status == Status.PENDING and not endpoint.immediate:
        wake_on_commit(event)
    return Receipt(event=event, unreadable=event.last_error)


def _event(provider: Provider, endpoint: Endpoint, request: WebhookRequest, *, is_signed: bool) -> InboxEvent:
    """The row for a request, not saved: pending, ignored, or failed where the body cannot be read."""
    now = timezone.now()
    event = InboxEvent(
        provider=provider.key,
        endpoint=endpoint.name,
        body=request.body,
        body_digest=hashlib.sha256(request.body).hexdigest(),
        headers=redacted_headers(request.headers),
        source_address=request.source_address,
        is_signed=is_signed,
        received_at=now,
    )
    try:
        payload = read_json_object(request.body)
        envelope = endpoint.read(payload)
    except Unreadable as error:
        event.key = f"unreadable:{event.body_digest}"
        event.reason = event.last_error = str(storable(str(error)))
        event.unreadable_at = error.at
        _finished(event, Status.FAILED, now)
        return event
    event.payload = storable(payload)
    event.event_type, event.external_id = storable(envelope.event_type), storable(envelope.external_id)
    delivery_id = request.headers.get(endpoint.id_header.lower(), "").strip() if is_signed else ""
    event.key = event.told_id = _key(replace(envelope, key=f"delivery:{delivery_id}") if delivery_id else envelope)
    event.record, event.is_notice = "" if delivery_id else envelope.record, envelope.is_notice
    if envelope.event_type in provider.handled and not envelope.ignored:
        event.next_attempt_at, event.wake_at = now, now + GRACE
    else:
        unknown = f"unknown type {event.event_type}"
        event.reason = envelope.ignored or provider.ignored.get(envelope.event_type, unknown)
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
    first = InboxEvent.objects.only("payload", "content_digest", "is_erased").get(pk=first_id)
    if first.is_erased or _is_same(first, other):
        return
    InboxEvent.objects.filter(pk=first_id).update(conflicts=F("conflicts") + 1)
    other.key = f"{other.key[:300]}#{other.body_digest}"
    other.reason = f"contradicts event {first_id}: the same id with another body; the first one stands"
    _finished(other, Status.IGNORED, other.received_at)
    other.keep()


def _is_same(first: InboxEvent, other: InboxEvent) -> bool:
    """Return whether two deliveries say the same; of one whose contents were removed a digest is kept."""
    if not first.content_digest:
        return bool(first.payload == other.payload)
    return other.payload is not None and first.content_digest == digest_of(other.payload)


def _tell_again(told: InboxEvent) -> None:
    """Process an event once more whose repetition is news: added, removed and added again has one body for the ends.

    Where its contents were removed since, those of the repetition stand, which are the same.
    """
    with transaction.atomic():
        event = InboxEvent.objects.select_for_update().filter(pk=told.pk).first()
        if event is None or not (event.status == Status.PROCESSED or event.is_erased):
            return
        contents: dict[str, Any] = {}
        if event.pruned_at is not None:
            contents = {name: getattr(told, name) for name in ("body", "payload", "headers", "source_address")}
            contents |= {"external_id": told.external_id, "pruned_at": None, "is_erased": False, "content_digest": ""}
        event.requeue(reason="", **contents)
        wake_on_commit(event)
