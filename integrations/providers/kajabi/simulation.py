"""Personalised fixtures for simulated events: the person, the offer, the time, and fresh ids.

Only for `manage.py simulate`. Every dialect has its own places for these; a place that a fixture lacks is not added.
"""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.contracts.provider import Simulation

# What can be chosen → the paths at which the dialects hold it. In a list of resources a name stands for the resource of
# that type.
_PLACES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "email": (("member", "email"), ("data", "member", "email"), ("payload", "member_email"),
              ("payload", "member", "email"), ("payload", "customers", "attributes", "email"),
              ("payload", "contacts", "attributes", "email"), ("payload", "form_submissions", "attributes", "email"),
              ("data", "contact", "email"), ("data", "submission", "fields", "email")),
    "first_name": (("member", "first_name"), ("data", "member", "first_name"), ("payload", "member_first_name"),
                   ("payload", "member", "first_name"), ("data", "contact", "first_name")),
    "last_name": (("member", "last_name"), ("data", "member", "last_name"), ("payload", "member_last_name"),
                  ("payload", "member", "last_name"), ("data", "contact", "last_name")),
    "name": (("member", "name"), ("payload", "member_name"), ("payload", "member", "name"),
             ("payload", "customers", "attributes", "name"), ("payload", "contacts", "attributes", "name"),
             ("payload", "form_submissions", "attributes", "name"), ("data", "submission", "fields", "student_name"),
             ("data", "member", "name")),
    "member_id": (("member", "id"), ("data", "member", "id"), ("payload", "member_id"), ("payload", "member", "id"),
                  ("payload", "customers", "id"), ("payload", "purchases", "relationships", "customer", "data", "id"),
                  ("payload", "transactions", "relationships", "customer", "data", "id"),
                  ("payload", "orders", "relationships", "customer", "data", "id")),
    "contact_id": (("payload", "contacts", "id"), ("data", "contact", "id"),
                   ("payload", "customers", "relationships", "contact", "data", "id")),
    "offer_id": (("offer", "id"), ("data", "offer", "id"), ("payload", "offer_id"), ("payload", "offer", "id"),
                 ("payload", "offers", "id"), ("payload", "purchases", "relationships", "offer", "data", "id"),
                 ("payload", "order_items", "attributes", "item_id")),
    "offer_title": (("offer", "name"), ("offer", "title"), ("data", "offer", "name"), ("payload", "offer_title"),
                    ("payload", "offer", "title"), ("payload", "offers", "attributes", "title"),
                    ("payload", "order_items", "attributes", "title")),
    "amount": (("payload", "amount_paid"), ("payment_transaction", "amount_paid"),
               ("payload", "purchases", "attributes", "amount_in_cents"),
               ("payload", "transactions", "attributes", "amount_in_cents"),
               ("payload", "orders", "attributes", "total_price_in_cents"),
               ("payload", "orders", "attributes", "subtotal_in_cents"),
               ("payload", "order_items", "attributes", "total_price_in_cents"),
               ("payload", "order_items", "attributes", "subtotal_in_cents")),
    "order_number": (("payload", "orders", "attributes", "order_number"),),
    "course": (("course", "title"), ("data", "course", "title"), ("data", "submission", "fields", "course_name")),
    "course_id": (("course", "id"), ("data", "course", "id")),
    "interval": (("payload", "interval"),),
    "subscription_id": (("payload", "subscription_id"),),
    "phone": (("payload", "contact_phone_number"),),
    "address": (("payload", "contact_address_line_1"),),
    "city": (("payload", "contact_address_city"),),
    "state": (("payload", "contact_address_state"),),
    "zip_code": (("payload", "contact_address_zip"),),
    "purchase_id": (("data", "purchase", "id"), ("payload", "purchases", "id")),
    "transaction_id": (("payload", "transaction_id"), ("payment_transaction", "id"), ("payload", "transactions", "id")),
    "order_id": (("payload", "orders", "id"),),
    "submission_id": (("payload", "form_submissions", "id"), ("data", "submission", "id")),
    "tag": (("payload", "contact_tags", "attributes", "name"),),
    "occurred_at": (("created_at",), ("completed_at",), ("data", "completed_at"),
                    ("data", "purchase", "created_at"), ("data", "refunded_at"),
                    ("payload", "transaction_created_at"), ("payload", "subscription_created_at"),
                    ("payload", "purchases", "attributes", "created_at"),
                    ("payload", "transactions", "attributes", "created_at"),
                    ("payload", "orders", "attributes", "created_at"),
                    ("payload", "contacts", "attributes", "updated_at"),
                    ("payload", "customers", "attributes", "created_at"),
                    ("payload", "customers", "attributes", "updated_at")),
}  # fmt: skip
_FRESH = ("purchase_id", "transaction_id", "order_id", "submission_id")


def endpoint_for(payload: Mapping[str, Any]) -> str:
    """Return the endpoint to which this dialect is posted."""
    if "event" in payload:
        return "native"
    return "course relay" if "event_type" in payload else "relay"


def personalise(payload: dict[str, Any], chosen: Mapping[str, str]) -> dict[str, Any]:
    """Return `payload`, changed in place: with the chosen values, else fresh ids, this moment and a mapped offer.

    Somebody's member id follows from their e-mail, so that one person stays one member through many simulated events.
    """
    values = {name: value for name, value in chosen.items() if name != "id"}
    if "email" in values:
        values.setdefault("member_id", _number(values["email"]))
        values.setdefault("contact_id", _number(f"contact {values['email']}"))
    if "first_name" in values or "last_name" in values:
        values.setdefault("name", f"{values.get('first_name', '')} {values.get('last_name', '')}".strip())
    values.setdefault("occurred_at", timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    for name in _FRESH:
        values.setdefault(name, _number(uuid.uuid4().hex))
    if settings.NSSA_KAJABI_PRODUCT_ID:
        values.setdefault("offer_id", settings.NSSA_KAJABI_PRODUCT_ID[0])
    for name, value in values.items():
        for path in _PLACES[name]:
            _replace(payload, path, value)
    _set_id(payload, chosen.get("id", ""))
    return payload


def _set_id(payload: dict[str, Any], chosen: str) -> None:
    if "event" in payload and isinstance(payload.get("payload"), list):
        payload["id"] = chosen or payload["payload"][0]["id"]  # the first resource is the one that the hook is about
    elif "event" in payload:
        payload["id"] = chosen or str(uuid.uuid1())
    else:
        payload["event_id" if "event_type" in payload else "id"] = chosen or f"evt_{uuid.uuid4().hex[:16]}"


def _replace(holder: Any, path: Iterable[str], value: str) -> None:
    *way, last = path
    for name in way:
        holder = _step(holder, name)
    if isinstance(holder, dict) and holder.get(last) is not None:
        holder[last] = int(value) if isinstance(holder[last], int) and value.isdigit() else value


def _step(holder: Any, name: str) -> Any:
    if isinstance(holder, list):
        return next((part for part in holder if isinstance(part, dict) and part.get("type") == name), None)
    return holder.get(name) if isinstance(holder, dict) else None


def _number(text: str) -> str:
    """Return ten digits that follow from `text`, in the range of Kajabi's ids."""
    return str(2_100_000_000 + int(hashlib.sha256(text.lower().encode()).hexdigest(), 16) % 99_999_999)


SIMULATION = Simulation(options=(*_PLACES, "id"), personalise=personalise, endpoint_for=endpoint_for)
