"""Learn the structure of the events that came since the last time, in batches, each in one transaction with the place
up to which it learnt. Nothing of this is in the way of an event: the clock does it, a minute later.

What is read is found out before that transaction begins. Of two sweeps at once the second finds the place moved and
drops its batch; one that is killed has learnt what it committed and nothing else.
"""

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from accounts.demo.models import DemoRow
from core.insert_once import insert_once
from integrations import registry
from integrations.contracts.exceptions import Unreadable
from integrations.contracts.provider import Provider
from integrations.inbox.models import InboxEvent
from integrations.inbox.reading import as_webhook
from integrations.operations.drift import drifts
from integrations.operations.drift.learning import Observed, learn, lost
from integrations.operations.drift.paths import Path, TooLarge, types_of
from integrations.operations.drift.reads import reads_of
from integrations.operations.models import LearntUntil, PayloadStructure

logger = logging.getLogger(__name__)
NEWEST = 2000  # events of a provider that are looked at, at most; older ones were there before or come too fast
BATCH = 50
SECONDS = 8.0  # for all providers together, each an equal part; the rest is left to the next time
MOST_STRUCTURES = 300  # of a provider
_COLUMNS = (
    "endpoint", "event_type", "external_id", "payload", "received_at", "last_duplicate_at", "is_signed", "provider",
)  # fmt: skip
_DIALECT = re.compile(r"[a-z-]{1,20}")
Key = tuple[str, str]  # dialect and type
Reads = dict[Path, tuple[str, ...]]


@dataclass(kw_only=True)
class _Learning:
    """One sweep of one provider. `reads` are what was found out, by structure: most events are like another one."""

    provider: Provider
    ends_at: float
    reads: dict[object, Reads] = field(default_factory=dict)


def sweep(*, seconds: float = SECONDS) -> None:
    """Learn from the events of each provider that are new, until `seconds` are over. For the clock."""
    providers = registry.all_providers().values()
    for provider in providers:
        ends_at = time.monotonic() + seconds / len(providers)
        learning = _Learning(provider=provider, ends_at=ends_at)
        while time.monotonic() < ends_at and _learn_batch(learning):
            pass


def _learn_batch(learning: _Learning) -> bool:
    """Learn from the next events of a provider; return whether there may be more."""
    key = learning.provider.key
    cursor = LearntUntil.objects.filter(provider=key).first() or LearntUntil(provider=key)
    events = InboxEvent.objects.filter(provider=key).order_by("-pk")
    too_old = events.values_list("pk", flat=True)[NEWEST : NEWEST + 1].first() or 0
    rows = list(events.filter(pk__gt=max(cursor.event_id, too_old)).order_by("pk").only(*_COLUMNS)[:BATCH])
    if not rows:
        return False
    marked = DemoRow.objects.filter(label=InboxEvent._meta.label_lower, key__in=[row.pk for row in rows])
    demo = set(marked.values_list("key", flat=True))
    known = {(one.dialect, one.event_type): one for one in PayloadStructure.objects.filter(provider=key)}
    observed: list[tuple[Key, Observed]] = []
    for row in rows:
        if row.pk not in demo and (one := _observe(learning, row, known)):
            observed.append(one)
        until = row.pk
        if time.monotonic() >= learning.ends_at:
            break
    if not cursor.pk:
        insert_once(cursor)
    return _store(key, observed, after=cursor.event_id, until=until) and len(rows) == BATCH


def _observe(learning: _Learning, event: InboxEvent, known: dict[Key, PayloadStructure]) -> tuple[Key, Observed] | None:
    """Return the structure of an event; None for one that teaches nothing: a test, a sample, no payload, too large."""
    provider = learning.provider
    endpoint = next((one for one in provider.endpoints if one.name == event.endpoint), None)
    if endpoint is None or not event.payload or event.event_type not in provider.handled:
        return None
    try:
        envelope, types = endpoint.read(event.payload), types_of(event.payload)
        if envelope.ignored:
            return None
        dialect = envelope.key.partition(":")[0] if ":" in envelope.key else ""
        key = (dialect if _DIALECT.fullmatch(dialect) else "", event.event_type)
        alike = (key, frozenset(types.items()))
        webhook = as_webhook(event)
        reads = learning.reads.get(alike) or reads_of(provider, endpoint, webhook)
        observed = _observed(event, types, reads)
        if alike in learning.reads and key in known and lost(known[key].fields, observed):
            # A value of the other one may have been odd: a loss is only told of what this event itself gives.
            reads = reads_of(provider, endpoint, webhook)
            observed = _observed(event, types, reads)
        learning.reads[alike] = reads
    except (TooLarge, Unreadable):
        return None
    except Exception as error:  # noqa: BLE001 (it fails the event itself, where staff see it; here the next one teaches)
        logger.warning("event %s taught nothing: %s", event.pk, type(error).__name__)
        return None
    return key, observed


def _observed(event: InboxEvent, types: dict[Path, str], reads: Reads) -> Observed:
    return Observed(
        event_id=event.pk,
        at=event.received_at,
        types={".".join(path): kind for path, kind in types.items()},
        reads={".".join(path): parts for path, parts in reads.items()},
    )


def _store(provider: str, observed: Sequence[tuple[Key, Observed]], *, after: int, until: int) -> bool:
    """Count a batch on its structures and follow what drifts; False where another sweep was faster."""
    with transaction.atomic():
        cursor = LearntUntil.objects.select_for_update().get(provider=provider)
        if cursor.event_id != after:
            return False
        stored = PayloadStructure.objects.select_for_update().filter(provider=provider).order_by("pk")
        structures = {(one.dialect, one.event_type): one for one in stored}
        changed: dict[Key, PayloadStructure] = {}
        for key, one in observed:
            if key not in structures and len(structures) < MOST_STRUCTURES:
                structures[key] = _new(provider, key, one.at)
            if key in structures:
                structure = changed[key] = structures[key]
                learn(structure.fields, one)
                structure.events, structure.last_seen_at = structure.events + 1, one.at
        for structure in changed.values():
            structure.save()
        drifts.follow(list(changed.values()))
        cursor.event_id = until
        cursor.save()
    return True


def _new(provider: str, key: Key, at: datetime) -> PayloadStructure:
    dialect, event_type = key
    return PayloadStructure(
        provider=provider, dialect=dialect, event_type=event_type, first_seen_at=at, last_seen_at=at
    )
