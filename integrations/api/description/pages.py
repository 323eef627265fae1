"""Our other addresses for machines as OpenAPI: look-ups of companies, operators' pages, health, what runs here."""

from http import HTTPStatus
from typing import Any

from core.web.refusals import refusal
from integrations import registry
from integrations.api.description.shapes import RETRY_AFTER, answer, operation_id, parameter
from integrations.contracts.provider import CompanyPages, Provider
from integrations.providers.chatwoot.api import look_up as companies
from integrations.providers.chatwoot.api.signed_accounts import HEADER
from integrations.providers.kajabi.api.calls import OperatorPage

MONITORING = "Monitoring"
_COMPANY = {
    "exists": True,
    "company_id": "chatwoot_123",
    "company_name": "Test Company S.A.",
    "chatwoot_account_id": "123",
    "status": "active",
    "is_ready": True,
    "created_at": "2025-11-13T12:30:00Z",
}
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
_SIGNED = [
    parameter("signature", "query", "The hex HMAC-SHA256 of the account's id, or of <id>.<expires>."),
    parameter("expires", "query", "Unix seconds at which the signature ends, where it does."),
]


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
        fields["oldest_waiting_seconds"] = {"type": "number", "nullable": True}
    info = companies.system_info(list(registry.all_providers().values()))
    return {
        "/health": {"get": _get("health", "Whether events can be accepted.", health, tag=MONITORING)},
        "/api/system/info": {
            "get": _get(
                "system-info",
                "Name, version, features and endpoints of what runs here.",
                {"200": answer("What runs here.", {"info": info})},
                tag=MONITORING,
            )
        },
    }


def paths_of(provider: Provider) -> dict[str, Any]:
    """Return the path items of a provider's operator pages and of its companies."""
    found: dict[str, Any] = {f"/{page.path}": _operator(provider, page) for page in provider.operator_pages}
    if provider.company_pages is not None:
        found |= _companies(provider, provider.company_pages)
    return found


def schemes_of(provider: Provider) -> dict[str, Any]:
    schemes: dict[str, Any] = {
        page.password: {
            "type": "http",
            "scheme": "bearer",
            "description": f"{page.password}. Where it is not set the address does not exist.",
        }
        for page in provider.operator_pages
    }
    if provider.company_pages is not None:
        setting = provider.company_pages.signed_by
        schemes[f"{setting}.{HEADER}"] = {
            "type": "apiKey",
            "in": "header",
            "name": HEADER,
            "description": f"The account's signature, made with {setting}; where that is not set everybody may ask.",
        }
    return schemes


def _get(name: str, summary: str, responses: dict[str, Any], *, tag: str, **more: Any) -> dict[str, Any]:
    return {"operationId": operation_id(name), "summary": summary, "tags": [tag], **more, "responses": responses}


def _companies(provider: Provider, pages: CompanyPages) -> dict[str, Any]:
    header = f"{pages.signed_by}.{HEADER}"
    too_many = {"too many": refusal("Too many requests. Try again in 30 seconds.", code="throttled")}
    look_up = {
        "200": answer(
            "The company, or that there is none (yet).",
            {
                "found": {"success": True, "data": _COMPANY},
                "none": {"success": True, "data": companies.public_values(None)},
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
        "tag": provider.title,
        "parameters": [asks, *_SIGNED],
        "security": [],
        "responses": page,
    }
    return {
        f"/{pages.path}/company/{{account_id}}": {
            "get": _get(
                f"company-{provider.key}",
                f"The company of an account of {provider.title}.",
                look_up,
                tag=provider.title,
                parameters=[account, *_SIGNED],
                security=[{header: []}, {}],
                description="Browsers of FRONTEND_ORIGINS and CHATWOOT_EMBED_ORIGINS may ask too, without cookies.",
            )
        },
        "/embed/dashboard": {
            "get": _get(
                "embed",
                "The page for a frame: the account's company.",
                description="`/?accountId=…` is the same page.",
                **embedded,
            ),
        },
    }


def _operator(provider: Provider, page: OperatorPage) -> dict[str, Any]:
    def refused(text: str, message: str, **more: Any) -> dict[str, Any]:
        return answer(text, {"refused": {"success": False, "message": message}}, **more)

    responses = {
        "200": answer("Done.", {"done": dict(page.example)} if page.example else {"done": {"success": True}}),
        "400": refused("A parameter makes no sense.", "Say which action."),
        "401": refused("Wrong password.", "Wrong password."),
        "404": refused(f"{page.password} is not set, or there is no such thing.", "Not found."),
        "405": refused("Not by this method.", "Use GET or POST."),
        "429": refused("Too many wrong passwords.", "Too many tries. Try again in 30 seconds.", headers=RETRY_AFTER),
        "502": refused(f"{provider.title} failed.", f"{provider.title} answers with 500"),
        "503": refused("Something is not configured.", "KAJABI_CLIENT_ID is not set"),
    }
    password = parameter("password", "query", "The password, where no header can be set. The header is better.")
    options = [parameter(name, "query", text) for name, text in page.parameters.items()]
    form = {name: {"type": "string", "description": text} for name, text in page.parameters.items()}
    fields = {"type": "object", "properties": {"password": {"type": "string"}, **form}}
    shared: dict[str, Any] = {"tag": provider.title, "security": [{page.password: []}, {}]}
    name = f"operator-{provider.key}-{page.name}"
    return {
        "get": _get(name, page.about, responses, parameters=[password, *options], **shared),
        "post": _get(
            f"{name}-post",
            page.about,
            responses,
            requestBody={"content": {"application/x-www-form-urlencoded": {"schema": fields}}},
            **shared,
        ),
    }
