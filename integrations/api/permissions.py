from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from accounts.signin import lockout
from accounts.signin.api.permissions import AsListed
from core.web import limits
from core.web.access import Rule
from core.web.client_address import client_key
from integrations.toolkit.signatures import equals_any, secrets_in

TRIES = 10  # wrong secrets of one client in a minute


class AsListedOrMonitor(AsListed):
    """The table's rule for the address, or a request with one of the secrets that it names (METRICS_TOKEN)."""

    def lets_in(self, request: Request, rule: Rule) -> bool:
        return super().lets_in(request, rule) or bears_secret(request._request, rule)


def bears_secret(request: HttpRequest, rule: Rule) -> bool:
    """Return whether the request bears one of the secrets of `rule`. Raises Throttled after too many wrong ones."""
    scheme, _space, given = request.headers.get("Authorization", "").strip().partition(" ")
    accepted = secrets_in(rule.setting) if rule.setting else []
    if scheme.lower() != "bearer" or not accepted:
        return False
    scope, client = f"{rule.scope}.client", client_key(request.META)
    try:
        lockout.count(request, scope, client, limit=TRIES, seconds=limits.MINUTE)
    except lockout.TooMany as error:
        raise Throttled(error.retry_after) from error
    if not equals_any(given.strip(), accepted):
        return False
    lockout.forgive(scope, client)
    return True
