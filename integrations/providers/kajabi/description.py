"""OpenAPI description of Kajabi's own URLs: the pages by which an operator manages its hooks."""

from typing import Any

from integrations.api.description.shapes import RETRY_AFTER, answer, operation, parameter
from integrations.providers.kajabi.api.operator import PASSWORD, OperatorPage, url_name
from integrations.providers.kajabi.api.operator_pages import PAGES
from integrations.providers.kajabi.provider import PROVIDER


def schemes() -> dict[str, Any]:
    """Return the password of the operators' pages as a security scheme."""
    text = f"{PASSWORD}. Where it is not set the address does not exist."
    return {PASSWORD: {"type": "http", "scheme": "bearer", "description": text}}


def paths() -> dict[str, Any]:
    """Return the path items of the operators' pages."""
    return {f"/{page.path}": _path_item(page) for page in PAGES}


def _path_item(page: OperatorPage) -> dict[str, Any]:
    def refused(text: str, message: str, **more: Any) -> dict[str, Any]:
        return answer(text, {"refused": {"success": False, "message": message}}, **more)

    responses = {
        "200": answer("Done.", {"done": dict(page.example)} if page.example else {"done": {"success": True}}),
        "400": refused("A parameter makes no sense.", "Say which action."),
        "401": refused("Wrong password.", "Wrong password."),
        "404": refused(f"{PASSWORD} is not set, or there is no such thing.", "Not found."),
        "405": refused("Not by this method.", "Use GET or POST."),
        "429": refused("Too many wrong passwords.", "Too many tries. Try again in 30 seconds.", headers=RETRY_AFTER),
        "502": refused(f"{PROVIDER.title} failed.", f"{PROVIDER.title} answers with 500"),
        "503": refused("Something is not configured.", "KAJABI_CLIENT_ID is not set"),
    }
    password = parameter("password", "query", "The password, where no header can be set. The header is better.")
    options = [parameter(name, "query", text) for name, text in page.parameters.items()]
    form = {name: {"type": "string", "description": text} for name, text in page.parameters.items()}
    fields = {"type": "object", "properties": {"password": {"type": "string"}, **form}}
    shared: dict[str, Any] = {"tag": PROVIDER.title, "security": [{PASSWORD: []}, {}]}
    name = url_name(page)
    return {
        "get": operation(name, page.about, responses, parameters=[password, *options], **shared),
        "post": operation(
            f"{name}-post",
            page.about,
            responses,
            requestBody={"content": {"application/x-www-form-urlencoded": {"schema": fields}}},
            **shared,
        ),
    }
