"""What GoHighLevel's API says of a contact that a delivery names: an unsigned delivery is a hint."""

from dataclasses import replace

from django.conf import settings
from django.utils import timezone

from integrations.contracts.events import Event
from integrations.contracts.exceptions import NotThereYet, Unmatched
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.gohighlevel import webhooks
from integrations.providers.gohighlevel.client import GoHighLevelClient
from integrations.toolkit.failures import NotConfigured, NotFound

PATIENCE = 12  # seconds for the one call with its repetitions; it must end well within a lease


def is_connected() -> bool:
    """Whether the API can be asked here."""
    return bool(settings.GHL_API_KEY and settings.GHL_LOCATION_ID)


def headroom() -> dict[str, int]:
    """The calls that the location has left in ten seconds and today, as the last answers said."""
    try:
        left = GoHighLevelClient.from_settings().headroom()
    except NotConfigured:
        return {}
    said = {"10s": left.remaining, "day": left.daily_remaining}
    return {window: number for window, number in said.items() if number is not None}


def confirm(webhook: StoredWebhook) -> StoredWebhook:
    """The delivery without anything but the contact's id: the contact is read whole a moment later, once for a burst.

    One that names no id stays as it came: there is nothing to ask for, and the token is all that proves it.
    """
    contact_id = webhooks.named_contact(webhook)
    if not contact_id:
        return webhook
    return replace(webhook, payload=webhooks.only_named(webhook, contact_id))


def parse(webhook: StoredWebhook) -> list[Event]:
    """What a delivery tells of. Raises Unmatched for a notice where the API, which could say more, is not set up."""
    if not is_connected() and webhooks.is_notice(webhook.payload):
        raise Unmatched("the notice only names a contact, and GoHighLevel's API is not configured to be asked")
    return webhooks.parse(webhook)


def read_contact(contact_id: str) -> list[Event]:
    """The whole contact as it is now. Raises NotThereYet where GoHighLevel has no such contact."""
    asked_at = timezone.now()
    try:
        record = GoHighLevelClient.from_settings(patience=PATIENCE).contact(contact_id)
    except NotFound as error:
        raise NotThereYet(f"GoHighLevel does not know contact {contact_id}") from error
    return [webhooks.contact({**record, "id": contact_id}, occurred_at=asked_at, is_whole=True)]
