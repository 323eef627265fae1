"""Turn a fixture into the event of a chosen person and policy. Only for `manage.py simulate`."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from integrations.contracts.provider import Simulation
from integrations.toolkit.fields import loose

_NAMES = (
    *("email", "e_mail_2", "first_name", "middle_name", "last_name", "phone", "cell_phone", "date_of_birth"),
    *("commercial_name", "address_line_1", "address_line_2", "city", "state", "zip_code"),
    *("policy_number", "policy_type", "premium", "carrier", "effective_date", "expiration_date"),
)
_SPACE = uuid.UUID("6f1d8f5e-3f52-4c2e-9a6d-2b0c8f0e7a11")  # for ids that follow from an e-mail or a number


def personalise(payload: dict[str, Any], chosen: Mapping[str, str]) -> dict[str, Any]:
    """Change `payload` in place and return it: the chosen values, this moment, ids from e-mail and number."""
    values = {loose(name): chosen[name] for name in _NAMES if name in chosen}
    email = values.get("email", "")
    if email:
        insured_id = chosen.get("insured_id") or _id(email)
        values |= {"email": email, "insuredemail": email, "insureddatabaseid": insured_id, "databaseid": insured_id}
    if number := values.get("policynumber", ""):
        values |= {"number": number, "policydatabaseid": _id(number)}
    for holder in (payload, payload.get("data")):
        if isinstance(holder, dict):
            for key in list(holder):
                if loose(key) in values:
                    holder[key] = values[loose(key)]
                elif key == "timestamp":
                    holder[key] = timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return payload


def _id(text: str) -> str:
    return str(uuid.uuid5(_SPACE, text.lower()))


SIMULATION = Simulation(
    options=(*_NAMES, "insured_id"), personalise=personalise, endpoint_for=lambda payload: "webhooks"
)
