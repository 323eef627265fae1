"""Limits on requests, checked before anything works on them: the address, the headers, and the length of the body.

What passes has no control character where one line is expected, and a body no longer than the view takes. Webhooks,
which machines send, have a limit and answers of their own (`declared_length`).
"""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from core.text import KEY, TEXT
from core.web.refusals import refusal

NOTHING_TO_LOAD = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
LONGEST_PATH = 2000  # characters
LONGEST_QUERY = 8192  # bytes
# A tab may come from a spreadsheet, into a search box; the others belong in no line.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ENCODED_CONTROL = re.compile(r"%(?:0[0-8a-f]|1[0-9a-f]|7f)", re.IGNORECASE)
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_BODY_LIMIT = "body_limit"

View = Callable[..., HttpResponseBase]


class LengthUnknown(Exception):
    """The request does not say how long its body is; `status` is how it is answered."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


def declared_length(meta: Mapping[str, Any], *, required: bool = False) -> int:
    """Return the length of the body by the headers alone; 0 where none is declared, unless one is `required`.

    Some servers hand Django a chunked body empty and others joined, so chunks are refused on all of them. Raises
    LengthUnknown.
    """
    length = str(meta.get("CONTENT_LENGTH") or "")
    if meta.get("HTTP_TRANSFER_ENCODING") or (required and not length):
        raise LengthUnknown(HTTPStatus.LENGTH_REQUIRED)
    if not length:
        return 0
    if not (length.isascii() and length.isdigit()):
        raise LengthUnknown(HTTPStatus.BAD_REQUEST)
    return int(length[:16])  # as many digits are too long for everybody


def takes_body(limit: int) -> Callable[[View], View]:
    """Let a view take bodies of up to `limit` bytes, whoever sends them."""

    def mark(view: View) -> View:
        setattr(view, _BODY_LIMIT, limit)
        return view

    return mark


class RequestLineMiddleware:
    """Refuses an address or a header that is too long or holds a control character: 414 and 400."""

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        query = str(request.META.get("QUERY_STRING", ""))
        if len(request.path_info) > LONGEST_PATH or len(query) > LONGEST_QUERY:
            return _refused(
                request, _("The address is too long."), HTTPStatus.REQUEST_URI_TOO_LONG, code="address_too_long"
            )
        lines = (value for name, value in request.META.items() if name.startswith("HTTP_") and isinstance(value, str))
        if (
            _CONTROL.search(request.path_info)
            or _CONTROL.search(query)
            or _ENCODED_CONTROL.search(query)
            or any(map(_CONTROL.search, lines))
        ):
            text = _("The request holds a character that cannot be used.")
            return _refused(request, text, HTTPStatus.BAD_REQUEST, code="bad_character")
        return self._get_response(request)


class RequestBodyMiddleware:
    """Refuses a body that is longer than the view takes, before it is read, and a form with a field that is too long.

    Staff may send files to the console. It stands behind the middleware that knows the user, and before whatever reads
    forms.
    """

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: View, *args: Any) -> HttpResponse | None:
        try:
            length = declared_length(request.META)
        except LengthUnknown as error:
            text = _("Send a Content-Length; chunked bodies are not accepted.")
            return _refused(request, text, error.status, code="length_required")
        limit = getattr(view, _BODY_LIMIT, None) or _limit_for(request, length)
        if length > limit:
            text = _("The body is too long: at most %(limit)d bytes are accepted.") % {"limit": limit}
            return _refused(request, text, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code="body_too_long")
        if request.content_type in _FORMS and not hasattr(view, _BODY_LIMIT) and not _is_sound(request):
            return _refused(request, _("The form cannot be read."), HTTPStatus.BAD_REQUEST, code="bad_form")
        return None


def _limit_for(request: HttpRequest, length: int) -> int:
    if length <= settings.MAX_BODY:
        return int(settings.MAX_BODY)  # without looking who it is, which may cost queries
    match = request.resolver_match
    is_staff = getattr(request.user, "is_staff", False) and getattr(request.user, "is_active", False)
    return int(settings.LARGEST_UPLOAD if match and match.app_name == "admin" and is_staff else settings.MAX_BODY)


def _is_sound(request: HttpRequest) -> bool:
    """Return whether every field of the form is within its limit. Django refuses too many of them itself."""
    try:
        fields = request.POST.lists()
    except (UnreadablePostError, MultiPartParserError, SuspiciousOperation):  # Django would log a traceback for each
        return False
    return not any(
        len(name) > KEY or "\x00" in name or any(len(text) > TEXT or "\x00" in text for text in values)
        for name, values in fields
    )


def _refused(request: HttpRequest, message: str, status: HTTPStatus, *, code: str) -> HttpResponse:
    answer: HttpResponse
    if "text/html" in request.headers.get("Accept", ""):  # as every browser sends
        answer = HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")
    else:
        answer = JsonResponse(refusal(message, code=code), status=status)
    answer.headers["Content-Security-Policy"] = NOTHING_TO_LOAD
    return answer
