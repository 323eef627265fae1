"""Views that an operator calls with a password, by curl or in a browser: password, limits and errors of all pages."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.utils import translation
from django.utils.translation import gettext as _
from django.views import View

from accounts.signin import lockout
from accounts.staff.audit import record
from core.web import limits
from core.web.client_address import client_address, client_key
from core.web.guards import LengthUnknown, declared_length
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.toolkit.failures import NotConfigured
from integrations.toolkit.signatures import equals_any

logger = logging.getLogger(__name__)

PASSWORD = "WEBHOOK_CONFIG_PASSWORD"  # noqa: S105 (the setting; without it the pages do not exist)
TRIES = 10  # wrong passwords of one address in a minute, over all pages
MAX_FORM = 64 * 1024  # bytes
METHODS = ("GET", "POST")
_FAILED = {"success": False}


@dataclass(frozen=True, kw_only=True)
class OperatorCall:
    """Call with the right password: `method` is GET or POST, `parameters` come from the query or a form."""

    method: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class OperatorAnswer:
    """JSON answer of a page."""

    content: Mapping[str, Any]
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OperatorPage:
    """Page for operators. `path` has no slashes around it.

    `answer` may raise Retryable or Permanent, which become an answer that says what failed, and ValueError for a
    parameter that makes no sense. Its result and their messages hold no secret: they are shown as they are.

    `about`, `parameters` (each with what it says) and `example`, an answer, are for /docs.
    """

    name: str
    path: str
    answer: Callable[[OperatorCall], OperatorAnswer]
    about: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)


class OperatorView(View):
    """View of a page; 404 while no password is set. The password comes in a header, the query or a form.

    Not HEAD: a GET may change something here, and whoever asks with HEAD means to change nothing.
    """

    page: OperatorPage = None  # type: ignore[assignment]  # given by as_view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with translation.override(translation.get_language_from_request(request)):
            answer = self._answer(request)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"  # the address may hold the password
        # Django would log the request with its whole address; our own log line has none.
        answer._has_been_logged = True  # type: ignore[attr-defined]
        return answer

    def _answer(self, request: HttpRequest) -> JsonResponse:
        password = str(getattr(settings, PASSWORD))
        if not password.strip():
            return _refused(_("Not found."), HTTPStatus.NOT_FOUND)
        if request.method not in METHODS:
            return _refused(_("Use GET or POST."), HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(METHODS)})
        try:
            parameters = _parameters(request)
        except (LengthUnknown, BadRequest, SuspiciousOperation, MultiPartParserError, UnreadablePostError):
            return _refused(_("The form cannot be read."), HTTPStatus.BAD_REQUEST)
        client = client_key(request.META)
        try:
            lockout.count(request, "operator.client", client, limit=TRIES, seconds=limits.MINUTE)
        except lockout.TooMany as error:
            self._log_refusal(request)
            return _refused(
                _("Too many tries. Try again in %(seconds)d seconds.") % {"seconds": error.retry_after},
                HTTPStatus.TOO_MANY_REQUESTS,
                headers={"Retry-After": str(error.retry_after)},
            )
        if not equals_any(_given_password(request, parameters), [password]):
            self._log_refusal(request)
            record(
                "operator.denied",
                request=request,
                actor="operator",
                target=("operator", self.page.name),
                outcome="denied",
            )
            return _refused(_("Wrong password."), HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
        lockout.forgive("operator.client", client)
        return self._call(request, parameters)

    def _log_refusal(self, request: HttpRequest) -> None:
        sender = client_address(request.META)
        logger.warning("operator's call refused", extra={"page": self.page.name, "sender": sender})

    def _call(self, request: HttpRequest, parameters: Mapping[str, str]) -> JsonResponse:
        call = OperatorCall(method=str(request.method), parameters=parameters)
        try:
            answer = self.page.answer(call)
        except ValueError as error:
            return _refused(str(error), HTTPStatus.BAD_REQUEST)
        except NotConfigured as error:
            return _refused(str(error), HTTPStatus.SERVICE_UNAVAILABLE)
        except (Retryable, Permanent) as error:
            logger.warning("operator's call failed: %s", error, extra={"page": self.page.name})
            return _refused(str(error), HTTPStatus.BAD_GATEWAY)
        record(
            "operator.called",
            request=request,
            actor="operator",
            target=("operator", self.page.name),
            outcome="done" if answer.status < HTTPStatus.BAD_REQUEST else "failed",
            method=request.method,
            does=parameters.get("action", ""),
        )
        logger.info("operator's call answered", extra={"page": self.page.name, "status": int(answer.status)})
        return JsonResponse(dict(answer.content), status=answer.status, headers=dict(answer.headers))


def _parameters(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of the query and of a posted form, which win. Raises Django's errors for broken ones."""
    if declared_length(request.META) > MAX_FORM:
        raise BadRequest
    return {name: str(value) for name, value in [*request.GET.items(), *request.POST.items()]}


def _given_password(request: HttpRequest, parameters: Mapping[str, str]) -> str:
    """Return the password of the header, else that of the parameters: a wrong header gets no second chance."""
    scheme, _space, credentials = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        # WSGI reads headers as Latin-1; what was sent is UTF-8.
        return credentials.strip().encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    return parameters.get("password", "")


def _refused(message: str, status: HTTPStatus, *, headers: Mapping[str, str] | None = None) -> JsonResponse:
    return JsonResponse({**_FAILED, "message": message}, status=status, headers=dict(headers or {}))


def url_name(page: OperatorPage) -> str:
    """Return the name of the page's URL, by which the table of access lists it."""
    return f"operator-kajabi-{page.name}"
