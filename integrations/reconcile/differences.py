"""A person's plan at a provider compared with our subscription: the one place that decides what differs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.memberships.models import Subscription
from accounts.memberships.models.subscription import FactKind, Status
from integrations.contracts.pull import PulledItem, Standing
from integrations.reconcile.models import SyncFinding
from integrations.reconcile.models.provider_record import ProviderRecord

Kind = SyncFinding.Kind
_BEST_FIRST = (Standing.ACTIVE, Standing.CANCELED, Standing.REFUNDED, Standing.EXPIRED)


@dataclass(frozen=True, kw_only=True)
class There:
    """State of one purchase at the provider."""

    purchase_id: str
    offers: tuple[str, ...]
    standing: Standing
    renews: bool
    shown: Mapping[str, Any]


def there_of(item: PulledItem) -> There:
    assert item.standing is not None, "purchases have one"
    return There(
        purchase_id=item.key.removeprefix("purchase:"),
        offers=tuple(item.offers),
        standing=item.standing,
        renews=item.renews,
        shown=item.shown,
    )


def there_of_record(record: ProviderRecord) -> There:
    content = record.content
    return There(
        purchase_id=record.key.removeprefix("purchase:"),
        offers=tuple(content["offers"]),
        standing=Standing(content["standing"]),
        renews=content["renews"],
        shown=content["shown"],
    )


def best(purchases: Iterable[There]) -> There | None:
    """The purchase that counts of several of one plan: the one that gives most."""
    return min(purchases, key=lambda there: (_BEST_FIRST.index(there.standing), not there.renews), default=None)


def refunded(purchases: Sequence[There], items: Sequence[PulledItem]) -> list[There]:
    """`purchases` with those called refunded whose last word of money was that it went back."""
    last: dict[str, tuple[Any, str]] = {}
    for item in items:
        for told in item.told:
            if item.standing is None and told.event.purchase_id:
                word = (told.event.occurred_at, type(told.event).__name__)
                last[told.event.purchase_id] = max(last.get(told.event.purchase_id, word), word)
    went_back = {purchase_id for purchase_id, (_when, name) in last.items() if name == "PurchaseRefunded"}
    return [
        There(
            purchase_id=one.purchase_id,
            offers=one.offers,
            standing=Standing.REFUNDED if one.purchase_id in went_back else one.standing,
            renews=one.renews,
            shown=one.shown | ({"status": "refunded"} if one.purchase_id in went_back else {}),  # type: ignore[operator]
        )
        for one in purchases
    ]


def difference(there: There | None, subscription: Subscription | None, *, provider: str) -> "SyncFinding.Kind | None":
    """Return what is different, or None. Canceled here and active there is none: most providers do not tell of it, and
    the
    access is the same; but canceled there and active here is one.
    """
    has_access = subscription is not None and subscription.has_access
    if there is None:
        return Kind.UNKNOWN_THERE if has_access and subscription and subscription.provider == provider else None
    if not there.standing.gives_access:
        return Kind.ENDED_THERE if has_access else None
    if subscription is None:
        return Kind.MISSING_HERE
    if has_access:
        return Kind.STATUS if (there.standing, subscription.status) == (Standing.CANCELED, Status.ACTIVE) else None
    if subscription.status == Status.REFUNDED:
        return Kind.REFUNDED_HERE
    # What is paid once stays active there for ever; here it gives access for the period that it paid for.
    if not there.renews and not subscription.facts.filter(kind=FactKind.EXPIRED).exists():
        return None
    return Kind.ENDED_HERE
