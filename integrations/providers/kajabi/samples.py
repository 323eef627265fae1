"""Kajabi's own test deliveries: what its *test* buttons and its API's samples send, about nobody.

The rule: everything that a delivery names has the id 0. Kajabi counts its records from 1, and its samples, as its API
gives them, have the id 0 throughout; their addresses and names could be anybody's and are not looked at. One id that is
none is enough to take a delivery for a real one: a relay may put a 0 where it has no value, and a sale must not be lost
over it. So a flat delivery (of a relay, or in-app) must name the offer and something beside it, all with the id 0.
"""

from collections.abc import Mapping
from typing import Any

from core.phrases import Phrase
from integrations.contracts.webhook import Payload
from integrations.providers.kajabi import fields, memberships, native
from integrations.toolkit.reading import first_text, text_at

A_TEST = Phrase("a test delivery")()
_ZERO = "0"
_NAMED = (fields.OFFER, fields.MEMBER_ID, fields.PURCHASE, fields.TRANSACTION, (("subscription_id",),))


def is_native_sample(payload: Payload) -> bool:
    """Return whether the resources of a native hook are those of a sample."""
    resources = payload.get("payload")
    if not isinstance(resources, list) or not resources:
        return False
    return all(isinstance(resource, Mapping) and text_at(resource, "id") == _ZERO for resource in resources)


def is_sample(event_type: str, payload: Payload, body: Mapping[str, Any]) -> bool:
    """Return whether a native hook, or a sale as relays and in-app hooks have it (in `body`), is a sample."""
    if event_type in native.TYPES:
        return is_native_sample(payload)
    if event_type not in memberships.TYPES:
        return False
    ids = [external_id for paths in _NAMED if (external_id := first_text(body, paths))]
    return first_text(body, fields.OFFER) == _ZERO and len(ids) > 1 and set(ids) == {_ZERO}
