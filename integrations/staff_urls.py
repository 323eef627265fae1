"""Addresses for staff: apart from `urls`, whose requests are machines' and have no session."""

from django.urls import URLPattern, re_path

from integrations import registry
from integrations.api.subscriptions import SubscriptionCheck, SyncSubscription, VerifySubscription
from integrations.contracts.provider import Provider
from integrations.contracts.pull import PurchaseSource


def _route(provider: Provider, verb: str, view: type[SubscriptionCheck]) -> URLPattern:
    return re_path(
        rf"^api/admin/users/(?P<user_id>[0-9]+)/{verb}-{provider.key}-subscription/?$",
        view.as_view(provider=provider),
        name=f"{verb}-{provider.key}-subscription",
    )


_with_purchases = [
    provider for provider in registry.all_providers().values() if isinstance(provider.pulls, PurchaseSource)
]

urlpatterns = [
    *(_route(provider, "verify", VerifySubscription) for provider in _with_purchases),
    *(_route(provider, "sync", SyncSubscription) for provider in _with_purchases),
]
