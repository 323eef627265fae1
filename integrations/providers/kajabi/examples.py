"""Example bodies of each dialect, for /docs."""

from collections.abc import Mapping
from typing import Any

_MEMBER = {"id": "mem_789", "email": "user@example.com", "first_name": "John", "last_name": "Roe"}
_OFFER = {"id": "off_456", "name": "NSSA Annual Membership"}

MEMBERSHIPS: dict[str, dict[str, Any]] = {
    event: {"type": event, "id": event_id, "member": _MEMBER, "offer": _OFFER}
    for event, event_id in {
        "offer.purchased": "evt_123456",
        "member.subscription.renewed": "evt_123457",
        "member.subscription.canceled": "evt_123458",
        "member.subscription.expired": "evt_123459",
    }.items()
} | {"test": {"type": "test", "id": "123"}}


def _course(event: str, event_id: str, **data: Any) -> dict[str, Any]:
    return {"event_type": event, "event_id": event_id, "created_at": "2024-09-02T10:30:00Z", "data": data}


_PERSON = {"id": "2149000001", "email": "student@example.com", "first_name": "John", "last_name": "Roe"}
COURSES: dict[str, dict[str, Any]] = {
    "form.submitted": _course(
        "form.submitted",
        "evt_123456789",
        form={"id": "form_123", "name": "Course Completion Form", "site_id": "site_123"},
        submission={
            "id": "sub_123",
            "fields": {
                "email": "student@example.com",
                "course_name": "AI Foundations for Educators",
                "completion_date": "2024-09-02",
                "certificate_url": "https://academy.example.com/certificates/sub_123",
                "student_name": "John Roe",
            },
        },
    ),
    "purchase.created": _course(
        "purchase.created", "evt_123456790", purchase={"id": "4100001"}, member=_MEMBER, offer=_OFFER
    ),
    "purchase.refunded": _course(
        "purchase.refunded", "evt_123456791", purchase={"id": "4100001"}, member=_MEMBER, offer=_OFFER
    ),
    "contact.created": _course("contact.created", "evt_123456792", contact=_PERSON),
    "contact.updated": _course("contact.updated", "evt_123456793", contact={**_PERSON, "tags": ["Newsletter"]}),
}


def _resource(kind: str, number: str, attributes: Mapping[str, Any], **related: tuple[str, str]) -> dict[str, Any]:
    relations = {name: {"data": {"id": to, "type": of}} for name, (of, to) in related.items()}
    return {"id": number, "type": kind, "attributes": dict(attributes), "relationships": relations}


def _hook(event: str, *resources: dict[str, Any]) -> dict[str, Any]:
    return {"id": resources[0]["id"], "event": event, "payload": list(resources)}


_MADE = {"created_at": "2026-03-02T10:29:58.000Z", "updated_at": "2026-03-02T10:29:58.000Z"}
_JOHN = {"name": "John Roe", "email": "user@example.com"}
_CUSTOMER = _resource("customers", "3148900001", {**_JOHN, **_MADE}, contact=("contacts", "3149000001"))
_CONTACT = _resource("contacts", "3149000001", {**_JOHN, **_MADE}, site=("sites", "3148"))
_TAG = _resource("contact_tags", "3149300001", {"name": "Annual members"})
_PAID = _resource(
    "transactions",
    "3149700001",
    {"action": "subscription_charge", "state": "succeeded", "amount_in_cents": 29900, "currency": "USD", **_MADE},
    customer=("customers", "3148900001"),
)
NATIVE: dict[str, dict[str, Any]] = {
    "purchase": _hook(
        "purchase",
        _resource(
            "purchases",
            "4100002",
            {"amount_in_cents": 29900, "payment_type": "subscription", "currency": "USD", **_MADE},
            customer=("customers", "3148900001"),
            offer=("offers", "2150456456"),
        ),
        _resource("offers", "2150456456", {"title": "NSSA Annual Membership", "price_in_cents": 29900}),
        _CUSTOMER,
    ),
    "payment_succeeded": _hook("payment_succeeded", _PAID, _CUSTOMER),
    "order_created": _hook(
        "order_created",
        _resource(
            "orders",
            "3150100001",
            {"order_number": 1042, "currency_code": "USD", "total_price_in_cents": 29900, **_MADE},
            customer=("customers", "3148900001"),
        ),
        _CUSTOMER,
        _PAID,
        _resource(
            "order_items",
            "3150200001",
            {"quantity": 1, "item_type": "Offer", "item_id": 2150456456, "total_price_in_cents": 29900, **_MADE},
        ),
    ),
    "form_submission": _hook(
        "form_submission",
        _resource(
            "form_submissions",
            "3149800001",
            {**_JOHN, "custom_1": "AI Foundations for Educators"},
            form=("forms", "3149900001"),
        ),
        _resource("forms", "3149900001", {"title": "Course Completion Form", **_MADE}),
    ),
    "tag_added": _hook("tag_added", _CONTACT, _TAG),
    "tag_removed": _hook("tag_removed", _CONTACT, _TAG),
}

_IN_APP_MEMBER = {"id": 3148001001, "email": "user@example.com", "first_name": "John", "last_name": "Roe"}
_IN_APP_OFFER = {"id": 2150456456, "title": "NSSA Annual Membership", "type": "subscription"}
IN_APP: dict[str, dict[str, Any]] = {
    "purchase.created, in-app": {
        "id": "9f1f3c00-1622-11f1-8005-0242ac120002",
        "event": "purchase.created",
        "payload": {
            "offer_id": 2150456456,
            "offer_title": "NSSA Annual Membership",
            "member_id": 3148001001,
            "member_email": "user@example.com",
            "member_first_name": "John",
            "member_last_name": "Roe",
            "transaction_id": 3149700001,
            "amount_paid": 29900,
            "currency": "USD",
        },
    },
    "payment.succeeded, in-app": {
        "id": "a0000000-1622-11f1-8005-0242ac120002",
        "event": "payment.succeeded",
        "member": _IN_APP_MEMBER,
        "offer": _IN_APP_OFFER,
        "payment_transaction": {"id": 3149700001, "amount_paid": 29900, "currency": "USD"},
    },
}
