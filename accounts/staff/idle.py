"""Staff who walked away are signed out: a console that was left open is not there for whoever comes next."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

LAST_USED = "staff_last_used"  # in the session: seconds since the epoch
BACKGROUND = "X-Background"  # of a page that refreshes itself: that is nobody at work
_PRECISION = 60  # seconds; a session is written once a minute at most, not at each request


def begin_use(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """Count from the sign-in, whose session is written anyway: the first page after it costs no more than others."""
    if request is not None and user.is_staff:
        request.session[LAST_USED] = int(timezone.now().timestamp())


class IdleStaffMiddleware:
    """Ends a session of staff that was not used for STAFF_IDLE_MINUTES; the request goes on as an anonymous one.

    Members keep their session to its absolute end. Only where there is a session cookie is the user looked at, so that
    nothing else costs a query. API tokens have no session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and getattr(request.user, "is_staff", False):
            now = timezone.now().timestamp()
            idle = now - request.session.get(LAST_USED, 0)  # none: of a version before this one, or made staff since
            if idle >= settings.STAFF_IDLE_MINUTES * 60:
                logout(request)
            elif idle >= _PRECISION and BACKGROUND not in request.headers:
                request.session[LAST_USED] = int(now)
        return self._get_response(request)
