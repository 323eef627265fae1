"""Sample events of each provider: the fixtures of its tests, which `manage.py simulate` and `demo` change and send."""

from importlib import import_module
from pathlib import Path

from integrations.contracts.provider import Provider


def all_of(provider: Provider) -> list[Path]:
    """Return the files with a provider's samples, named `<event>__<case>.json`."""
    return sorted(_folder(provider).glob("*.json"))


def find(provider: Provider, event: str, case: str = "") -> Path:
    """Return the file of an event's sample, the first where `case` is empty. Raises LookupError where there is none."""
    found = sorted(_folder(provider).glob(f"{event}__{case or '*'}.json"))
    if not found:
        raise LookupError(f"{provider.key} has no sample {event!r} {case}".rstrip())
    return found[0]


def _folder(provider: Provider) -> Path:
    package = import_module(f"integrations.providers.{provider.key}")
    return Path(package.__path__[0]) / "tests" / "fixtures"
