"""The second factor of staff: which sessions still need it. Its pages are in the console."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django_otp import device_classes


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
        # One statement on every page of who has none, where django_otp asks once for each kind.
        kinds = [kind.objects.devices_for_user(user, confirmed=True).order_by() for kind in device_classes()]
        keys = [devices.values_list("pk") for devices in kinds]
        user._has_second_factor = bool(keys) and keys[0].union(*keys[1:], all=True).exists()
    return bool(user._has_second_factor)
