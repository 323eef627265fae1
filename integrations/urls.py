"""Addresses of webhooks, staff's API and health, and those that providers' folders have of their own (their `urls`).

MACHINES have no session, no language and no forms: `integrations.middleware` answers them before all that.
"""

from django.urls import URLPattern, re_path

from integrations import registry
from integrations.contracts.provider import Endpoint, Provider
from integrations.inbox.api.webhooks import ProbedWebhookView, WebhookView
from integrations.operations.api.explain import Explain
from integrations.operations.api.health import health
from integrations.operations.api.metrics import PrometheusView
from integrations.operations.api.system_info import SystemInfoView
from integrations.outbox.api.manual_sync import ManualSync, ManualSyncStatus
from integrations.reconcile.api.subscriptions import SyncSubscription, SyncSubscriptionStatus, VerifySubscription


def _webhook(provider: Provider, endpoint: Endpoint) -> URLPattern:
    view = ProbedWebhookView if endpoint.answers_get else WebhookView
    token = r"(?:/(?P<token>[^/]+))?" if endpoint.takes_token_in_path else ""
    return re_path(
        rf"^{endpoint.path}{token}/?$",
        view.as_view(provider=provider, endpoint=endpoint),
        name=f"webhook-{provider.key}-{endpoint.name}",
    )


def _subscription(provider: Provider) -> list[URLPattern]:
    """Return the addresses by which a member's subscription is compared with what a provider says, and made equal."""
    user, ending = r"^api/admin/users/(?P<user_id>[0-9]+)", f"-{provider.key}-subscription"
    return [
        re_path(rf"{user}/verify{ending}/?$", VerifySubscription.as_view(provider=provider), name=f"verify{ending}"),
        re_path(rf"{user}/sync{ending}/?$", SyncSubscription.as_view(provider=provider), name=f"sync{ending}"),
        re_path(
            rf"{user}/sync{ending}/(?P<sync_id>[0-9]+)/?$",
            SyncSubscriptionStatus.as_view(provider=provider),
            name=f"sync{ending}-status",
        ),
    ]


_PROVIDERS = list(registry.all_providers().values())
_OWN = registry.modules("urls")

MACHINES = [
    re_path(r"^health/?$", health, name="health"),
    re_path(r"^api/system/info/?$", SystemInfoView.as_view(), name="system-info"),
    *(_webhook(provider, endpoint) for provider in _PROVIDERS for endpoint in provider.endpoints),
    *(route for module in _OWN for route in getattr(module, "MACHINES", [])),
]
PEOPLE = [
    re_path(r"^api/admin/explain/?$", Explain.as_view(), name="explain"),
    re_path(r"^api/v1/sync/manual/?$", ManualSync.as_view(), name="manual-sync"),
    re_path(r"^api/v1/sync/manual/(?P<event_id>[0-9]+)/?$", ManualSyncStatus.as_view(), name="manual-sync-status"),
    re_path(r"^metrics/?$", PrometheusView.as_view(), name="metrics"),
    *(route for one in _PROVIDERS if one.pulls and one.pulls.sells_memberships for route in _subscription(one)),
    *(route for module in _OWN for route in getattr(module, "PEOPLE", [])),
]
urlpatterns = [*MACHINES, *PEOPLE]
