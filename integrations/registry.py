"""Finds the providers: every folder under `providers/` with a `provider.py`. Adding one touches no other file."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from integrations import providers
from integrations.contracts.provider import Endpoint, Provider


@cache
def all_providers() -> Mapping[str, Provider]:
    """Key → manifest, in the order of their keys."""
    found = {}
    for module in sorted(iter_modules(providers.__path__), key=lambda module: module.name):
        manifest: Provider = import_module(f"{providers.__name__}.{module.name}.provider").PROVIDER
        found[manifest.key] = manifest
    return found


def provider(key: str) -> Provider:
    """The manifest of `key`. Raises KeyError with the keys there are."""
    try:
        return all_providers()[key]
    except KeyError:
        raise KeyError(f"no provider {key!r}; there are: {', '.join(all_providers())}") from None


def endpoint_of(provider_key: str, name: str) -> Endpoint:
    """The endpoint `name` of a provider. Raises KeyError."""
    for endpoint in provider(provider_key).endpoints:
        if endpoint.name == name:
            return endpoint
    raise KeyError(f"{provider_key} has no endpoint {name!r}")
