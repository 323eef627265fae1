"""Turn a fixture into the event of a chosen person, with fresh ids. Only for `manage.py simulate`."""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.contracts.provider import Simulation
from integrations.toolkit.fields import loose

_NAMES = (
    *("email", "first_name", "last_name", "phone", "address1", "city", "state", "postal_code"),
    *("company_name", "date_of_birth", "website"),
)


def personalise(payload: dict[str, Any], chosen: Mapping[str, str]) -> dict[str, Any]:
    """Change `payload` in place and return it: the chosen values, this moment, a fresh id, the configured location.

    A contact's id follows from the e-mail, so that one person stays one contact through many events.
    """
    inner = payload.get("contact")
    person = inner if isinstance(inner, dict) and "contact_id" not in payload else payload
    values = {loose(name): chosen[name] for name in _NAMES if name in chosen}
    for key in list(person):
        if loose(key) in values:
            person[key] = values[loose(key)]
        elif loose(key) in {"name", "fullname"} and {"firstname", "lastname"} & set(values):
            person[key] = f"{values.get('firstname', '')} {values.get('lastname', '')}".strip()
    _set(person, "contact_id" if "contact_id" in person else "id", chosen.get("contact_id") or _id(values.get("email")))
    _set(payload, "webhookId", chosen.get("id") or str(uuid.uuid4()))
    _set(payload, "timestamp", timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    _set(payload, "locationId", settings.GHL_LOCATION_ID)
    return payload


def _set(holder: dict[str, Any], name: str, value: str) -> None:
    """Set a name that the fixture has already."""
    if name in holder and value:
        holder[name] = value


def _id(email: str | None) -> str:
    """Return twenty letters and digits, as the vendor's ids."""
    return hashlib.sha256(email.lower().encode()).hexdigest()[:20] if email else ""


SIMULATION = Simulation(
    options=(*_NAMES, "contact_id", "id"), personalise=personalise, endpoint_for=lambda payload: "webhooks"
)
