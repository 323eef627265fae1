"""The second factor of staff: which sessions still need it. Its pages are in the console."""

from typing import Any

import django_otp
from django.conf import settings
from django.http import HttpRequest


def is_missing(request: HttpRequest) -> bool:
    """Return whether this signed-in member of staff has not given the second factor in this session."""
    user: Any = request.user
    if user.is_verified():
        return False
    return settings.ADMIN_2FA == "required" or has_device(request)


def has_device(request: HttpRequest) -> bool:
    """Return whether the user has a confirmed device; asked several times for one page, looked up once."""
    user: Any = request.user
    if not hasattr(user, "_has_second_factor"):
        user._has_second_factor = django_otp.user_has_device(user)
    return bool(user._has_second_factor)
