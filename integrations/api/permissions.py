from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.permissions import IsStaff
from integrations.toolkit.signatures import equals_any, secrets_in


class IsStaffOrMonitor(BasePermission):
    """Staff, or whoever sends one of METRICS_TOKEN; without that setting staff alone."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return is_monitor(request._request) or IsStaff().has_permission(request, view)


def is_monitor(request: HttpRequest) -> bool:
    """Whether the request bears one of METRICS_TOKEN."""
    scheme, _space, given = request.headers.get("Authorization", "").strip().partition(" ")
    return scheme.lower() == "bearer" and equals_any(given.strip(), secrets_in("METRICS_TOKEN"))
