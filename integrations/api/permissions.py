from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.permissions import IsStaff
from accounts.signin import lockout
from core.web import limits
from core.web.client_address import client_key
from integrations.toolkit.signatures import equals_any, secrets_in

TRIES = 10  # wrong tokens of one client in a minute


class IsStaffOrMonitor(BasePermission):
    """Staff, or whoever sends one of METRICS_TOKEN; without that setting staff alone."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return IsStaff().has_permission(request, view) or is_monitor(request._request)


def is_monitor(request: HttpRequest) -> bool:
    """Return whether the request bears one of METRICS_TOKEN. Raises Throttled after too many wrong ones."""
    scheme, _space, given = request.headers.get("Authorization", "").strip().partition(" ")
    accepted = secrets_in("METRICS_TOKEN")
    if scheme.lower() != "bearer" or not accepted:
        return False
    client = client_key(request.META)
    try:
        lockout.count(request, "metrics.client", client, limit=TRIES, seconds=limits.MINUTE)
    except lockout.TooMany as error:
        raise Throttled(error.retry_after) from error
    if not equals_any(given.strip(), accepted):
        return False
    lockout.forgive("metrics.client", client)
    return True
