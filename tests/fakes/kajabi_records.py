"""Records in the form of Kajabi's API (JSON:API resources), for the fake server."""

from typing import Any

CREATED = "2026-01-02T03:04:05.000Z"
Record = dict[str, Any]


def link(kind: str, external_id: str) -> Record:
    return {"data": {"type": kind, "id": external_id}}


def links(kind: str, external_ids: tuple[str, ...]) -> Record:
    return {"data": [{"type": kind, "id": external_id} for external_id in external_ids]}


def site(external_id: str, *, title: str, subdomain: str = "") -> Record:
    attributes = {"title": title, "subdomain": subdomain or f"site-{external_id}"}
    return {"id": external_id, "type": "sites", "attributes": _dated(attributes)}


def hook(external_id: str, *, event: str, target_url: str, site_id: str) -> Record:
    attributes = {"event": event, "target_url": target_url, "resource_id": None}
    return _record("hooks", external_id, _dated(attributes), site=link("sites", site_id))


def tag(external_id: str, *, name: str, site_id: str = "1") -> Record:
    return _record("contact_tags", external_id, {"name": name}, site=link("sites", site_id))


def contact(
    external_id: str,
    *,
    email: str,
    name: str = "Jane Doe",
    site_id: str = "1",
    tags: tuple[str, ...] = (),
    offers: tuple[str, ...] = (),
    customer_id: str = "",
    updated_at: str = CREATED,
    **more: Any,
) -> Record:
    attributes = {
        "name": name,
        "email": email,
        "phone_number": None,
        "subscribed": True,
        "address_line_1": None,
        "address_city": None,
        "address_country": None,
        "custom_1": None,
        "external_user_id": None,
        "created_at": CREATED,
        "updated_at": updated_at,
    } | more
    relationships = {
        "site": link("sites", site_id),
        "tags": links("contact_tags", tags),
        "offers": links("offers", offers),
    }
    if customer_id:
        relationships["customer"] = link("customers", customer_id)
    return {"id": external_id, "type": "contacts", "attributes": attributes, "relationships": relationships}


def customer(
    external_id: str,
    *,
    email: str,
    name: str = "Jane Doe",
    contact_id: str = "",
    site_id: str = "1",
    offers: tuple[str, ...] = (),
) -> Record:
    attributes = {"name": name, "email": email, "avatar": None, "net_revenue": "299.0", "sign_in_count": 3}
    relationships = {"site": link("sites", site_id), "offers": links("offers", offers)}
    if contact_id:
        relationships["contact"] = link("contacts", contact_id)
    return {"id": external_id, "type": "customers", "attributes": _dated(attributes), "relationships": relationships}


def offer(external_id: str, *, title: str, price_in_cents: int = 29900, products: tuple[str, ...] = ()) -> Record:
    attributes = {
        "title": title,
        "description": None,
        "currency": "USD",
        "price_in_cents": price_in_cents,
        "payment_type": "subscription",
        "subscription": True,
    }
    return _record("offers", external_id, attributes, site=link("sites", "1"), products=links("products", products))


def purchase(
    external_id: str,
    *,
    customer_id: str,
    offer_id: str,
    transactions: tuple[str, ...] = (),
    deactivated_at: str | None = None,
    deactivation_reason: str | None = None,
    created_at: str = CREATED,
    updated_at: str = "",
) -> Record:
    attributes = {
        "amount_in_cents": 29900,
        "payment_type": "subscription",
        "currency": "USD",
        "effective_start_at": created_at,
        "deactivated_at": deactivated_at,
        "deactivation_reason": deactivation_reason,
        "quantity": 1,
        "created_at": created_at,
        "updated_at": updated_at or created_at,
    }
    return _record(
        "purchases",
        external_id,
        attributes,
        customer=link("customers", customer_id),
        offer=link("offers", offer_id),
        transactions=links("transactions", transactions),
        products=links("products", ()),
    )


def transaction(
    external_id: str,
    *,
    customer_id: str,
    purchases: tuple[str, ...] = (),
    action: str = "charge",
    state: str = "successful",
    amount_in_cents: int = 29900,
    created_at: str = CREATED,
) -> Record:
    attributes = {
        "action": action,
        "state": state,
        "payment_type": "subscription",
        "amount_in_cents": amount_in_cents,
        "sales_tax_in_cents": 0,
        "currency": "USD",
        "created_at": created_at,
    }
    return _record(
        "transactions",
        external_id,
        attributes,
        customer=link("customers", customer_id),
        purchases=links("purchases", purchases),
    )


def order(external_id: str, *, customer_id: str, order_items: tuple[str, ...] = ()) -> Record:
    attributes = {"order_number": int(external_id), **_amounts()}
    return _record(
        "orders",
        external_id,
        attributes,
        site=link("sites", "1"),
        customer=link("customers", customer_id),
        order_items=links("order_items", order_items),
    )


def order_item(external_id: str, *, order_id: str, offer_id: str) -> Record:
    attributes = {"quantity": 1, "item_type": "Offer", "item_id": int(offer_id), "title": "Membership", **_amounts()}
    return _record("order_items", external_id, attributes, order=link("orders", order_id))


def form(external_id: str, *, title: str) -> Record:
    attributes = _dated({"title": title, "default": False, "url": f"https://example.com/forms/{external_id}"})
    return _record("forms", external_id, attributes, site=link("sites", "1"))


def form_submission(external_id: str, *, form_id: str, email: str, name: str = "Jane Doe", **answers: Any) -> Record:
    attributes = {"name": name, "email": email, "phone_number": None, **answers}
    return _record("form_submissions", external_id, attributes, site=link("sites", "1"), form=link("forms", form_id))


def _record(kind: str, external_id: str, attributes: Record, **relationships: Record) -> Record:
    return {"id": external_id, "type": kind, "attributes": attributes, "relationships": relationships}


def _dated(attributes: Record) -> Record:
    return attributes | {"created_at": CREATED, "updated_at": CREATED}


def _amounts() -> Record:
    return {
        "currency_code": "USD",
        "fulfilled_at": None,
        "created_at": CREATED,
        "total_price_in_cents": 29900,
        "subtotal_in_cents": 29900,
    }
