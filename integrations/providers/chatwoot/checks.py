"""System check: companies that everybody may ask for."""

from typing import Any

from django.core import checks

from integrations.providers.chatwoot import accounts
from integrations.providers.chatwoot.api.signed_accounts import SECRETS
from integrations.providers.chatwoot.provider import PROVIDER
from integrations.toolkit.signatures import secrets_in


@checks.register
def check_company_pages(**kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of companies that anybody can read by counting up the accounts' ids."""
    proofs = {verifier.setting for endpoint in PROVIDER.endpoints for verifier in endpoint.verifiers}
    is_used = accounts.is_connected() or any(map(secrets_in, proofs))
    if secrets_in(SECRETS) or not is_used:
        return []
    return [
        checks.Warning(
            f"Everybody may ask for the company of any {PROVIDER.title} account.",
            hint=f"Set {SECRETS}, and let your front ends sign the account ids.",
            id="integrations.W010",
        )
    ]
