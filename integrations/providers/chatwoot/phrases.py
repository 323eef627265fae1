"""Log phrases of Chatwoot, as the document of its company sync has them."""

from integrations.contracts.phrases import Phrases, Subject, plain
from integrations.providers.chatwoot import webhooks
from integrations.toolkit.reading import text_at


def _received(subject: Subject) -> str:
    if subject.event_type == webhooks.CREATED:
        # An account's name is that of a company.
        return f"[Chatwoot Webhook] Account created: {subject.external_id} - {plain(webhooks.name_in(subject.payload))}"
    return f"[Chatwoot Webhook] Event received: {subject.event_type or '?'}"


def _about(subject: Subject) -> str:
    """Return the account in the spelling that the document searches for."""
    account_id = subject.external_id
    if subject.event_type and subject.event_type not in webhooks.ABOUT_ACCOUNTS:
        account_id = text_at(webhooks.unwrapped(subject.payload), "account", "id")
    return f"chatwoot_account_id:{plain(account_id)}" if account_id else ""


PHRASES = Phrases(
    received=_received,
    failed=lambda subject, reason: f"[Chatwoot Sync] Error: {reason}",
    about=_about,
)
