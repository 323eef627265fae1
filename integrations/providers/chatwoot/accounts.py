"""Accounts by Chatwoot's API, for those whose webhook, sent once, was lost."""

from django.conf import settings
from django.utils import timezone

from core.phrases import Phrase
from integrations.contracts.events import CompanyReported, Event
from integrations.contracts.exceptions import NotFoundYet
from integrations.providers.chatwoot.client import ChatwootClient
from integrations.toolkit.failures import NotFound
from integrations.toolkit.reading import text_at

_NO_ACCOUNT = Phrase("Chatwoot knows no account {id}")

_ANOTHER_ACCOUNT = Phrase("Chatwoot answered with another account than {id}")


def is_connected() -> bool:
    """Return whether the platform API is configured."""
    return bool(settings.CHATWOOT_BASE_URL and settings.CHATWOOT_PLATFORM_TOKEN)


def read_account(account_id: str) -> list[Event]:
    """Return the present account. Raises NotFoundYet where Chatwoot has none, Retryable and Permanent."""
    asked_at = timezone.now()
    try:
        account = ChatwootClient.from_settings().account(account_id)
    except NotFound as error:
        raise NotFoundYet(_NO_ACCOUNT(id=account_id)) from error
    if text_at(account, "id") != account_id:
        raise NotFoundYet(_ANOTHER_ACCOUNT(id=account_id))
    return [CompanyReported(occurred_at=asked_at, account_id=account_id, name=text_at(account, "name"))]
