"""Kajabi's own URLs: the operators' pages, and console pages that its documents name."""

from django.urls import path, re_path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from integrations.providers.kajabi.api.operator import OperatorView, url_name
from integrations.providers.kajabi.api.operator_pages import PAGES

# Former console page → its present URL.
_REDIRECTS = {
    "kajabiwebhookevent": "/admin/integrations/inboxevent/?provider=kajabi",
    "customuser": "/admin/accounts/user/?auth_provider__exact=kajabi",
}

MACHINES = [re_path(rf"^{page.path}/?$", OperatorView.as_view(page=page), name=url_name(page)) for page in PAGES]
PEOPLE = [
    path(f"admin/core/{page}/", require_safe(RedirectView.as_view(url=today)), name=f"former-{page}")
    for page, today in _REDIRECTS.items()
]
