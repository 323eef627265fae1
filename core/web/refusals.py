"""Refusals as JSON: one shape wherever the API refuses something before a view of it answers.

`message` can be shown to people as it is; `detail` is the same, by Django REST framework's name; `code` never changes.
"""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse
from django.template import loader
from django.utils.translation import gettext as _
from django.views import defaults

from core.web import branding

API = "/api/"


def refusal(message: str, *, code: str, **more: Any) -> dict[str, Any]:
    return {"success": False, "message": message, "detail": message, "code": code, **more}


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404: as JSON to whoever calls the API, else with the page."""
    if request.path_info.startswith(API):
        message = _("There is nothing at this address")
        return JsonResponse(refusal(message, code="not_found"), status=HTTPStatus.NOT_FOUND)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without any detail: as JSON to whoever calls the API, else with the page."""
    if request.path_info.startswith(API):
        message = _("Something went wrong on our side. Try again in a few minutes.")
        return JsonResponse(refusal(message, code="error"), status=HTTPStatus.INTERNAL_SERVER_ERROR)
    page = loader.get_template("500.html").render(
        {"brand": branding.current()}
    )  # without a request: that may have failed
    return HttpResponseServerError(page)
