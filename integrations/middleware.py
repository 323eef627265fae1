"""Requests of machines skip what is made for people: sessions, languages, forms, messages."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseForbidden
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, URLResolver, get_resolver

from core.web.access import require_listed
from core.web.guards import NOTHING_TO_LOAD


class MachineRequestsMiddleware:
    """Answers what `integrations.urls` routes (webhooks, operators' calls, health) without the middleware that follows.

    It stands behind the middleware that sets security headers, so these are on every answer all the same.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._routes: URLResolver = get_resolver("integrations.urls")

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
