"""Log phrases of Chatwoot, as the document of its company sync has them."""

from integrations.contracts.phrases import Phrases, Subject, plain
from integrations.providers.chatwoot import webhooks
from integrations.toolkit.reading import text_at


def _received(it: Subject) -> str:
    if it.event_type == webhooks.CREATED:
        # An account's name is that of a company.
        return f"[Chatwoot Webhook] Account created: {it.external_id} - {plain(webhooks.name_in(it.payload))}"
    return f"[Chatwoot Webhook] Event received: {it.event_type or '?'}"


def _about(it: Subject) -> str:
    """Return the account, spelled as the document searches for it."""
    is_of_an_account = not it.event_type or it.event_type in webhooks.ABOUT_ACCOUNTS
    account_id = it.external_id if is_of_an_account else text_at(webhooks.inside(it.payload), "account", "id")
    return f"chatwoot_account_id:{plain(account_id)}" if account_id else ""


PHRASES = Phrases(
    received=_received,
    failed=lambda it, reason: f"[Chatwoot Sync] Error: {reason}",
    about=_about,
)
