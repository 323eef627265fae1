"""Parsing of native API hooks: a flat array of JSON:API resources, found by their type, not by their place.

The API's own answers have the same shape, so confirmed deliveries are parsed here too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.phrases import Phrase
from integrations.contracts.events import ContactReported, Event, FormSubmitted, OrderLine, OrderPlaced
from integrations.contracts.exceptions import Unmatched
from integrations.contracts.membership_events import Buyer, MembershipEvent, OfferPurchased, PaymentSucceeded
from integrations.providers.kajabi import completion, transactions
from integrations.providers.kajabi.json_api import Resource, related_ids
from integrations.providers.kajabi.transactions import cents, currency
from integrations.toolkit.reading import moment_at, text_at

_NO_EMAIL = _("It names no e-mail address, so it belongs to nobody")
_NOBODY = Phrase.worded("the event names no e-mail: it has nobody, or somebody without one", _NO_EMAIL)
_NO_CUSTOMER = Phrase.worded("the event names no e-mail: it has no customer, or one without", _NO_EMAIL)

_CREATED = (("attributes", "created_at"),)
_UPDATED = (("attributes", "updated_at"),)
_FIELDS = {
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


def read(event_type: str, resources: Iterable[Any], *, default_time: datetime) -> list[Event]:
    """Return the events in the resources of one hook; `default_time` is the time of those that state none.

    Events about a subscription come first, then the person, then the others. Raises Unmatched where nobody is named.
    """
    by_kind: dict[str, list[Resource]] = {}
    for resource in resources:
        if isinstance(resource, Mapping):
            by_kind.setdefault(text_at(resource, "type"), []).append(resource)
    events = _READERS[event_type](by_kind, default_time)
    person = contact(by_kind, default_time=default_time)
    if not person.email and not person.identities:
        raise Unmatched(_NOBODY())
    memberships = [event for event in events if isinstance(event, MembershipEvent)]
    if event_type == "tag_added":
        person = replace(person, tags_added=_tag_names(by_kind))
    elif event_type == "tag_removed":
        person = replace(person, tags_removed=_tag_names(by_kind))
    return [*memberships, person, *(event for event in events if not isinstance(event, MembershipEvent))]


def contact(
    by_kind: Mapping[str, list[Resource]], *, default_time: datetime, is_whole: bool = False
) -> ContactReported:
    """Return the person in the resources: the contact, else the customer, else the sender of the form.

    `is_whole`: the contact came with its tags and offers.
    """
    person, customer = _first(by_kind, "contacts"), _first(by_kind, "customers")
    source = person or customer or _first(by_kind, "form_submissions")
    attributes = source.get("attributes")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    contact_id = text_at(person, "id") or next(iter(related_ids(customer, "contact")), "")
    customer_id = text_at(customer, "id") or next(iter(related_ids(person, "customer")), "")
    ids = [("contact", contact_id), ("customer", customer_id)]
    first, _space, last = text_at(attributes, "name").partition(" ")
    names = {"first_name": first, "last_name": last.strip()} if "name" in attributes else {}
    return ContactReported(
        occurred_at=default_time if is_whole else moment_at(source, _UPDATED) or default_time,
        email=text_at(attributes, "email"),
        identities=dict(ids if person else ids[::-1]),
        fields=names | {field: attributes[name] for name, field in _FIELDS.items() if name in attributes},
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


def _purchase(by_kind: Mapping[str, list[Resource]], default_time: datetime) -> list[Event]:
    """Read purchases + offers + customers."""
    purchase = _first(by_kind, "purchases")
    buyer = _buyer(by_kind)
    if not buyer.email:
        raise Unmatched(_NO_CUSTOMER())
    return [
        OfferPurchased(
            **transactions.sale(purchase, default_time=default_time),
            buyer=buyer,
            book="customer",
            offer_title=text_at(_first(by_kind, "offers"), "attributes", "title"),
            offers=_offers(purchase) or tuple(filter(None, [text_at(_first(by_kind, "offers"), "id")])),
            purchase_id=text_at(purchase, "id"),
        )
    ]


def _payment(by_kind: Mapping[str, list[Resource]], default_time: datetime) -> list[Event]:
    """Read transactions + customers; a confirmed one also has the purchases that were paid for."""
    transaction = _first(by_kind, "transactions")
    money = _money(by_kind, default_time)
    buyer = _buyer(by_kind)
    payments = [
        PaymentSucceeded(
            occurred_at=moment_at(transaction, _CREATED) or default_time,
            buyer=buyer,
            book="customer",
            amount=cents(transaction, "amount_in_cents") or None,
            offers=_offers(purchase),
            purchase_id=text_at(purchase, "id"),
            transaction_id=text_at(transaction, "id"),
        )
        for purchase in by_kind.get("purchases", [])
        if money
        and transactions.membership_event(transaction) is PaymentSucceeded
        and buyer.email
        and _offers(purchase)
    ]
    return [*payments, *money]


def _order(by_kind: Mapping[str, list[Resource]], default_time: datetime) -> list[Event]:
    """Read transactions + customers + orders + order_items. The sale itself comes as `purchase`."""
    order = _first(by_kind, "orders")
    if not order:
        return _money(by_kind, default_time)
    placed = OrderPlaced(
        occurred_at=moment_at(order, _CREATED) or default_time,
        external_id=text_at(order, "id"),
        number=text_at(order, "attributes", "order_number"),
        currency=currency(order, "currency_code"),
        total=cents(order, "total_price_in_cents"),
        tax=cents(order, "sales_tax_amount_in_cents"),
        discount=cents(order, "discount_amount_in_cents"),
        lines=tuple(_line(item) for item in by_kind.get("order_items", [])),
        **_owner(by_kind),
    )
    return [placed, *_money(by_kind, default_time, order_id=placed.external_id)]


def _submission(by_kind: Mapping[str, list[Resource]], default_time: datetime) -> list[Event]:
    """Read form_submissions + forms. Submissions have neither a time nor the id of the contact."""
    submission, form = _first(by_kind, "form_submissions"), _first(by_kind, "forms")
    attributes = submission.get("attributes")
    answers = dict(attributes) if isinstance(attributes, Mapping) else {}
    return [
        FormSubmitted(
            occurred_at=moment_at(submission, _CREATED) or default_time,
            external_id=text_at(submission, "id"),
            form_id=text_at(form, "id") or next(iter(related_ids(submission, "form")), ""),
            form_title=text_at(form, "attributes", "title"),
            answers=answers,
            completed=completion.read(answers),
            **_owner(by_kind),
        )
    ]


_READERS: Mapping[str, Callable[[Mapping[str, list[Resource]], datetime], list[Event]]] = {
    "purchase": _purchase,
    "payment_succeeded": _payment,
    "order_created": _order,
    "form_submission": _submission,
    "tag_added": lambda by_kind, default_time: [],
    "tag_removed": lambda by_kind, default_time: [],
}
TYPES = frozenset(_READERS)


def _money(by_kind: Mapping[str, list[Resource]], default_time: datetime, *, order_id: str = "") -> list[Event]:
    moved = transactions.money_moved(
        _first(by_kind, "transactions"), default_time=default_time, order_id=order_id, **_owner(by_kind)
    )
    return [moved] if moved else []


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
        identities={"customer": text_at(customer, "id")},
    )


def _owner(by_kind: Mapping[str, list[Resource]]) -> dict[str, Any]:
    """Return the keyword arguments that say who something belongs to."""
    person = _first(by_kind, "customers") or _first(by_kind, "form_submissions")
    customer_id = text_at(_first(by_kind, "customers"), "id")
    return {"email": text_at(person, "attributes", "email"), "identities": {"customer": customer_id}}


def _offers(purchase: Resource) -> tuple[str, ...]:
    return (*related_ids(purchase, "offer"), *related_ids(purchase, "products"))


def _tag_names(by_kind: Mapping[str, list[Resource]]) -> tuple[str, ...]:
    return tuple(text_at(tag, "attributes", "name") for tag in by_kind.get("contact_tags", []))


def _first(by_kind: Mapping[str, list[Resource]], kind: str) -> Resource:
    return next(iter(by_kind.get(kind, [])), {})
