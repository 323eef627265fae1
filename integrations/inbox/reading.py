"""Read what an event says: confirm at its provider what is only a hint, and translate it into facts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.phrases import Phrase
from integrations.contracts.events import Event
from integrations.contracts.exceptions import Permanent
from integrations.contracts.webhook import StoredWebhook
from integrations.handlers import Change, echoes, persons
from integrations.handlers.doubts import impossible_dates
from integrations.handlers.merged_away import with_deletions
from integrations.inbox.models import InboxEvent
from integrations.registry import provider as provider_of
from integrations.toolkit.permissions import Permission, noting_permissions
from integrations.toolkit.reading import noting_doubts

REMOVED = Phrase("its contents were removed; nothing is left to process")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The facts of an event with the doubts about them, or the write of ours that it is the `echo` of.

    `proved` are the permissions of the calls that were answered, None where nothing was asked.
    """

    facts: Sequence[Event] = ()
    doubts: Sequence[str] = ()
    echo: Change | None = None
    proved: Collection[Permission] | None = None


def as_webhook(event: InboxEvent) -> StoredWebhook:
    """Return an event in the form that its provider translates."""
    repeatable = provider_of(event.provider).repeatable
    return StoredWebhook(
        endpoint=event.endpoint,
        event_type=event.event_type,
        external_id=event.external_id,
        payload=event.payload or {},
        received_at=(event.event_type in repeatable and event.last_duplicate_at) or event.received_at,
        is_signed=event.is_signed,
    )


def is_hint(event: InboxEvent) -> bool:
    """Return whether the event is confirmed at its provider first, whose answer counts in place of its payload."""
    provider = provider_of(event.provider)
    return provider.is_connected() and provider.confirm is not None and provider.is_hint(as_webhook(event))


def read(event: InboxEvent) -> Reading:
    """Return what an event says; its person is set on it as far as that is known. Writes nothing.

    Raises as the provider's `confirm` and `parse`; Permanent where the event's contents were removed.
    """
    if event.pruned_at is not None:
        raise Permanent(REMOVED())
    provider, webhook = provider_of(event.provider), as_webhook(event)
    proved = None
    if provider.confirm is not None and is_hint(event):
        if echo := echoes.of_a_write(webhook, provider):
            return Reading(echo=echo)
        event.person_email = event.person_email or persons.unconfirmed_email(webhook, provider)
        with noting_permissions() as proved:
            webhook = provider.confirm(webhook)
    with noting_doubts() as doubts:
        facts = provider.parse(webhook)
    doubts += impossible_dates(facts, received_at=event.received_at)
    return Reading(facts=with_deletions(facts, provider), doubts=doubts, proved=proved)
