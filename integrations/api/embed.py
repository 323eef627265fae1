"""The page that Chatwoot shows in a frame: what has become of the account's company.

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
from integrations.api.signed_accounts import NotSigned, proof_of, require_signature
from integrations.contracts.provider import CompanyPages


@never_cache
@require_safe
def dashboard(request: HttpRequest, *, company_view: str, pages: CompanyPages) -> HttpResponse:
    """`/embed/dashboard?accountId=123`. `company_view` names the URL that its script asks, with the page's signature.

    The one page that others may show in a frame, those of CHATWOOT_FRAME_ORIGINS: nothing can be pressed in it that
    changes anything, and it reads no session.
    """
    try:
        account_id = companies.account_id_of(request.GET.get("accountId", ""))
    except InvalidAccount:
        account_id = ""
    context = {"company_url": "", "refused": False}
    status, retry_after = HTTPStatus.OK, ""
    if account_id:
        try:
            require_signature(request, pages, account_id)
            context["company_url"] = _with_proof(reverse(company_view, args=[account_id]), request)
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
        response.xframe_options_exempt = True  # it knows no list of origins
    return response


def home(request: HttpRequest) -> HttpResponseBase:
    """`/`: with an accountId what `/embed/dashboard` answers, under its rules; else the way to people's pages."""
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
