"""OpenAPI for webhooks, health and the pages of providers' folders, made from the manifests."""

from functools import lru_cache
from typing import Any

from django.utils.translation import get_language
from drf_spectacular.generators import SchemaGenerator

from integrations import registry
from integrations.api.description import pages, webhooks


class OnceGenerator(SchemaGenerator):
    """Makes the schema once in each process and language: anybody may ask for it, and making it takes a third of a
    second.
    """

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        return _made(get_language())


@lru_cache(maxsize=4)
def _made(language: str | None) -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def describe(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add our paths to the schema: a postprocessing hook of drf-spectacular. A new provider is described by itself."""
    providers = list(registry.all_providers().values())
    paths = {**result["paths"], **pages.everywhere()}
    schemes = result["components"].setdefault("securitySchemes", {})
    for provider in providers:
        paths |= webhooks.paths_of(provider)
        schemes |= webhooks.schemes_of(provider)
    for own in registry.modules("description"):
        paths |= own.paths()
        schemes |= own.schemes()
    tags = [{"name": provider.title, "description": f"What {provider.title} posts and asks."} for provider in providers]
    return {**result, "paths": dict(sorted(paths.items())), "tags": [*result.get("tags", []), *tags]}
