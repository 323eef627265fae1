"""OpenAPI description of Chatwoot's own URLs: the company of an account, and the page in a frame."""

from typing import Any

from core.web.refusals import refusal
from integrations.api.description.shapes import RETRY_AFTER, answer, operation, parameter
from integrations.providers.chatwoot.api.embed import COMPANY
from integrations.providers.chatwoot.api.look_up import public_values
from integrations.providers.chatwoot.api.signed_accounts import HEADER, SECRETS
from integrations.providers.chatwoot.provider import PROVIDER
from integrations.providers.chatwoot.webhooks import PATH

_SCHEME = f"{SECRETS}.{HEADER}"
_COMPANY = {
    "exists": True,
    "company_id": "chatwoot_123",
    "company_name": "Test Company S.A.",
    "chatwoot_account_id": "123",
    "status": "active",
    "is_ready": True,
    "created_at": "2025-11-13T12:30:00Z",
}
_SIGNED = [
    parameter("signature", "query", "The hex HMAC-SHA256 of the account's id, or of <id>.<expires>."),
    parameter("expires", "query", "Unix seconds at which the signature ends, where it does."),
]


def schemes() -> dict[str, Any]:
    """Return the header of an account's signature as a security scheme."""
    text = f"The account's signature, made with {SECRETS}; where that is not set everybody may ask."
    return {_SCHEME: {"type": "apiKey", "in": "header", "name": HEADER, "description": text}}


def paths() -> dict[str, Any]:
    """Return the path items of the look-up and the embedded page."""
    too_many = {"too many": refusal("Too many requests. Try again in 30 seconds.", code="throttled")}
    look_up = {
        "200": answer(
            "The company, or that there is none (yet).",
            {
                "found": {"success": True, "data": _COMPANY},
                "none": {"success": True, "data": public_values(None)},
            },
        ),
        "403": answer(
            "The account is not signed, or not any more.",
            {"not signed": refusal("Invalid account signature", code="not_signed")},
        ),
        "429": answer("Ask again after the time that is named.", too_many, headers=RETRY_AFTER),
    }
    html = {"text/html": {"schema": {"type": "string"}}}
    page = {
        "200": {"description": "The page, which asks for the company.", "content": html},
        "403": {"description": "The account is not signed, or not any more.", "content": html},
        "429": {"description": "Too many wrong signatures.", "content": html, "headers": RETRY_AFTER},
    }
    account = parameter("account_id", "path", "The account's number.", pattern="^[0-9]+$")
    asks = parameter("accountId", "query", "The account's number.")
    embedded: dict[str, Any] = {
        "tag": PROVIDER.title,
        "parameters": [asks, *_SIGNED],
        "security": [],
        "responses": page,
    }
    return {
        f"/{PATH}/company/{{account_id}}": {
            "get": operation(
                COMPANY,
                f"The company of an account of {PROVIDER.title}.",
                look_up,
                tag=PROVIDER.title,
                parameters=[account, *_SIGNED],
                security=[{_SCHEME: []}, {}],
                description="Browsers of FRONTEND_ORIGINS and CHATWOOT_EMBED_ORIGINS may ask too, without cookies.",
            )
        },
        "/embed/dashboard": {
            "get": operation(
                "embed",
                "The page for a frame: the account's company.",
                description="`/?accountId=…` is the same page.",
                **embedded,
            ),
        },
    }
