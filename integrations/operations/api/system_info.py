"""`GET /api/system/info`: name, version and endpoints, for clients."""

from os.path import commonpath
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import View

from integrations import registry
from integrations.contracts.provider import Provider


class SystemInfoView(View):
    """Public."""

    http_method_names = ("get", "head")

    def get(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse(system_info())


def system_info() -> dict[str, Any]:
    """Return name, version, features and endpoints; no secrets, and nothing that helps an attacker."""
    providers = registry.all_providers().values()
    webhooks = {f"{provider.key}_webhooks": f"/{_path_of(provider)}" for provider in providers}
    return {
        "name": settings.SPECTACULAR_SETTINGS["TITLE"],
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
        "features": [feature for provider in providers for feature in provider.features],
        "endpoints": {"health": "/health", "api_schema": "/api/schema", **webhooks},
    }


def _path_of(provider: Provider) -> str:
    """Return the path that all of a provider's endpoints share, or else the first one's."""
    paths = [endpoint.path for endpoint in provider.endpoints]
    return commonpath(paths) or paths[0]
