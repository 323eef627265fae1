from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework.permissions import BasePermission

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsStaff(BasePermission):
    """Active staff; where ADMIN_2FA is required, a session must have shown its second factor (a token is one by
    itself).
    """

    def has_permission(self, request: "Request", view: "APIView") -> bool:
        user: Any = request.user
        if not (user and user.is_authenticated and user.is_active and user.is_staff):
            return False
        if settings.ADMIN_2FA != "required" or request.auth is not None:
            return True
        return bool(user.is_verified())
