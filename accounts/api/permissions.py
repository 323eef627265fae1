from typing import TYPE_CHECKING, Any

from rest_framework.permissions import BasePermission

from accounts.second_factor import is_missing

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsStaff(BasePermission):
    """Active staff; a session must have shown the second factor where one is due, a token stands for itself."""

    def has_permission(self, request: "Request", view: "APIView") -> bool:
        user: Any = request.user
        if not (user and user.is_authenticated and user.is_active and user.is_staff):
            return False
        return request.auth is not None or not is_missing(request._request)
