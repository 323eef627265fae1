"""The registry of providers: every folder under `providers/` with a `provider.py`. Adding one touches no other file.

Beside the manifest a folder may hold modules that are looked for by their names (`modules`): `urls`, `access`,
`navigation`, `description`, `checks`. Django finds the rest, since the folder is an application: `admin`,
`management/commands`, `templates`, `static`. `settings` is read by config/settings.py.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType

from integrations import providers
from integrations.contracts.provider import Endpoint, Provider


@cache
def all_providers() -> Mapping[str, Provider]:
    """Return key → manifest, in the order of their keys."""
    manifests: list[Provider] = [module.PROVIDER for module in modules("provider")]
    return {manifest.key: manifest for manifest in manifests}


@cache
def titles() -> Mapping[str, str]:
    """Return key → name, as people say it."""
    return {key: manifest.title for key, manifest in all_providers().items()}


def modules(name: str) -> list[ModuleType]:
    """Return the module of this name from every provider's folder that has one, in the order of the folders."""
    folders = sorted(f"{providers.__name__}.{folder.name}" for folder in iter_modules(providers.__path__))
    return [import_module(f"{folder}.{name}") for folder in folders if find_spec(f"{folder}.{name}")]


def provider(key: str) -> Provider:
    """Return the manifest of `key`. Raises KeyError with the keys there are."""
    try:
        return all_providers()[key]
    except KeyError:
        raise KeyError(f"no provider {key!r}; there are: {', '.join(all_providers())}") from None


def endpoint_of(provider_key: str, name: str) -> Endpoint:
    """Return the endpoint `name` of a provider. Raises KeyError."""
    for endpoint in provider(provider_key).endpoints:
        if endpoint.name == name:
            return endpoint
    raise KeyError(f"{provider_key} has no endpoint {name!r}")
