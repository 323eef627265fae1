"""A provider's lists."""

from core.phrases import CODE, Phrase
from integrations.contracts.exceptions import Permanent
from integrations.contracts.provider import Provider
from integrations.contracts.pull import PullSource

_NO_LISTS = Phrase("{provider} has no lists that could be read", provider=CODE)
_NO_PURCHASES = Phrase("{provider} has no lists of purchases", provider=CODE)


def source_of(provider: Provider) -> PullSource:
    """Return the provider's lists. Raises Permanent where it has none."""
    if provider.pulls is None:
        raise Permanent(_NO_LISTS(provider=provider.title))
    return provider.pulls


def purchases_of(provider: Provider) -> PullSource:
    """Return the provider's lists of purchases. Raises Permanent where it has none."""
    source = source_of(provider)
    if not source.sells_memberships:
        raise Permanent(_NO_PURCHASES(provider=provider.title))
    return source
