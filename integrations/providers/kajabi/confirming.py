"""Confirm a delivery at Kajabi's API: Kajabi signs nothing, so a native delivery is a hint.

No call is made while a contact's tags change: the contact is read whole a moment later, once for the whole burst.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.utils import timezone

from core.phrases import Phrase
from integrations.contracts.events import Event
from integrations.contracts.exceptions import NotFoundYet, Unmatched
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.kajabi import native, samples
from integrations.providers.kajabi.client import KajabiClient
from integrations.providers.kajabi.json_api import Document, Resource, identifier, related_ids
from integrations.toolkit import answers
from integrations.toolkit.failures import NotFound
from integrations.toolkit.reading import text_at

_NO_ID = Phrase("the event names no {kind} that Kajabi could be asked for", kind=answers.KIND)

PATIENCE = 5  # seconds for one call with its repetitions; the few of a delivery must end well within its lease


def confirm(webhook: StoredWebhook) -> StoredWebhook:
    """Return a native delivery with Kajabi's own resources in place of those received; other dialects unchanged.

    Raises NotFoundYet where Kajabi does not know the resource, Unmatched where the delivery names none.
    """
    resources = webhook.payload.get("payload")
    reader = _READERS.get(webhook.event_type)
    if not isinstance(resources, list) or reader is None or samples.is_native_sample(webhook.payload):
        return webhook
    kind, read = reader
    external_id = _id_of(resources, kind)
    if external_id in ("", "0"):
        raise Unmatched(_NO_ID(kind=_title_of(kind)))
    client = KajabiClient.from_settings(patience=PATIENCE)
    try:
        confirmed = read(client, external_id)
    except NotFound as error:
        raise NotFoundYet(answers.UNKNOWN(provider="Kajabi", kind=_title_of(kind), id=external_id)) from error
    return replace(webhook, payload={**webhook.payload, "payload": confirmed})


def read_contact(contact_id: str) -> list[Event]:
    """Return the whole contact, with tags and offers, by one call.

    Raises NotFoundYet where Kajabi has no such contact.
    """
    asked_at = timezone.now()
    client = KajabiClient.from_settings(patience=PATIENCE)
    try:
        document = client.contact(contact_id, include=("tags", "offers", "customer"))
    except NotFound as error:
        raise NotFoundYet(answers.UNKNOWN(provider="Kajabi", kind="contact", id=contact_id)) from error
    by_kind: dict[str, list[Resource]] = {"contacts": [document.resource]}
    linked = {"contact_tags": "tags", "offers": "offers"}
    for kind, name in linked.items():
        ids = related_ids(document.resource, name)
        by_kind[kind] = [item for item in document.included if item.get("type") == kind and text_at(item, "id") in ids]
    return [native.contact(by_kind, default_time=asked_at, is_whole=True)]


def _purchase(client: KajabiClient, purchase_id: str) -> list[Resource]:
    purchase = client.purchase(purchase_id).resource
    return [purchase, *_customer(client, purchase)]


def _transaction(client: KajabiClient, transaction_id: str) -> list[Resource]:
    return _flat(client, client.transaction(transaction_id, include=("customer", "purchases")))


def _order(client: KajabiClient, order_id: str) -> list[Resource]:
    """Return an order with its items; its payment comes with `payment_succeeded`."""
    return _flat(client, client.order(order_id, include=("order_items", "customer")))


def _submission(client: KajabiClient, submission_id: str) -> list[Resource]:
    """Return a submission with its form, and the contact with its address, if exactly one has it."""
    document = client.form_submission(submission_id, include=("form",))
    email = text_at(document.resource, "attributes", "email").casefold()
    # One page only: Kajabi may ignore the filter, and then everybody would be read while the delivery waits.
    page = next(client.contacts(email_contains=email), None) if email else None
    contacts = page.resources if page else []
    matches = [contact for contact in contacts if text_at(contact, "attributes", "email").casefold() == email]
    # Of the contact only its id counts.
    contact = [identifier("contacts", text_at(matches[0], "id"))] if len(matches) == 1 else []
    return [document.resource, *document.included, *contact]


def _tagged(client: KajabiClient, contact_id: str) -> list[Resource]:
    return [identifier("contacts", contact_id)]


_READERS: Mapping[str, tuple[str, Callable[[KajabiClient, str], list[Resource]]]] = {
    "purchase": ("purchases", _purchase),
    "payment_succeeded": ("transactions", _transaction),
    "order_created": ("orders", _order),
    "form_submission": ("form_submissions", _submission),
    "tag_added": ("contacts", _tagged),
    "tag_removed": ("contacts", _tagged),
}


def _flat(client: KajabiClient, document: Document) -> list[Resource]:
    resources = [document.resource, *document.included]
    if not any(resource.get("type") == "customers" for resource in resources):
        resources += _customer(client, document.resource)
    return resources


def _customer(client: KajabiClient, resource: Resource) -> list[Resource]:
    return [client.customer(customer_id).resource for customer_id in related_ids(resource, "customer")[:1]]


def _id_of(resources: list[Any], kind: str) -> str:
    return next((text_at(resource, "id") for resource in resources if text_at(resource, "type") == kind), "")


def _title_of(kind: str) -> str:
    return kind.removesuffix("s").replace("_", " ")
