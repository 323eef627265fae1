"""Access to an account's company: open, or, with secrets configured, by the account's signature."""

from django.conf import settings
from django.http import HttpRequest

from accounts.people.companies import InvalidAccount, account_id_of
from accounts.signin import lockout
from core.web import limits
from core.web.client_address import client_key
from integrations.providers.chatwoot.signatures import AccountProof

SECRETS = "CHATWOOT_EMBED_SECRET"  # the setting; while it is empty, anybody may ask for any account
HEADER = "X-Account-Signature"
TRIES = 30  # wrong signatures per client and minute
_LONGEST = 100  # characters of a signature or a time


class NotSigned(Exception):
    """Raised where the signature is missing, wrong or expired: the three look the same from outside."""


def proof_of(request: HttpRequest) -> AccountProof:
    """Return the received proof: the signature of the header or else of the query, `expires` of the query."""
    signature = request.headers.get(HEADER, "") or request.GET.get("signature", "")
    return AccountProof(signature=signature[:_LONGEST], expires=request.GET.get("expires", "")[:_LONGEST])


def require_signature(request: HttpRequest, account_id: str) -> None:
    """Require the account's signature. Raises NotSigned; TooMany after too many wrong signatures."""
    if not getattr(settings, SECRETS):  # where it holds blanks alone, nothing verifies
        return
    client = client_key(request.META)
    lockout.count(request, "company.client", client, limit=TRIES, seconds=limits.MINUTE)
    try:
        is_signed = proof_of(request).is_valid(account_id_of(account_id), setting=SECRETS)
    except InvalidAccount as error:
        raise NotSigned from error
    if not is_signed:
        raise NotSigned
    lockout.forgive("company.client", client)
