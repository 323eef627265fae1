"""The page that Chatwoot shows in a frame: what has become of the account's company."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.services import companies
from accounts.services.companies import InvalidAccount


@never_cache
@require_safe
def dashboard(request: HttpRequest, *, company_view: str) -> HttpResponse:
    """`/embed/dashboard?accountId=123`. `company_view` names the URL that its script asks.

    The only page that others may show in a frame, those of CHATWOOT_FRAME_ORIGINS: nothing can be pressed in it that
    changes anything, and it reads no session.
    """
    try:
        account_id = companies.account_id_of(request.GET.get("accountId", ""))
    except InvalidAccount:
        account_id = ""
    company_url = reverse(company_view, args=[account_id]) if account_id else ""
    response = render(request, "embed/dashboard.html", {"company_url": company_url})
    if settings.CHATWOOT_FRAME_ORIGINS:
        response._csp_replace = {"frame-ancestors": settings.CHATWOOT_FRAME_ORIGINS}  # type: ignore[attr-defined]
        response.xframe_options_exempt = True  # it knows no list of origins
    return response
