"""Addresses for staff: apart from `urls`, whose requests are machines' and have no session."""

from django.urls import URLPattern, re_path

from integrations import registry
from integrations.contracts.provider import Provider
from integrations.operations.api.explain import Explain
from integrations.operations.api.metrics import PrometheusView
from integrations.outbox.api.manual_sync import ManualSync, ManualSyncStatus
from integrations.reconcile.api.subscriptions import (
    SubscriptionCheck,
    SyncSubscription,
    SyncSubscriptionStatus,
    VerifySubscription,
)


def _route(provider: Provider, verb: str, view: type[SubscriptionCheck], *, of: str = "", name: str = "") -> URLPattern:
    return re_path(
        rf"^api/admin/users/(?P<user_id>[0-9]+)/{verb}-{provider.key}-subscription{of}/?$",
        view.as_view(provider=provider),
        name=f"{verb}-{provider.key}-subscription{name}",
    )


_with_purchases = [
    provider
    for provider in registry.all_providers().values()
    if provider.pulls is not None and provider.pulls.sells_memberships
]

urlpatterns = [
    re_path(r"^api/admin/explain/?$", Explain.as_view(), name="explain"),
    re_path(r"^api/v1/sync/manual/?$", ManualSync.as_view(), name="manual-sync"),
    re_path(r"^api/v1/sync/manual/(?P<event_id>[0-9]+)/?$", ManualSyncStatus.as_view(), name="manual-sync-status"),
    re_path(r"^metrics/?$", PrometheusView.as_view(), name="metrics"),
    *(_route(provider, "verify", VerifySubscription) for provider in _with_purchases),
    *(_route(provider, "sync", SyncSubscription) for provider in _with_purchases),
    *(
        _route(provider, "sync", SyncSubscriptionStatus, of="/(?P<sync_id>[0-9]+)", name="-status")
        for provider in _with_purchases
    ),
]
