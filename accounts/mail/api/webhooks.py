"""Webhooks of mail providers, open for the providers in use only.

Anymail's webhooks do it, except for Amazon SES: Anymail's need boto3, and check no signature.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

from anymail.exceptions import AnymailAPIError, AnymailConfigurationError, AnymailWebhookValidationFailure
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.test import RequestFactory
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

from accounts.mail.amazon_ses import webhook as amazon_ses
from accounts.signin import lockout
from core import strict_json
from core.web import limits
from core.web.client_address import client_key
from core.web.guards import takes_body

logger = logging.getLogger(__name__)
View = Callable[[HttpRequest], HttpResponseBase]
# What Anymail's views raise for a report of another form. Unisender Go's reads the body to check its signature.
_SHAPE_ERRORS = (AnymailAPIError, AttributeError, LookupError, TypeError, ValueError)
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@takes_body(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)  # whole mails come in here
@csrf_exempt
def report(request: HttpRequest, path: str) -> HttpResponseBase:
    """Hand the request to the view for `path` ("postmark/tracking/"), which checks ANYMAIL_WEBHOOK_SECRET.

    404 for a provider that is not in use, or whose view lacks a setting or a package. 400 for what is not proven, and
    for JSON that the view would break on. 429 after too many wrong secrets of a client; right ones, however many, are
    not limited. 503 where nobody can say now whether the request is genuine.
    """
    if path.partition("/")[0] not in settings.MAIL_WEBHOOKS:
        raise Http404
    view = view_of(path)
    if request.method != "POST":
        return _hand_over(view, request)  # nothing is judged
    if request.content_type not in _FORMS:
        try:
            strict_json.read(request.body)
        except strict_json.InvalidJson as error:
            return _refused(error)
    client = client_key(request.META)
    try:
        lockout.count(
            request, "mail_webhooks.client", client, limit=settings.RATE_LIMIT_UNVERIFIED, seconds=limits.MINUTE
        )
    except lockout.TooMany as error:
        return HttpResponse(status=HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": str(error.retry_after)})
    is_verified = True
    try:
        return _hand_over(view, request)
    except AnymailWebhookValidationFailure as error:
        is_verified = False
        return _refused(error)
    except amazon_ses.NotVerified as error:
        is_verified = False
        logger.warning("a report of SES is not verified: %s", error)
        return amazon_ses.come_again()
    finally:
        if is_verified:
            lockout.forgive("mail_webhooks.client", client)


def _refused(error: Exception) -> HttpResponse:
    """Answer with 400 and a line in the log: Django would write a traceback for each, whoever sends them."""
    logger.warning("a report of a mail provider is refused: %s", str(error).partition("\n")[0][:200])
    return HttpResponse(status=HTTPStatus.BAD_REQUEST)


def view_of(path: str) -> View:
    """Return the view for `path`. Raises Http404 where there is none."""
    path = f"{path.rstrip('/')}/"
    if path == "amazon_ses/tracking/":
        return amazon_ses.receive
    try:
        match = resolve(f"/{path}", urlconf="anymail.urls")
    except Resolver404 as error:
        raise Http404 from error
    return lambda request: match.func(request, *match.args, **match.kwargs)


def _hand_over(view: View, request: HttpRequest) -> HttpResponseBase:
    try:
        return view(request)
    except AnymailConfigurationError as error:  # `manage.py check` explains it
        logger.warning("reports of a mail provider are not taken: %s", str(error).partition("\n")[0])
        raise Http404 from error
    except _SHAPE_ERRORS as error:
        if amazon_ses.knows_secret(request):  # somebody who may know about it, and comes again
            raise
        raise AnymailWebhookValidationFailure("a report that cannot be read, before it was proven") from error


def check(provider: str) -> None:
    """Check that a provider's reports can be received. Raises Http404, or AnymailConfigurationError with what lacks.

    Some views look for their settings when they are made, others when they are asked: so each is asked, without proof.
    """
    views = [view for path in (f"{provider}/tracking/", f"{provider}/") if (view := _view_or_none(path)) is not None]
    if not views:
        raise Http404
    for view in views:
        with suppress(SuspiciousOperation):  # not proven, as it has to be
            view(RequestFactory().post("/", b"{}", content_type="application/json"))


def _view_or_none(path: str) -> View | None:
    try:
        return view_of(path)
    except Http404:
        return None
