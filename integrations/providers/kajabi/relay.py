"""Parsing of the course relay's contacts and forms, with all the paths under which each value was seen or may be."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.text import without_zero_width
from integrations.contracts import reasons
from integrations.contracts.events import ContactReported, Event, FormSubmitted
from integrations.contracts.exceptions import Unmatched
from integrations.providers.kajabi import completion, fields
from integrations.toolkit.reading import first_text

_WITHIN = ("contact", "member", "customer", "user")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "phone": ("phone_number", "phone", "mobile_phone_number"),
    "business_phone": ("business_number",),
    "address_line_1": ("address_line_1", "address"),
    "address_line_2": ("address_line_2",),
    "city": ("address_city", "city"),
    "state": ("address_state", "state"),
    "country": ("address_country", "country"),
    "postal_code": ("address_zip", "zip", "postal_code"),
    "subscribed": ("subscribed",),
}
_ALIASES = ("emails", "other_emails", "additional_emails", "secondary_email", "previous_email")
_FORM_ID = (("form", "id"), ("form_id",), ("submission", "form_id"))
_FORM_NAME = (("form", "name"), ("form", "title"), ("form_name",), ("form_title",))
_SUBMISSION_ID = (("submission", "id"), ("submission_id",), ("form_submission", "id"))
_ANSWERS = (
    ("submission", "fields"),
    ("submission", "answers"),
    ("fields",),
    ("answers",),
    ("form_submission", "fields"),
)


def contact(body: Mapping[str, Any], *, occurred_at: datetime) -> ContactReported:
    """Parse contact.created and contact.updated. Raises Unmatched where they name nobody."""
    person = next((inner for name in _WITHIN if isinstance(inner := body.get(name), Mapping)), body)
    buyer = fields.buyer({"contact": person, **body}, kind="relay contact")
    contact_id = first_text(person, (("id",), ("contact_id",)))
    if not buyer.email and not contact_id:
        raise Unmatched(reasons.NO_EMAIL())
    custom = person.get("custom_fields")
    tags = person.get("tags")
    names = {"first_name": buyer.first_name, "last_name": buyer.last_name}
    return ContactReported(
        occurred_at=occurred_at,
        email=buyer.email,
        aliases=tuple(alias for name in _ALIASES for alias in _texts(person.get(name))),
        identities={"contact": contact_id},
        fields={name: value for name, value in names.items() if value}
        | {field: person[key] for field, keys in _FIELDS.items() for key in keys if key in person},
        custom_fields={
            **(custom if isinstance(custom, Mapping) else {}),
            **{name: value for name, value in person.items() if name.startswith("custom_") and name != "custom_fields"},
        },
        tags=tuple(_texts(tags)) if isinstance(tags, list) else None,
    )


def form(body: Mapping[str, Any], *, event_id: str, occurred_at: datetime) -> list[Event]:
    """Parse form.submitted into the answers and their sender. Raises Unmatched where nobody is named."""
    answers = next((inner for path in _ANSWERS if isinstance(inner := _at(body, path), Mapping)), {})
    named = completion.named_answers(answers)
    email = without_zero_width(completion.stated(named, "email")) or fields.buyer(body, kind="relay").email
    if not email:
        raise Unmatched(reasons.NO_EMAIL())
    first, _space, last = completion.stated(named, "name").partition(" ")
    names = {"first_name": first, "last_name": last.strip()}
    return [
        FormSubmitted(
            occurred_at=occurred_at,
            external_id=first_text(body, _SUBMISSION_ID) or event_id,
            email=email,
            form_id=first_text(body, _FORM_ID),
            form_title=first_text(body, _FORM_NAME),
            answers=dict(answers),
            completed=completion.read(answers),
        ),
        ContactReported(
            occurred_at=occurred_at, email=email, fields={name: value for name, value in names.items() if value}
        ),
    ]


def _at(body: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def _texts(value: Any) -> list[str]:
    """Return the texts of a text, or of a list of texts or objects: tags and addresses come in all three shapes."""
    if isinstance(value, list):
        return [
            text
            for item in value
            if (text := first_text(item, (("name",), ("email",))) or first_text({"": item}, (("",),)))
        ]
    text = first_text({"": value}, (("",),))
    return [text] if text else []
