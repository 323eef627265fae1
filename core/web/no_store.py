"""No browser and no proxy keeps a copy of what was shown: a page of one person must not be found by the next."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class NoStoreMiddleware:
    """Puts `Cache-Control: no-store` on every answer but those of CACHEABLE_PATHS.

    It stands before the middleware that answers by itself, so that it sees each answer. Closed by default: a new page
    is not stored unless somebody says that it is the same for everybody.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        cacheable = request.path_info.startswith(settings.CACHEABLE_PATHS) and response.status_code < 400
        if not cacheable and "no-store" not in response.headers.get("Cache-Control", ""):
            response.headers["Cache-Control"] = "no-store"
        return response
