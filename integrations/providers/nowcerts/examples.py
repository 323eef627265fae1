"""A body of each dialect that reaches us, for /docs."""

from typing import Any

_INSURED = "5b1d7c1e-6f0a-4a63-9c52-0d8a1f0b7e01"

BODIES: dict[str, dict[str, Any]] = {
    "INSURED_INSERT": {
        "event_type": "INSURED_INSERT",
        "timestamp": "2024-01-15T10:30:00Z",
        "data": {
            "firstName": "Juan",
            "lastName": "Soto",
            "email": "juan@example.com",
            "phone": "+13055550110",
            "address": {"street": "123 Main St", "city": "Miami", "state": "FL", "zip": "33101"},
        },
    },
    "POLICY_INSERT": {
        "event_type": "POLICY_INSERT",
        "timestamp": "2024-01-15T10:31:00Z",
        "data": {
            "policyNumber": "POL-12345",
            "policyType": "Auto",
            "premium": 1200.0,
            "carrier": "Sample Mutual",
            "effectiveDate": "2024-02-01",
            "expirationDate": "2025-02-01",
            "insuredDatabaseId": _INSURED,
            "insuredEmail": "juan@example.com",
        },
    },
    "InsuredUpdate, a notice": {
        "EventType": "InsuredUpdate",
        "InsuredDatabaseId": _INSURED,
        "PolicyDatabaseId": None,
    },
    "a prospect, from Zapier": {
        "database_id": _INSURED,
        "type": "Prospect",
        "first_name": "Juan",
        "last_name": "Soto",
        "e_mail": "juan@example.com",
        "phone": "305-555-0110",
        "city": "Miami",
        "state": "FL",
        "zip_code": "33101",
        "change_date": "2024-01-15T10:32:00Z",
    },
}
