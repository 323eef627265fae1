"""OpenAPI for the API's own views: who may call them, by the table of access, and how they refuse."""

import re
from typing import Any

from django.urls import resolve

from core.web import access
from core.web.access import Rule, Who

_PARAMETER = re.compile(r"\{[^{}]+\}")
MONITOR = "METRICS_TOKEN"
_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
_FAULTS = {
    "type": "object",
    "description": "What is wrong, by field; or `detail`, where no field is at fault.",
    "additionalProperties": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_MEANINGS = {
    "400": ("The request cannot be read.", "Faults"),
    "401": ("Nobody, or nobody any more, by this token or session.", "Detail"),
    "403": ("Signed in, and not allowed to.", "Detail"),
    "404": ("There is no such row or page.", "Detail"),
    "405": ("Another method than those described here.", "Detail"),
    "411": ("The length is not declared.", "Refusal"),  # RefusalSerializer's
    "413": ("The body is too long.", "Refusal"),
    "415": ("No JSON.", "Detail"),
    "429": ("Too many wrong tokens or secrets.", "Detail"),
}


def describe(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Complete the views' descriptions, and add mail providers' reports: a postprocessing hook of drf-spectacular."""
    result["components"].setdefault("schemas", {}).update(Detail=_DETAIL, Faults=_FAULTS)
    schemes = result["components"].setdefault("securitySchemes", {})
    schemes[MONITOR] = {"type": "http", "scheme": "bearer", "description": f"One of {MONITOR}, for monitors."}
    schemes["ANYMAIL_WEBHOOK_SECRET"] = {"type": "http", "scheme": "basic", "description": "One of the setting."}
    paths = {path.rstrip("/"): item for path, item in result["paths"].items()}
    for path, item in paths.items():
        match = resolve(_PARAMETER.sub("1", path))
        for method, operation in item.items():
            rule = access.table().rule(match.view_name, method.upper())
            if rule is not None:
                _complete(operation, rule, has_parameters="{" in path)
    return {**result, "paths": {**paths, "/anymail/{provider}/{report}": {"post": _mail_report()}}}


def _complete(operation: dict[str, Any], rule: Rule, *, has_parameters: bool) -> None:
    """Say who may, and add the refusals that the view does not describe itself."""
    statuses = ["405"]
    if who := _who(rule):
        operation["description"] = f"{operation.get('description', '')}\n\n{who}".strip()
        statuses += ["401", "403", "429"]
    if rule.setting:
        operation["security"].append({rule.setting: []})
    asked = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
    if has_parameters or "page" in asked:
        statuses.append("404")
    if asked:
        statuses.append("400")
    if "requestBody" in operation:
        statuses += ["400", "411", "413", "415"]
    for status in statuses:
        operation["responses"].setdefault(status, _response(status))
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _who(rule: Rule) -> str:
    """Return who may, in a sentence; "" where anybody may."""
    if rule.who is Who.MEMBER:
        people = "For whoever is signed in"
    elif rule.who is Who.STAFF:
        people = "For staff" + "".join(f" with the permission `{name}`" for name in rule.permissions)
    else:
        return ""
    token = f"a token needs the scope `{rule.scope}`" if rule.scope else "no token opens it"
    monitor = f" Or with one of `{rule.setting}`." if rule.setting else ""
    return f"{people}; {token}.{monitor}"


def _response(status: str) -> dict[str, Any]:
    text, shape = _MEANINGS[status]
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
    response: dict[str, Any] = {"description": text, "content": content}
    return response | ({"headers": _RETRY_AFTER} if status == "429" else {})


def _mail_report() -> dict[str, Any]:
    def named(name: str, text: str, **schema: Any) -> dict[str, Any]:
        return {
            "name": name,
            "in": "path",
            "required": True,
            "description": text,
            "schema": {"type": "string", **schema},
        }

    nothing = {"description": "Taken."}
    return {
        "operationId": "mail_report",
        "summary": "Deliveries, bounces and incoming mails, from the mail provider.",
        "description": "The body is the provider's own. ANYMAIL_WEBHOOK_SECRET is sent as user and password.",
        "tags": ["Mail"],
        "security": [{"ANYMAIL_WEBHOOK_SECRET": []}],
        "parameters": [
            named("provider", "Anymail's name of a provider that is in use.", example="amazon_ses"),
            named("report", "What is reported.", enum=["tracking", "inbound"]),
        ],
        "requestBody": {"content": {"application/json": {"schema": {}}, "multipart/form-data": {"schema": {}}}},
        "responses": {
            "200": nothing,
            "400": {"description": "No right secret, or a body that cannot be read."},
            "404": {"description": "The provider is not in use."},
            "411": _response("411"),
            "413": _response("413"),
            "429": {"description": "Too many wrong secrets.", "headers": _RETRY_AFTER},
        },
    }
