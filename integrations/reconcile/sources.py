"""Lists of a provider."""

from integrations.contracts.exceptions import Permanent
from integrations.contracts.provider import Provider
from integrations.contracts.pull import PullSource, PurchaseSource


def source_of(provider: Provider) -> PullSource:
    """The provider's lists. Raises Permanent where it has none."""
    if provider.pulls is None:
        raise Permanent(f"{provider.title} has no lists that could be read")
    return provider.pulls


def purchases_of(provider: Provider) -> PurchaseSource:
    """The provider's lists of purchases. Raises Permanent where it has none."""
    source = source_of(provider)
    if not isinstance(source, PurchaseSource):
        raise Permanent(f"{provider.title} has no lists of purchases")
    return source
