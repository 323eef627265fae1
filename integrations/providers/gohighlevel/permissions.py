"""GoHighLevel's scopes: which one a call needs.

Source: the vendor's list at https://marketplace.gohighlevel.com/docs/Authorization/Scopes. A missing scope is answered
with 401 "The token is not authorized for this scope.", wrong credentials with 401 "Invalid JWT", another location than
the token's with 403.
"""

from typing import Any

from core.phrases import CODE, Phrase
from integrations.toolkit.permissions import Permission, Permissions
from integrations.toolkit.reading import text_at

CONTACTS, OPPORTUNITIES, CUSTOM_FIELDS = "contacts", "opportunities", "custom fields"
# What stands in the message of a refusal that concerns every call.
_CREDENTIALS = ("jwt", "location", "version header", "expired", "invalid token")


def _needed_by(method: str, path: str) -> Permission | None:
    parts = path.strip("/").split("/")
    if "customFields" in parts:
        return Permission(CUSTOM_FIELDS, "locations/customFields.readonly")
    for resource in (CONTACTS, OPPORTUNITIES):
        if resource in parts:
            is_read = method == "GET" or parts[-1] == "search"
            return Permission(resource, f"{resource}.{'readonly' if is_read else 'write'}")
    return None


def _refuses_all(document: Any) -> bool:
    message = text_at(document, "message").lower()
    return "scope" not in message and any(word in message for word in _CREDENTIALS)


PERMISSIONS = Permissions(
    needed_by=_needed_by,
    refuses_all=_refuses_all,
    advice=Phrase(
        "The scope {name} is missing: add it to the integration of GHL_API_KEY (Settings, Private Integrations).",
        name=CODE,
    ),
)
