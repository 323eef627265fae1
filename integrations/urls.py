"""One route for each endpoint and each operator's page of each provider's manifest."""

from django.urls import URLPattern, re_path

from integrations import registry
from integrations.api.health import health
from integrations.api.operator import OperatorView
from integrations.api.webhooks import ProbedWebhookView, WebhookView
from integrations.contracts.operator import OperatorPage
from integrations.contracts.provider import Endpoint, Provider


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


urlpatterns = [
    re_path(r"^health/?$", health, name="health"),
    *(_route(provider, endpoint) for provider in registry.all_providers().values() for endpoint in provider.endpoints),
    *(_page(provider, page) for provider in registry.all_providers().values() for page in provider.operator_pages),
]
