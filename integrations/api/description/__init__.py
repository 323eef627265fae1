"""What /docs says beyond the API's own views: webhooks, operators' pages, look-ups, health. Made from the manifests."""

from typing import Any

from integrations import registry
from integrations.api.description import pages, webhooks


def describe(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add our paths to the schema: a postprocessing hook of drf-spectacular. A new provider is described by itself."""
    providers = list(registry.all_providers().values())
    paths = {**result["paths"], **pages.everywhere()}
    schemes = result["components"].setdefault("securitySchemes", {})
    for provider in providers:
        paths |= webhooks.paths_of(provider) | pages.paths_of(provider)
        schemes |= webhooks.schemes_of(provider) | pages.schemes_of(provider)
    tags = [{"name": provider.title, "description": f"What {provider.title} posts and asks."} for provider in providers]
    return {**result, "paths": dict(sorted(paths.items())), "tags": [*result.get("tags", []), *tags]}
