"""Access to an account's company: open, or with secrets configured only with the account's signature."""

from django.conf import settings
from django.http import HttpRequest

from accounts.people.companies import InvalidAccount, account_id_of
from accounts.signin import lockout
from core.web import limits
from core.web.client_address import client_key
from integrations.contracts.provider import CompanyPages
from integrations.toolkit.signed_accounts import AccountProof

HEADER = "X-Account-Signature"
TRIES = 30  # wrong signatures of a client in a minute
_LONGEST = 100  # characters of a signature or a time


class NotSigned(Exception):
    """The account is not signed, or its signature is wrong or has ended: the three look the same from outside."""


def proof_of(request: HttpRequest) -> AccountProof:
    """Return the proof that came: the signature in its header or else in the query, `expires` in the query."""
    signature = request.headers.get(HEADER, "") or request.GET.get("signature", "")
    return AccountProof(signature=signature[:_LONGEST], expires=request.GET.get("expires", "")[:_LONGEST])


def require_signature(request: HttpRequest, pages: CompanyPages, account_id: str) -> None:
    """Return where the request may ask for this account. Raises NotSigned; TooMany after too many wrong signatures."""
    if not getattr(settings, pages.signed_by):  # where it holds blanks alone, nothing verifies
        return
    client = client_key(request.META)
    lockout.count(request, "company.client", client, limit=TRIES, seconds=limits.MINUTE)
    try:
        is_signed = proof_of(request).is_valid(account_id_of(account_id), setting=pages.signed_by)
    except InvalidAccount as error:
        raise NotSigned from error
    if not is_signed:
        raise NotSigned
    lockout.forgive("company.client", client)
