"""What mail providers report: Anymail's webhooks, open for the providers that are in use and for no other."""

from http import HTTPStatus

from anymail.exceptions import AnymailWebhookValidationFailure
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve
from django.views.decorators.csrf import csrf_exempt

from accounts.signin import lockout
from core import strict_json
from core.web import limits
from core.web.client_address import client_key
from core.web.guards import takes_body

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@takes_body(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)  # whole mails come in here
@csrf_exempt
def report(request: HttpRequest, path: str) -> HttpResponseBase:
    """Hand the request to Anymail's view for `path` ("postmark/tracking/"), which checks ANYMAIL_WEBHOOK_SECRET.

    404 for a provider that is not in use: Anymail's view would miss its settings. 400 for JSON that it would break on.
    429 after too many wrong secrets of a client; right ones, however many, are not limited.
    """
    if path.partition("/")[0] not in settings.MAIL_WEBHOOKS:
        raise Http404
    try:
        match = resolve(f"/{path.rstrip('/')}/", urlconf="anymail.urls")
    except Resolver404 as error:
        raise Http404 from error
    if request.method != "POST":
        return _hand_over(match, request)  # nothing is judged
    if request.content_type not in _FORMS:
        try:
            strict_json.read(request.body)
        except strict_json.InvalidJson as error:
            raise BadRequest(str(error)) from error
    client = client_key(request.META)
    try:
        lockout.count(
            request, "mail_webhooks.client", client, limit=settings.RATE_LIMIT_UNVERIFIED, seconds=limits.MINUTE
        )
    except lockout.TooMany as error:
        return HttpResponse(status=HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": str(error.retry_after)})
    is_verified = True
    try:
        return _hand_over(match, request)
    except AnymailWebhookValidationFailure:
        is_verified = False
        raise
    finally:
        if is_verified:
            lockout.forgive("mail_webhooks.client", client)


def _hand_over(match: ResolverMatch, request: HttpRequest) -> HttpResponseBase:
    answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return answer
