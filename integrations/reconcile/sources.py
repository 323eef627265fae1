"""A provider's lists."""

from integrations.contracts.exceptions import Permanent
from integrations.contracts.provider import Provider
from integrations.contracts.pull import PullSource


def source_of(provider: Provider) -> PullSource:
    """Return the provider's lists. Raises Permanent where it has none."""
    if provider.pulls is None:
        raise Permanent(f"{provider.title} has no lists that could be read")
    return provider.pulls


def purchases_of(provider: Provider) -> PullSource:
    """Return the provider's lists of purchases. Raises Permanent where it has none."""
    source = source_of(provider)
    if not source.sells_memberships:
        raise Permanent(f"{provider.title} has no lists of purchases")
    return source
