"""A sync that staff ask for with a record in hand: kept as an event like any other, and followed to its end."""

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
from integrations.outbox.enqueue import RECORD, deal_makers, enqueue_contact, enqueue_opportunity
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.preview import Preview, named, policy_of, preview

ENDPOINT = "manual"
_ID_HEADER = "X-Sync-Id"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A record of `source` that `target` is to be told of. `entity_type` is contact, policy or quote."""

    source: Provider
    target: Provider
    entity_type: str
    record: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Progress of a sync. `problem` is why it failed; `writes` are those at the target since it began."""

    is_done: bool
    problem: str = ""
    contact: Contact | None = None
    writes: list[OutgoingWrite] = field(default_factory=list)


def sides_by_name() -> dict[str, Provider]:
    """The providers that can be named as a source or a direction: by their keys, and in short."""
    found: dict[str, Provider] = {}
    for key, provider in registry.all_providers().items():
        if provider.mirror is not None:
            found |= {key: provider, provider.mirror.source.lower(): provider}
    return found


def begin(asked: Asked, *, cause: Cause) -> InboxEvent:
    """Keep the record as an event of its source, told by staff, and owe what the target is to be told.

    Who is known here is owed to the target whether or not the record says something new: what stands there is read and
    compared, which no webhook's event does. Raises Unreadable, naming the field; Unmatched where nobody is named.
    """
    facts = _facts(asked)
    body = json.dumps(_payload(asked)).encode()
    endpoint = replace(asked.source.endpoints[0], name=ENDPOINT, id_header=_ID_HEADER, immediate=False)
    headers = {_ID_HEADER.lower(): uuid4().hex, "x-target": asked.target.key, "x-staff": cause.text}
    receipt = receive.receive(asked.source, endpoint, WebhookRequest(body=body, headers=headers), is_signed=True)
    contact = _about(asked.source.key, facts)
    if contact is not None:
        enqueue_contact(contact, asked.target.key, cause=cause)
    for fact in facts:
        policy = policy_of(asked.source.key, fact)
        if policy is not None and asked.target.key in deal_makers():
            enqueue_opportunity(policy, asked.target.key, cause=cause)
    return receipt.event


def follow(event: InboxEvent) -> Standing:
    """Return how far the sync that `event` began has come, as the rows say now; changes nothing."""
    event.refresh_from_db()
    if event.status == Status.PENDING:
        return Standing(is_done=False, problem=event.last_error)
    if event.status != Status.PROCESSED:
        return Standing(is_done=True, problem=event.reason or event.last_error)
    if event.pruned_at is not None:
        return Standing(is_done=True, problem="what was asked for was removed: it is too long ago")
    source, target = registry.provider(event.provider), str(event.headers.get("x-target", ""))
    try:
        facts = source.parse(_stored(event))
    except Unmatched as error:  # its API is not configured any more
        return Standing(is_done=True, problem=str(error))
    contact = _about(source.key, facts)
    reading = ContactRefresh.objects.filter(
        provider=source.key, external_id__in=[_record_of(fact) for fact in facts if _record_of(fact)]
    ).first()
    if reading is not None and reading.status == ContactRefresh.Status.PENDING:
        return Standing(is_done=False, contact=contact, problem=reading.last_error)
    if contact is None:
        return Standing(is_done=True, problem="nobody of ours is named by it")
    since = Q(created_at__gte=event.received_at) | Q(finished_at__gte=event.received_at)
    owed = Q(status=OutgoingWrite.Status.PENDING)
    writes = OutgoingWrite.objects.filter(since | owed, contact=contact, provider=target).order_by("pk")
    found = list(writes.select_related("contact", "policy")[:20])
    is_open = any(write.status == OutgoingWrite.Status.PENDING for write in found)
    failed = next((write.last_error for write in found if write.status == OutgoingWrite.Status.FAILED), "")
    waits = next((write.last_error for write in found if write.status == OutgoingWrite.Status.PENDING), "")
    return Standing(is_done=not is_open, contact=contact, writes=found, problem=failed or waits)


def dry_run(asked: Asked) -> Preview:
    """The exact difference that the sync would make now, at its target. Calls providers; writes nothing.

    Raises Unreadable; Unmatched or Permanent where nobody is named; Retryable.
    """
    told = [(asked.source.key, fact) for fact in _facts_as_confirmed(asked)]
    known = _about(asked.source.key, [fact for _key, fact in told])
    return preview(known, told=told, at=[asked.target.key])


def _facts_as_confirmed(asked: Asked) -> list[Event]:
    """Return what the sync would take in: what is only named is read from the source, where that can be asked."""
    source = asked.source
    if not source.is_connected():
        return _facts(asked)
    webhook = _webhook(asked, _payload(asked))
    if source.confirm is not None and source.is_hint(webhook):
        webhook = source.confirm(webhook)
    facts: list[Event] = []
    for fact in source.parse(webhook):
        record_id = _record_of(fact) if isinstance(fact, ContactReported) and not fact.is_whole else ""
        facts += source.read_contact(record_id) if record_id and source.read_contact is not None else [fact]
    return facts


def _facts(asked: Asked) -> list[Event]:
    """Return what the record says by itself.

    Raises Unreadable where it cannot be read; Unmatched where it names nobody.
    """
    return asked.source.parse(_webhook(asked, _payload(asked)))


def _webhook(asked: Asked, payload: Payload) -> StoredWebhook:
    """A payload of the source as a webhook. Raises Unreadable, naming the field as the request has it."""
    try:
        envelope = asked.source.endpoints[0].read(payload)
    except Unreadable as error:
        raise Unreadable(str(error), at=("data", *error.at[1:])) from error
    event = InboxEvent(provider=asked.source.key, endpoint=ENDPOINT, payload=payload, event_type=envelope.event_type)
    return _stored(event)


def _payload(asked: Asked) -> Payload:
    """The webhook that would tell of the record. A person's record that has an id is only named by it, where the source
    can be asked: it is read there, and counts as it is.
    """
    assert asked.source.mirror is not None
    payload = asked.source.mirror.as_webhook(asked.entity_type, asked.record)
    facts = asked.source.parse(_webhook(asked, payload))
    names = [_record_of(fact) for fact in facts if isinstance(fact, ContactReported) and _record_of(fact)]
    if names and asked.source.is_connected():
        return asked.source.mirror.as_webhook(asked.entity_type, {"id": names[0]})
    return payload


def _about(source: str, facts: list[Event]) -> Contact | None:
    """The contact of ours whom the facts are about, or whose policy they are about."""
    for fact in facts:
        policy = policy_of(source, fact)
        known = named(source, fact) or (policy.contact if policy else None)
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
