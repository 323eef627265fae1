"""URLs for machines: one route for each endpoint, operator's page and company page of each manifest."""

from django.urls import URLPattern, re_path

from integrations import registry
from integrations.api.companies import CompanyView, SystemInfoView
from integrations.api.operator import OperatorView
from integrations.contracts.operator import OperatorPage
from integrations.contracts.provider import CompanyPages, Endpoint, Provider
from integrations.inbox.api.webhooks import ProbedWebhookView, WebhookView
from integrations.operations.api.health import health


def _route(provider: Provider, endpoint: Endpoint) -> URLPattern:
    view = ProbedWebhookView if endpoint.answers_get else WebhookView
    token = r"(?:/(?P<token>[^/]+))?" if endpoint.takes_token_in_path else ""
    return re_path(
        rf"^{endpoint.path}{token}/?$",
        view.as_view(provider=provider, endpoint=endpoint),
        name=f"webhook-{provider.key}-{endpoint.name}",
    )


def _page(provider: Provider, page: OperatorPage) -> URLPattern:
    return re_path(rf"^{page.path}/?$", OperatorView.as_view(page=page), name=f"operator-{provider.key}-{page.name}")


def _company(provider: Provider, pages: CompanyPages) -> URLPattern:
    view = CompanyView.as_view(provider=provider, pages=pages)
    return re_path(rf"^{pages.path}/company/(?P<account_id>[^/]+)/?$", view, name=f"company-{provider.key}")


urlpatterns = [
    re_path(r"^health/?$", health, name="health"),
    re_path(r"^api/system/info/?$", SystemInfoView.as_view(), name="system-info"),
    *(_route(provider, endpoint) for provider in registry.all_providers().values() for endpoint in provider.endpoints),
    *(_page(provider, page) for provider in registry.all_providers().values() for page in provider.operator_pages),
    *(
        _company(provider, provider.company_pages)
        for provider in registry.all_providers().values()
        if provider.company_pages is not None
    ),
]
