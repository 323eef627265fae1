"""Personalised fixtures for simulated events. Only for `manage.py simulate`."""

from collections.abc import Mapping
from typing import Any

from integrations.contracts.provider import Simulation
from integrations.contracts.webhook import Payload
from integrations.providers.chatwoot import webhooks


def endpoint_for(payload: Payload) -> str:
    """Return the endpoint to which an event is posted."""
    return "account" if str(payload.get("event")) in webhooks.ABOUT_CONTACTS else "installation"


def personalise(payload: dict[str, Any], chosen: Mapping[str, str]) -> dict[str, Any]:
    """Return `payload`, changed in place: with the chosen account, name, e-mail and contact.

    `name` is the company's in an event about an account, else the contact's. The first administrator, or the contact,
    gets the e-mail.
    """
    body: dict[str, Any] = webhooks.unwrapped(payload)  # type: ignore[assignment]  # a part of `payload`, which is a dict
    is_contact = endpoint_for(payload) == "account"
    account = body["account"] if isinstance(body.get("account"), dict) else body
    if "account" in chosen:
        account["id"] = int(chosen["account"]) if chosen["account"].isdigit() else chosen["account"]
    if "name" in chosen:
        (body if is_contact else account)["name"] = chosen["name"]
    if is_contact and "phone" in chosen:
        body["phone_number"] = chosen["phone"]
    if is_contact and "contact_id" in chosen:
        body["id"] = int(chosen["contact_id"]) if chosen["contact_id"].isdigit() else chosen["contact_id"]
    if "email" in chosen:
        if is_contact:
            body["email"] = chosen["email"]
        elif users := body.get("users"):
            users[0]["email"] = chosen["email"]
    return payload


SIMULATION = Simulation(
    options=("account", "name", "email", "phone", "contact_id"), personalise=personalise, endpoint_for=endpoint_for
)
