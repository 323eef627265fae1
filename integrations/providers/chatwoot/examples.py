"""Example bodies of each kind, for /docs."""

from typing import Any

_ACCOUNT = {"id": 123, "name": "Test Company S.A."}
_OWNER = {"id": 7, "name": "Ana Torres", "email": "ana@example.com", "type": "user"}

ACCOUNTS: dict[str, dict[str, Any]] = {
    "account_created": {"event": "account_created", **_ACCOUNT, "users": [_OWNER]},
    "account_created, with the account inside": {"event": "account_created", "account": _ACCOUNT, "users": [_OWNER]},
    "account_created, wrapped": {"event": "account_created", "data": {**_ACCOUNT, "users": [_OWNER]}},
    "account_updated": {"event": "account_updated", "id": 123, "name": "Test Company International"},
    "account_deleted": {"event": "account_deleted", "account": _ACCOUNT},
}
CONTACTS: dict[str, dict[str, Any]] = {
    "contact_created": {
        "event": "contact_created",
        "account": _ACCOUNT,
        "id": 4501,
        "name": "Luis Vega",
        "email": "luis@example.com",
        "phone_number": "+51 1 555 0100",
        "identifier": None,
        "additional_attributes": {"city": "Lima", "country": "Peru"},
        "custom_attributes": {"plan": "gold"},
    },
    "contact_updated": {
        "event": "contact_updated",
        "account": _ACCOUNT,
        "id": 4501,
        "name": "Luis Vega Ruiz",
        "email": "luis@example.com",
        "changed_attributes": [{"name": {"previous_value": "Luis Vega", "current_value": "Luis Vega Ruiz"}}],
    },
}
