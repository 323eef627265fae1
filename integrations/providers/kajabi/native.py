"""Native API hooks: a flat array of JSON:API resources, to be found by their type, not by their place."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.events import Buyer, OfferPurchased
from integrations.contracts.exceptions import Unmatched
from integrations.providers.kajabi.fields import identity
from integrations.toolkit.reading import moment_at, text_at

_EFFECTIVE = (("attributes", "effective_start_at"), ("attributes", "created_at"))


def purchase(payload: Mapping[str, Any], *, otherwise: datetime) -> OfferPurchased:
    """The `purchase` hook (purchases + offers + customers); `otherwise` is its time where it says none.

    Raises Unmatched where the customer or their e-mail is missing.
    """
    resources = payload["payload"]
    bought, customer = _first(resources, "purchases"), _first(resources, "customers")
    email = text_at(customer, "attributes", "email")
    if not email:
        raise Unmatched("the event names no e-mail: it has no customer, or one without")
    first, _space, last = text_at(customer, "attributes", "name").partition(" ")
    offer = text_at(bought, "relationships", "offer", "data", "id") or text_at(_first(resources, "offers"), "id")
    return OfferPurchased(
        occurred_at=moment_at(bought, _EFFECTIVE) or otherwise,
        buyer=Buyer(
            email=email,
            first_name=first,
            last_name=last.strip(),
            identities=identity("customer", text_at(customer, "id")),
        ),
        offers=tuple(found for found in (offer, *_products(bought)) if found),
        purchase_id=text_at(bought, "id"),
    )


def _first(resources: list[Any], kind: str) -> Mapping[str, Any]:
    for resource in resources:
        if isinstance(resource, Mapping) and resource.get("type") == kind:
            return resource
    return {}


def _products(bought: Mapping[str, Any]) -> list[str]:
    relationships = bought.get("relationships")
    products = relationships.get("products") if isinstance(relationships, Mapping) else None
    linked = products.get("data") if isinstance(products, Mapping) else None
    return [text_at(product, "id") for product in linked] if isinstance(linked, list) else []
