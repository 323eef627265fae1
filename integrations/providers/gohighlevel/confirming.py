"""Confirm a delivery at GoHighLevel's API: the contact that it names is read.

Every delivery with a contact's id is a hint, a signed one too: it may be a late copy of what we wrote ourselves, or of
what was true an hour ago, and would be taken for a change.
"""

from dataclasses import replace

from django.utils import timezone

from integrations.contracts.events import Event
from integrations.contracts.exceptions import NotFoundYet
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.gohighlevel import webhooks
from integrations.providers.gohighlevel.client import GoHighLevelClient
from integrations.toolkit import answers
from integrations.toolkit.failures import NotConfigured, NotFound

PATIENCE = 12  # seconds for the one call with its repetitions; it must end well within a lease


def is_hint(webhook: StoredWebhook) -> bool:
    """Return whether GoHighLevel's API is to be asked: nobody signed it, or it names a contact."""
    return not webhook.is_signed or bool(webhooks.named_contact(webhook))


def calls_left() -> dict[str, int]:
    """Return the calls that the location has left in ten seconds and today, by the last answers."""
    try:
        left = GoHighLevelClient().headroom()
    except NotConfigured:
        return {}
    by_window = {"10s": left.remaining, "day": left.daily_remaining}
    return {window: number for window, number in by_window.items() if number is not None}


def confirm(webhook: StoredWebhook) -> StoredWebhook:
    """Return the delivery with nothing but the contact's id.

    The contact is read whole a moment later, once for a burst. A deletion stays one only where GoHighLevel has the
    contact no more; else it is a reading like any other. A delivery without an id stays as it came: there is nothing to
    ask for, and its proof is all that it has.
    """
    contact_id = webhooks.named_contact(webhook)
    if not contact_id:
        return webhook
    if webhook.event_type not in webhooks.DELETIONS:
        return replace(webhook, payload=webhooks.only_named(contact_id))
    asked_at = timezone.now()
    try:
        GoHighLevelClient(patience=PATIENCE).contact(contact_id)
    except NotFound:
        payload = webhooks.only_named(contact_id, event_type="contact.deleted")
        return replace(webhook, event_type="contact.deleted", payload=payload, received_at=asked_at)
    return replace(webhook, event_type="contact.updated", payload=webhooks.only_named(contact_id))


def read_contact(contact_id: str) -> list[Event]:
    """Return the whole contact as it is now. Raises NotFoundYet where GoHighLevel has no such contact."""
    asked_at = timezone.now()
    try:
        record = GoHighLevelClient(patience=PATIENCE).contact(contact_id)
    except NotFound as error:
        raise NotFoundYet(answers.UNKNOWN(provider="GoHighLevel", kind="contact", id=contact_id)) from error
    return [webhooks.contact({**record, "id": contact_id}, occurred_at=asked_at, is_whole=True)]
