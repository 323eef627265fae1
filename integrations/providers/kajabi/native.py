"""Native API hooks: a flat array of JSON:API resources, to be found by their type, not by their place.

The API's own answers have the same shape, so what is read back is read here too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from integrations.contracts.events import (
    Buyer,
    ContactReported,
    Event,
    FormSubmitted,
    MembershipEvent,
    OfferPurchased,
    OrderLine,
    OrderPlaced,
    PaymentSucceeded,
)
from integrations.contracts.exceptions import Unmatched
from integrations.providers.kajabi import completion, transactions
from integrations.providers.kajabi.fields import identity
from integrations.providers.kajabi.json_api import Resource, related_ids
from integrations.providers.kajabi.transactions import cents, currency
from integrations.toolkit.reading import moment_at, text_at

_CREATED = (("attributes", "created_at"),)
_UPDATED = (("attributes", "updated_at"),)
_COLUMNS = {
    "phone_number": "phone",
    "business_number": "business_phone",
    "address_line_1": "address_line_1",
    "address_line_2": "address_line_2",
    "address_city": "city",
    "address_state": "state",
    "address_country": "country",
    "address_zip": "postal_code",
    "subscribed": "subscribed",
}


def read(event_type: str, resources: Iterable[Any], *, otherwise: datetime) -> list[Event]:
    """The events in the resources of one hook; `otherwise` is the time of what states none.

    What is about a subscription comes first, then the person, then what belongs to them. Raises Unmatched where nobody
    is named.
    """
    by_kind: dict[str, list[Resource]] = {}
    for resource in resources:
        if isinstance(resource, Mapping):
            by_kind.setdefault(text_at(resource, "type"), []).append(resource)
    found = _READERS[event_type](by_kind, otherwise)
    person = contact(by_kind, otherwise=otherwise)
    if not person.email and not person.identities:
        raise Unmatched("the event names no e-mail: it has nobody, or somebody without one")
    about_plans = [event for event in found if isinstance(event, MembershipEvent)]
    if event_type == "tag_added":
        person = replace(person, tags_added=_tag_names(by_kind))
    elif event_type == "tag_removed":
        person = replace(person, tags_removed=_tag_names(by_kind))
    return [*about_plans, person, *(event for event in found if not isinstance(event, MembershipEvent))]


def contact(by_kind: Mapping[str, list[Resource]], *, otherwise: datetime, is_whole: bool = False) -> ContactReported:
    """The person in the resources: the contact, else the customer, else whoever answered the form.

    `is_whole`: the contact came with its tags and offers.
    """
    person, customer = _first(by_kind, "contacts"), _first(by_kind, "customers")
    source = person or customer or _first(by_kind, "form_submissions")
    attributes = source.get("attributes")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    contact_id = text_at(person, "id") or next(iter(related_ids(customer, "contact")), "")
    customer_id = text_at(customer, "id") or next(iter(related_ids(person, "customer")), "")
    books = [identity("contact", contact_id), identity("customer", customer_id)]
    first, _space, last = text_at(attributes, "name").partition(" ")
    named = {"first_name": first, "last_name": last.strip()} if "name" in attributes else {}
    return ContactReported(
        occurred_at=otherwise if is_whole else moment_at(source, _UPDATED) or otherwise,
        email=text_at(attributes, "email"),
        identities={kind: key for book in (books if person else books[::-1]) for kind, key in book.items()},
        fields=named | {ours: attributes[theirs] for theirs, ours in _COLUMNS.items() if theirs in attributes},
        custom_fields={name: value for name, value in attributes.items() if name.startswith("custom_")},
        tags=_tag_names(by_kind) if is_whole else None,
        offers=tuple(
            {"id": text_at(offer, "id"), "title": text_at(offer, "attributes", "title")}
            for offer in by_kind.get("offers", [])
        )
        if is_whole
        else None,
        is_whole=is_whole,
    )


def _purchase(by_kind: Mapping[str, list[Resource]], otherwise: datetime) -> list[Event]:
    """purchases + offers + customers."""
    bought = _first(by_kind, "purchases")
    buyer = _buyer(by_kind)
    if not buyer.email:
        raise Unmatched("the event names no e-mail: it has no customer, or one without")
    return [
        OfferPurchased(
            **transactions.sold(bought, otherwise=otherwise),
            buyer=buyer,
            book="customer",
            offer_title=text_at(_first(by_kind, "offers"), "attributes", "title"),
            offers=_offers(bought) or tuple(filter(None, [text_at(_first(by_kind, "offers"), "id")])),
            purchase_id=text_at(bought, "id"),
        )
    ]


def _payment(by_kind: Mapping[str, list[Resource]], otherwise: datetime) -> list[Event]:
    """transactions + customers; read back also the purchases, which say what was paid for."""
    paid = _first(by_kind, "transactions")
    money = _money(by_kind, otherwise)
    buyer = _buyer(by_kind)
    payments = [
        PaymentSucceeded(
            occurred_at=moment_at(paid, _CREATED) or otherwise,
            buyer=buyer,
            book="customer",
            amount=cents(paid, "amount_in_cents") or None,
            offers=_offers(bought),
            purchase_id=text_at(bought, "id"),
            transaction_id=text_at(paid, "id"),
        )
        for bought in by_kind.get("purchases", [])
        if money and transactions.meaning(paid) is PaymentSucceeded and buyer.email and _offers(bought)
    ]
    return [*payments, *money]


def _order(by_kind: Mapping[str, list[Resource]], otherwise: datetime) -> list[Event]:
    """transactions + customers + orders + order_items. The sale itself is told by `purchase`."""
    order = _first(by_kind, "orders")
    named = _named(by_kind)
    placed = OrderPlaced(
        occurred_at=moment_at(order, _CREATED) or otherwise,
        external_id=text_at(order, "id"),
        number=text_at(order, "attributes", "order_number"),
        currency=currency(order, "currency_code"),
        total=cents(order, "total_price_in_cents"),
        tax=cents(order, "sales_tax_amount_in_cents"),
        discount=cents(order, "discount_amount_in_cents"),
        lines=tuple(_line(item) for item in by_kind.get("order_items", [])),
        **named,
    )
    return [placed, *_money(by_kind, otherwise, order_id=placed.external_id)] if order else _money(by_kind, otherwise)


def _submission(by_kind: Mapping[str, list[Resource]], otherwise: datetime) -> list[Event]:
    """form_submissions + forms. Submissions say neither when they were made nor who the contact is."""
    submission, form = _first(by_kind, "form_submissions"), _first(by_kind, "forms")
    attributes = submission.get("attributes")
    answers = dict(attributes) if isinstance(attributes, Mapping) else {}
    return [
        FormSubmitted(
            occurred_at=moment_at(submission, _CREATED) or otherwise,
            external_id=text_at(submission, "id"),
            form_id=text_at(form, "id") or next(iter(related_ids(submission, "form")), ""),
            form_title=text_at(form, "attributes", "title"),
            answers=answers,
            completed=completion.read(answers),
            **_named(by_kind),
        )
    ]


_READERS: Mapping[str, Callable[[Mapping[str, list[Resource]], datetime], list[Event]]] = {
    "purchase": _purchase,
    "payment_succeeded": _payment,
    "order_created": _order,
    "form_submission": _submission,
    "tag_added": lambda by_kind, otherwise: [],
    "tag_removed": lambda by_kind, otherwise: [],
}


def _money(by_kind: Mapping[str, list[Resource]], otherwise: datetime, *, order_id: str = "") -> list[Event]:
    paid = transactions.moved(
        _first(by_kind, "transactions"), otherwise=otherwise, order_id=order_id, **_named(by_kind)
    )
    return [paid] if paid else []


def _line(item: Resource) -> OrderLine:
    is_offer = text_at(item, "attributes", "item_type").casefold() == "offer"
    return OrderLine(
        external_id=text_at(item, "id"),
        title=text_at(item, "attributes", "title"),
        offer_id=text_at(item, "attributes", "item_id") if is_offer else "",
        quantity=max(cents(item, "quantity"), 1),
        total=cents(item, "total_price_in_cents"),
    )


def _buyer(by_kind: Mapping[str, list[Resource]]) -> Buyer:
    customer = _first(by_kind, "customers")
    first, _space, last = text_at(customer, "attributes", "name").partition(" ")
    return Buyer(
        email=text_at(customer, "attributes", "email"),
        first_name=first,
        last_name=last.strip(),
        identities=identity("customer", text_at(customer, "id")),
    )


def _named(by_kind: Mapping[str, list[Resource]]) -> dict[str, Any]:
    """Return who something belongs to, as keyword arguments."""
    person = _first(by_kind, "customers") or _first(by_kind, "form_submissions")
    customer_id = text_at(_first(by_kind, "customers"), "id")
    return {"email": text_at(person, "attributes", "email"), "identities": identity("customer", customer_id)}


def _offers(bought: Resource) -> tuple[str, ...]:
    return (*related_ids(bought, "offer"), *related_ids(bought, "products"))


def _tag_names(by_kind: Mapping[str, list[Resource]]) -> tuple[str, ...]:
    return tuple(text_at(tag, "attributes", "name") for tag in by_kind.get("contact_tags", []))


def _first(by_kind: Mapping[str, list[Resource]], kind: str) -> Resource:
    return next(iter(by_kind.get(kind, [])), {})
