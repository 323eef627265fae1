"""Requests of machines skip what is made for people: sessions, languages, forms, messages."""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseForbidden, JsonResponse
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, URLResolver
from django.urls.resolvers import RegexPattern

from core.web.access import require_listed
from core.web.guards import NOTHING_TO_LOAD
from core.web.refusals import refusal
from integrations.urls import MACHINES

API = ("/api/", "/anymail/", "/metrics")  # machines' too, though staff's browsers may ask some of it
HEALTH = "/health"


class MachineRequestsMiddleware:
    """Answers the MACHINES of `integrations.urls` (webhooks, look-ups, health) without the middleware that follows.

    It stands behind the middleware that sets security headers, so these are on every answer all the same.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._routes: URLResolver = URLResolver(RegexPattern(r"^/"), MACHINES)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            match = self._routes.resolve(request.path_info)
        except Resolver404:
            return self._get_response(request)
        request.resolver_match = match
        try:
            require_listed(request)
        except PermissionDenied:
            return HttpResponseForbidden()
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if isinstance(response, SimpleTemplateResponse):  # Django REST framework's are
            response.render()
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.headers["Content-Security-Policy"] = NOTHING_TO_LOAD
        return response


class HttpsForMachinesMiddleware:
    """Refuses plain http where machines ask, instead of leading them to https as it is done with people.

    A redirect would come after the secret, the token or the event was sent in the clear, and nobody would notice; and
    a POST would be repeated as a GET. Stands before Django's SecurityMiddleware, which redirects, and where that does
    not redirect it is left out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.SECURE_SSL_REDIRECT:
            raise MiddlewareNotUsed
        self._get_response = get_response
        self._routes: URLResolver = URLResolver(RegexPattern(r"^/"), MACHINES)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.is_secure() and self._is_asked_by_machines(request.path_info):
            refused = JsonResponse(refusal("Use https.", code="https_required"), status=HTTPStatus.FORBIDDEN)
            refused.headers["Content-Length"] = str(len(refused.content))
            refused.headers["Content-Security-Policy"] = NOTHING_TO_LOAD
            refused.headers["X-Content-Type-Options"] = "nosniff"
            return refused
        return self._get_response(request)

    def _is_asked_by_machines(self, path: str) -> bool:
        if path.rstrip("/") == HEALTH:  # the load balancer asks over http
            return False
        if path.startswith(API):
            return True
        try:
            self._routes.resolve(path)
        except Resolver404:
            return False
        return True
