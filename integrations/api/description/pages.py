"""Addresses that belong to no provider as OpenAPI: health and system information."""

from http import HTTPStatus
from typing import Any

from integrations.api.description.shapes import answer, operation
from integrations.operations.api.system_info import system_info

MONITORING = "Monitoring"
_HEALTH = {
    "status": "healthy",
    "service": "NowCerts GHL Integration API",
    "version": "1.0.0",
    "database": "ok",
    "broker": "ok",
    "oldest_waiting_seconds": 0.0,
    "circuits": {"nowcerts": "closed"},
}
_AWAY = {**_HEALTH, "status": "unavailable", "database": "away", "oldest_waiting_seconds": None, "circuits": {}}


def everywhere() -> dict[str, Any]:
    """Return the path items that belong to no provider."""
    states = {"type": "string", "enum": ["closed", "open", "half-open"]}
    health = {
        str(int(status)): answer(text, {text: example})
        for status, text, example in (
            (HTTPStatus.OK, "Events can be accepted; degraded: later than they could be.", _HEALTH),
            (HTTPStatus.SERVICE_UNAVAILABLE, "Nothing can be accepted.", _AWAY),
        )
    }
    for response in health.values():
        fields = response["content"]["application/json"]["schema"]["properties"]
        fields["circuits"] = {"type": "object", "additionalProperties": states}
        fields["missing_permissions"] = {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "Only where there are any: by provider, under the names that it gives them.",
        }
        fields["oldest_waiting_seconds"] = {"type": "number", "nullable": True}
    info = system_info()
    return {
        "/health": {"get": operation("health", "Whether events can be accepted.", health, tag=MONITORING)},
        "/api/system/info": {
            "get": operation(
                "system-info",
                "Name, version, features and endpoints of what runs here.",
                {"200": answer("What runs here.", {"info": info})},
                tag=MONITORING,
            )
        },
    }
