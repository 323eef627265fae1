"""Addresses about companies for people: staff's metrics, which take a session too, and the page in a frame."""

from django.urls import URLPattern, re_path

from integrations import registry
from integrations.contracts.provider import CompanyPages, Provider
from integrations.providers.chatwoot.api.companies import MetricsView
from integrations.providers.chatwoot.api.embed import dashboard


def _routes(provider: Provider, pages: CompanyPages) -> list[URLPattern]:
    metrics = MetricsView.as_view(provider=provider, pages=pages)
    return [
        re_path(rf"^{pages.path}/metrics/?$", metrics, name=f"metrics-{provider.key}"),
        re_path(
            r"^embed/dashboard/?$", dashboard, {"company_view": f"company-{provider.key}", "pages": pages}, name="embed"
        ),
    ]


urlpatterns = [
    route
    for provider in registry.all_providers().values()
    if provider.company_pages is not None
    for route in _routes(provider, provider.company_pages)
]
