"""A sync that staff ask for with a record in hand: kept as an event like any other, and followed to its end."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from django.db.models import Q

from accounts.models import Contact
from accounts.services.cause import Cause
from integrations import intake, registry
from integrations.contracts.events import AboutSomebody, ContactReported, Event
from integrations.contracts.provider import Provider
from integrations.contracts.webhook import StoredWebhook, WebhookRequest
from integrations.models import ContactRefresh, InboxEvent, OutgoingWrite
from integrations.models.inbox import Status
from integrations.outbox.owing import RECORD, mirrors
from integrations.outbox.previewing import Preview, named, preview

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
    """How far a sync has come. `problem` is why it ended badly; `writes` are those at the target since it began."""

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
    """Keep the record as an event of its source, told by staff. Raises Unreadable, naming the field."""
    assert asked.source.mirror is not None
    _facts(asked)
    body = json.dumps(asked.source.mirror.as_webhook(asked.entity_type, asked.record)).encode()
    endpoint = replace(asked.source.endpoints[0], name=ENDPOINT, id_header=_ID_HEADER, answer_with=None)
    headers = {_ID_HEADER.lower(): uuid4().hex, "x-target": asked.target.key, "x-staff": cause.text}
    receipt = intake.receive(asked.source, endpoint, WebhookRequest(body=body, headers=headers), is_signed=True)
    return receipt.event


def follow(event: InboxEvent) -> Standing:
    """How far the sync that `event` began has come, as the rows say now; changes nothing."""
    event.refresh_from_db()
    if event.status == Status.PENDING:
        return Standing(is_done=False, problem=event.last_error)
    if event.status != Status.PROCESSED:
        return Standing(is_done=True, problem=event.reason or event.last_error)
    source, target = registry.provider(event.provider), str(event.headers.get("x-target", ""))
    facts = source.parse(_stored(event))
    contact = next((known for fact in facts if (known := named(source.key, fact))), None)
    reading = ContactRefresh.objects.filter(
        provider=source.key, external_id__in=[_record_of(fact) for fact in facts if _record_of(fact)]
    ).first()
    if reading is not None and reading.status == ContactRefresh.Status.PENDING:
        return Standing(is_done=False, contact=contact, problem=reading.last_error)
    if contact is None:
        return Standing(is_done=True, problem="nobody of ours is named by it")
    since = Q(created_at__gte=event.received_at) | Q(status=OutgoingWrite.Status.PENDING)
    writes = OutgoingWrite.objects.filter(since, contact=contact, provider=target).order_by("pk")
    found = list(writes.select_related("contact", "policy")[:20])
    is_open = any(write.status == OutgoingWrite.Status.PENDING for write in found)
    failed = next((write.last_error for write in found if write.status == OutgoingWrite.Status.FAILED), "")
    waits = next((write.last_error for write in found if write.status == OutgoingWrite.Status.PENDING), "")
    return Standing(is_done=not is_open, contact=contact, writes=found, problem=failed or waits)


def dry_run(asked: Asked) -> Preview:
    """The exact difference that the sync would make now, at its target. Calls providers; writes nothing.

    Raises Unreadable; Permanent where nobody is named.
    """
    told = [(asked.source.key, _as_it_is(asked.source, fact)) for fact in _facts(asked)]
    return preview(None, told=told, at=[asked.target.key])


def _as_it_is(source: Provider, fact: Event) -> Event:
    """A record that is named by its id is read there, as the sync itself would, where it can be."""
    record_id = _record_of(fact)
    if not isinstance(fact, ContactReported) or not record_id or source.key not in mirrors():
        return fact
    assert source.mirror is not None
    return source.mirror.open(6.0).read(record_id).report


def _facts(asked: Asked) -> list[Event]:
    """What the record says. Raises Unreadable where it cannot be read, or names nobody."""
    assert asked.source.mirror is not None
    payload = asked.source.mirror.as_webhook(asked.entity_type, asked.record)
    envelope = asked.source.endpoints[0].read(payload)
    event = InboxEvent(provider=asked.source.key, endpoint=ENDPOINT, payload=payload, event_type=envelope.event_type)
    return asked.source.parse(_stored(event))


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
