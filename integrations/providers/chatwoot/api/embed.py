"""Page that Chatwoot shows in a frame: the state of the account's company.

Frames load it as `/embed/dashboard?accountId=123` or as `/?accountId=123`.
"""

from http import HTTPStatus
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import resolve, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.people import companies
from accounts.people.companies import InvalidAccount
from accounts.signin import views
from core.web.access import require_listed
from core.web.guesses import TooMany
from integrations.providers.chatwoot.api.signed_accounts import NotSigned, proof_of, require_signature

COMPANY = "company-chatwoot"  # the name of the look-up's URL


@never_cache
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the page (`/embed/dashboard?accountId=123`); its script asks for the company, with the page's signature.

    It is the one page that CHATWOOT_FRAME_ORIGINS may show in a frame: it has no button that changes anything, and it
    reads no session.
    """
    try:
        account_id = companies.account_id_of(request.GET.get("accountId", ""))
    except InvalidAccount:
        account_id = ""
    context = {"company_url": "", "refused": False}
    status, retry_after = HTTPStatus.OK, ""
    if account_id:
        try:
            require_signature(request, account_id)
            context["company_url"] = _with_proof(reverse(COMPANY, args=[account_id]), request)
        except NotSigned:
            context["refused"], status = True, HTTPStatus.FORBIDDEN
        except TooMany as error:
            context["refused"], status = True, HTTPStatus.TOO_MANY_REQUESTS
            retry_after = str(error.retry_after)
    response = render(request, "embed/dashboard.html", context, status=status)
    if retry_after:
        response["Retry-After"] = retry_after
    if settings.CHATWOOT_FRAME_ORIGINS:
        response._csp_replace = {"frame-ancestors": settings.CHATWOOT_FRAME_ORIGINS}  # type: ignore[attr-defined]
        response.xframe_options_exempt = True  # the header allows no list of origins
    return response


def home(request: HttpRequest) -> HttpResponseBase:
    """Answer `/`: with an accountId as `/embed/dashboard`, under its access rules; else redirect to people's pages."""
    if "accountId" not in request.GET:
        return views.home(request)
    request.resolver_match = match = resolve(reverse("embed"))
    require_listed(request)
    answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return answer


def _with_proof(url: str, request: HttpRequest) -> str:
    proof = proof_of(request)
    query = {name: value for name, value in (("signature", proof.signature), ("expires", proof.expires)) if value}
    return f"{url}?{urlencode(query)}" if query else url
