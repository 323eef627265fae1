"""A body of each dialect that reaches us, for /docs."""

from typing import Any

_LOCATION = "loc0EPM428h8vShlRW1KT"
_CONTACT = "con0QEsNgz6AVpgLVUJ0"

BODIES: dict[str, dict[str, Any]] = {
    "contact.created": {
        "event": "contact.created",
        "contact": {
            "firstName": "María",
            "lastName": "Gil",
            "email": "maria@example.com",
            "phone": "+14075550120",
            "address1": "456 Oak Ave",
            "city": "Orlando",
            "state": "FL",
            "postalCode": "32801",
        },
        "locationId": _LOCATION,
    },
    "a workflow's own body": {
        "contact_id": _CONTACT,
        "first_name": "María",
        "last_name": "Gil",
        "email": "maria@example.com",
        "phone": "+14075550120",
        "tags": "vip,newsletter",
        "location": {"id": _LOCATION, "name": "Sample Agency"},
        "workflow": {"id": "wf_1", "name": "Tell Enlace"},
    },
    "ContactUpdate, a marketplace app": {
        "type": "ContactUpdate",
        "locationId": _LOCATION,
        "webhookId": "7d0c5a52-9d4e-4b63-8a06-3c1f0e7b2d11",
        "timestamp": "2026-03-02T10:31:00.000Z",
        "id": _CONTACT,
        "firstName": "María",
        "lastName": "Gil",
        "email": "maria@example.com",
        "phone": "+14075550120",
        "city": "Tampa",
        "state": "FL",
        "tags": ["vip"],
    },
}
