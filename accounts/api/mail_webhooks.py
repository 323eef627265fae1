"""What mail providers report: Anymail's webhooks, open for the providers that are in use and for no other."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def report(request: HttpRequest, path: str) -> HttpResponseBase:
    """Hand the request to Anymail's view for `path` ("postmark/tracking/"), which checks ANYMAIL_WEBHOOK_SECRET.

    404 for a provider that is not in use: Anymail's view would miss its settings.
    """
    if path.partition("/")[0] not in settings.MAIL_WEBHOOKS:
        raise Http404
    try:
        match = resolve(f"/{path.rstrip('/')}/", urlconf="anymail.urls")
    except Resolver404 as error:
        raise Http404 from error
    answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return answer
