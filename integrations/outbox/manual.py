"""A sync that staff start with a record in hand: stored as an event like any other, and followed to its end."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from django.db.models import Q

from accounts.people.models import Contact
from core.cause import Cause
from integrations import registry
from integrations.contracts.events import AboutSomebody, ContactReported, Event
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.provider import Provider
from integrations.contracts.webhook import Payload, StoredWebhook, WebhookRequest
from integrations.inbox import receive
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.inbox.models.event import Status
from integrations.outbox.enqueue import RECORD, enqueue_write, opportunity_providers
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.preview import Preview, contact_of, policy_of, preview
from integrations.toolkit.fields import STRANGE

ENDPOINT = "manual"
_ID_HEADER = "X-Sync-Id"
_NOT_WRITTEN = (OutgoingWrite.Status.FAILED, OutgoingWrite.Status.SKIPPED)


@dataclass(frozen=True, kw_only=True)
class ManualSync:
    """A record of `source` that is to be written at `target`. `entity_type` is contact, policy or quote."""

    source: Provider
    target: Provider
    entity_type: str
    record: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Progress of a manual sync. `problem` is why it failed; `writes` are those at the target since it began."""

    is_done: bool
    problem: str = ""
    contact: Contact | None = None
    writes: list[OutgoingWrite] = field(default_factory=list)


def sides_by_name() -> dict[str, Provider]:
    """Return the providers that can be a source or a target, by their keys and short names."""
    sides: dict[str, Provider] = {}
    for key, provider in registry.all_providers().items():
        if provider.mirror is not None:
            sides |= {key: provider, provider.mirror.source.lower(): provider}
    return sides


def begin(sync: ManualSync, *, cause: Cause) -> InboxEvent:
    """Store the record as an event of its source, and enqueue the writes at the target.

    A contact that is known is enqueued whether or not the record has news: its remote record is read and compared,
    which no webhook's event does. Raises Unreadable, naming the field; Unmatched where nobody is named.
    """
    facts = _facts(sync)
    body = json.dumps(_payload(sync)).encode()
    endpoint = replace(sync.source.endpoints[0], name=ENDPOINT, id_header=_ID_HEADER, immediate=False)
    headers = {_ID_HEADER.lower(): uuid4().hex, "x-target": sync.target.key, "x-staff": cause.text}
    receipt = receive.receive(sync.source, endpoint, WebhookRequest(body=body, headers=headers), is_signed=True)
    contact = _contact(sync.source.key, facts)
    if contact is not None:
        enqueue_write(contact, sync.target.key, cause=cause)
    if sync.target.key in opportunity_providers():
        for fact in facts:
            if policy := policy_of(sync.source.key, fact):
                enqueue_write(policy.contact, sync.target.key, policy=policy, cause=cause)
    return receipt.event


def follow(event: InboxEvent) -> Progress:
    """Return the progress of the sync that `event` began; changes nothing."""
    event.refresh_from_db()
    if event.status == Status.PENDING:
        return Progress(is_done=False, problem=event.last_error)
    if event.status != Status.PROCESSED:
        return Progress(is_done=True, problem=event.reason or event.last_error)
    if event.pruned_at is not None:
        return Progress(is_done=True, problem="the record was removed: it was received too long ago")
    source, target = registry.provider(event.provider), str(event.headers.get("x-target", ""))
    try:
        facts = source.parse(_stored(event))
    except Unmatched as error:  # its API is not configured any more
        return Progress(is_done=True, problem=str(error))
    contact = _contact(source.key, facts)
    refresh = ContactRefresh.objects.filter(
        provider=source.key, external_id__in=[_record_of(fact) for fact in facts if _record_of(fact)]
    ).first()
    if refresh is not None and refresh.status == ContactRefresh.Status.PENDING:
        return Progress(is_done=False, contact=contact, problem=refresh.last_error)
    if contact is None:
        return Progress(is_done=True, problem="nobody of ours is named by it")
    since = Q(created_at__gte=event.received_at) | Q(finished_at__gte=event.received_at)
    pending = Q(status=OutgoingWrite.Status.PENDING)
    rows = OutgoingWrite.objects.filter(since | pending, contact=contact, provider=target).exclude(
        kind=OutgoingWrite.Kind.MARK
    )
    writes = list(rows.select_related("contact", "policy").order_by("pk")[:20])
    is_pending = any(write.status == OutgoingWrite.Status.PENDING for write in writes)
    failure = next((write.last_error for write in writes if write.status in _NOT_WRITTEN and write.last_error), "")
    waiting = next((write.last_error for write in writes if write.status == OutgoingWrite.Status.PENDING), "")
    return Progress(is_done=not is_pending, contact=contact, writes=writes, problem=failure or waiting)


def dry_run(sync: ManualSync) -> Preview:
    """Return the changes that the sync would make now, at its target. Calls providers; writes nothing.

    Raises Unreadable; Unmatched or Permanent where nobody is named; Retryable.
    """
    facts = _confirmed_facts(sync)
    reported = [(sync.source.key, fact) for fact in facts]
    return preview(_contact(sync.source.key, facts), reported=reported, at=[sync.target.key])


def _confirmed_facts(sync: ManualSync) -> list[Event]:
    """Return what the sync would take in: what is only named is read from the source, where that can be sync."""
    source = sync.source
    if not source.is_connected():
        return _facts(sync)
    webhook = _webhook(sync, _payload(sync))
    if source.confirm is not None and source.is_hint(webhook):
        webhook = source.confirm(webhook)
    facts: list[Event] = []
    for fact in source.parse(webhook):
        record_id = _record_of(fact) if isinstance(fact, ContactReported) and not fact.is_whole else ""
        facts += source.read_contact(record_id) if record_id and source.read_contact is not None else [fact]
    return facts


def _facts(sync: ManualSync) -> list[Event]:
    """Return the facts of the record by itself.

    Raises Unreadable where it cannot be read, or a value is of a strange type: whoever sends a record by hand can mend
    it. Unmatched where it names nobody.
    """
    facts = sync.source.parse(_webhook(sync, _payload(sync)))
    for fact in facts:
        for name, reason in fact.left_out.items() if isinstance(fact, ContactReported) else ():
            if reason.startswith(STRANGE):
                raise Unreadable(f"{name}: {reason}", at=("data", *name.split(".")))
    return facts


def _webhook(sync: ManualSync, payload: Payload) -> StoredWebhook:
    """Return a payload of the source as a webhook. Raises Unreadable, naming the field as the request has it."""
    try:
        envelope = sync.source.endpoints[0].read(payload)
    except Unreadable as error:
        raise Unreadable(str(error), at=("data", *error.at[1:])) from error
    event = InboxEvent(provider=sync.source.key, endpoint=ENDPOINT, payload=payload, event_type=envelope.event_type)
    return _stored(event)


def _payload(sync: ManualSync) -> Payload:
    """Return the webhook that would report the record. A contact's record with an id is only named by it where the
    source is connected: it is read there.
    """
    assert sync.source.mirror is not None
    payload = sync.source.mirror.as_webhook(sync.entity_type, sync.record)
    facts = sync.source.parse(_webhook(sync, payload))
    names = [_record_of(fact) for fact in facts if isinstance(fact, ContactReported) and _record_of(fact)]
    if names and sync.source.is_connected():
        return sync.source.mirror.as_webhook(sync.entity_type, {"id": names[0]})
    return payload


def _contact(source: str, facts: list[Event]) -> Contact | None:
    """Return the contact that the facts, or the policies that they report, are about."""
    for fact in facts:
        policy = policy_of(source, fact)
        known = contact_of(source, fact) or (policy.contact if policy else None)
        if known is not None:
            return known
    return None


def _stored(event: InboxEvent) -> StoredWebhook:
    return StoredWebhook(
        endpoint=event.endpoint,
        event_type=event.event_type,
        external_id=event.external_id,
        payload=event.payload or {},
        received_at=event.received_at,
    )


def _record_of(fact: Event) -> str:
    if isinstance(fact, ContactReported | AboutSomebody):
        return str(fact.identities.get(RECORD, ""))
    return ""
