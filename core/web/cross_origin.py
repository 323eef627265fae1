"""Cross-origin requests: which addresses a browser on another origin may call, and what it may read of the answers.

The table of access says which (`Table.shared`), the settings that it names say which origins. Everybody else gets no
header, and browsers keep the answer from them. Cookies are never part of it (no `Access-Control-Allow-Credentials`), so
another site learns nothing by a visitor's browser that it could not ask itself.
"""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers

from core.web import access
from core.web.access import EVERY_METHOD

SECONDS = 600  # for which a browser need not ask again
_READABLE = "Retry-After"  # beside the headers that every script may read
_DEFAULT_PORTS = {"http": 80, "https": 443}


class CrossOriginMiddleware:
    """Answers preflights, and names the origin that may read on every other answer, errors too.

    It stands outside of whatever may refuse, and inside of what sets headers and leads to https.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        origin = request.headers.get("Origin", "")
        if not origin:  # most requests: no address is looked up for them
            response = self._get_response(request)
            match = request.resolver_match
            if match is not None and match.view_name in access.table().shared:
                patch_vary_headers(response, ["Origin"])
            return response
        name = _name_of(request.path_info)
        shared = access.table().shared.get(name)
        if shared is None:
            return self._get_response(request)
        is_allowed = any(origin in getattr(settings, setting) for setting in shared.origins)
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        response = HttpResponse(status=HTTPStatus.NO_CONTENT) if is_preflight else self._get_response(request)
        patch_vary_headers(response, ["Origin"])
        if is_allowed:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _READABLE
        if is_allowed and request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = ", ".join(_methods(name))
            response.headers["Access-Control-Allow-Headers"] = ", ".join(shared.headers)
            response.headers["Access-Control-Max-Age"] = str(SECONDS)
        return response


def problem_of(origin: str) -> str:
    """Return why no browser would send this origin, as a hint to whoever wrote it; "" where one would."""
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "Write it as https://host."
    if parts.scheme not in _DEFAULT_PORTS or not host or not host.isascii() or not set(host).isdisjoint("*;,_'\" "):
        return "Write it as https://host, without wildcards; letters of other scripts as xn--…"
    brackets = f"[{host}]" if ":" in host else host
    sent = f"{parts.scheme}://{brackets}" + (f":{port}" if port and port != _DEFAULT_PORTS[parts.scheme] else "")
    return "" if origin == sent else f"Browsers send {sent}: write that."


def _name_of(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""


def _methods(name: str) -> list[str]:
    """Return the methods of an address as the table of access lists them."""
    return [method for method in access.table().methods(name) if method != EVERY_METHOD]
