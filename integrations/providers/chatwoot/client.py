"""Chatwoot's platform API, one method an endpoint; above each its page in the documents."""

from collections.abc import Callable, Mapping
from time import sleep as really_sleep
from typing import Any

from django.conf import settings

from core.phrases import Phrase
from integrations.toolkit.client import JsonClient
from integrations.toolkit.failures import Refused, require_settings
from integrations.toolkit.reading import text_at
from integrations.toolkit.retries import Retries

_NO_OBJECT = Phrase("Chatwoot: an account should be a JSON object. Check CHATWOOT_BASE_URL.")

PATIENCE = 3.0  # seconds: a person waits for the page
_NOT_OURS = Phrase(
    "Check CHATWOOT_PLATFORM_TOKEN; a platform app may only see accounts that it made, or that were made permissible to"
    " it."
)()


class ChatwootClient:
    """Client of the platform API. `ChatwootClient.from_settings()` is that of this installation."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = really_sleep,
    ) -> None:
        self._http = JsonClient(
            base_url,
            title="Chatwoot",
            headers={"api_access_token": token},
            hints={401: _NOT_OURS, 403: _NOT_OURS},
            explain=lambda document: text_at(document, "error") or text_at(document, "message"),
            secrets=[token],
            retries=Retries(number=1, initial_delay=0.2, backoff_factor=1.0),
            patience=patience,
            read_timeout=patience,
            sleep=sleep,
        )

    @classmethod
    def from_settings(cls, *, patience: float = PATIENCE) -> "ChatwootClient":
        """Return the client of this installation. Raises NotConfigured."""
        require_settings(("CHATWOOT_BASE_URL", "CHATWOOT_PLATFORM_TOKEN"), provider="Chatwoot")
        return cls(settings.CHATWOOT_BASE_URL, token=settings.CHATWOOT_PLATFORM_TOKEN, patience=patience)

    # https://developers.chatwoot.com/api-reference/accounts/get-an-account-details
    def account(self, account_id: str) -> Mapping[str, Any]:
        """Return the account's details. Raises NotFound, TemporaryFailure, Refused."""
        answer = self._http.call("GET", f"/platform/api/v1/accounts/{int(account_id)}")
        if not isinstance(answer, Mapping):
            raise Refused(_NO_OBJECT())
        return answer
