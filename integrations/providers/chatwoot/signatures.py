"""Signed account ids: requests for an account's company carry an HMAC of its id, made by the front end's server.

The signature is the hex HMAC-SHA256 of the account's id, as in "123", or of "123.<expires>" where it ends at
`expires` (Unix seconds). Every secret of the setting is tried; without one nothing verifies.
"""

import hashlib
import hmac
from dataclasses import dataclass

from django.utils import timezone

from integrations.toolkit.signatures import equals_any, secrets_in


@dataclass(frozen=True, kw_only=True)
class AccountProof:
    """Proof for an account: the signature, and its end ("": none)."""

    signature: str
    expires: str = ""

    def is_valid(self, account_id: str, *, setting: str) -> bool:
        """Return whether one of the setting's secrets signed this account, and the signature has not expired."""
        if self.expires and not _is_in_future(self.expires):
            return False
        accepted = [sign_account(secret, account_id, expires=self.expires) for secret in secrets_in(setting)]
        return equals_any(self.signature.strip().lower(), accepted)


def sign_account(secret: str, account_id: str, *, expires: str = "") -> str:
    """Return the signature of an account's id, which ends at `expires` if that is given."""
    signed = f"{account_id}.{expires}" if expires else account_id
    return hmac.new(secret.encode(), signed.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _is_in_future(expires: str) -> bool:
    is_number = expires.isascii() and expires.isdigit() and len(expires) <= 12
    return is_number and int(expires) > timezone.now().timestamp()
