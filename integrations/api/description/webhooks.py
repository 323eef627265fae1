"""Webhooks as OpenAPI, from their manifests: bodies and proofs of each endpoint, and its answers in its own words."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from accounts.people import companies
from integrations.api.description.shapes import RETRY_AFTER, answer, operation_id, parameter
from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.webhook import Kept, Outcome, Payload
from integrations.inbox.api import webhooks

_UNREADABLE = "an example: the e-mail is no text"
_AROUND = (
    "Kept before it is answered; worked on afterwards. Works with and without a slash at its end. "
    "A proof that is there must be right: another one does not mend it."
)
_MEANINGS = {
    HTTPStatus.OK: "Kept, or kept before.",
    HTTPStatus.CONFLICT: "It was there already. Nothing changes.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Kept as failed: the field in `loc` cannot be read.",
    HTTPStatus.BAD_REQUEST: "Kept as failed: it cannot be read.",
    HTTPStatus.FORBIDDEN: "No right signature or token. Nothing is kept.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Another method than those described here.",
    HTTPStatus.LENGTH_REQUIRED: "The length is not declared.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
    HTTPStatus.TOO_MANY_REQUESTS: "Nothing is kept. Send it again after the time that is named.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Nothing is kept. Send it again after the time that is named.",
}
_WAITS = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def paths_of(provider: Provider) -> dict[str, Any]:
    """Return the path items of a provider's endpoints, those with the token in the path too."""
    paths: dict[str, Any] = {}
    for endpoint in provider.endpoints:
        paths[f"/{endpoint.path}"] = _item(provider, endpoint)
        if endpoint.takes_token_in_path:
            paths[f"/{endpoint.path}/{{token}}"] = _item(provider, endpoint, with_token=True)
    return paths


def schemes_of(provider: Provider) -> dict[str, Any]:
    """Return the headers with which a provider's senders prove themselves, as security schemes."""
    return {
        _scheme(verifier.setting, header): {
            "type": "apiKey",
            "in": "header",
            "name": header,
            "description": f"{text} Checked with {verifier.setting}; none configured, closed.",
        }
        for endpoint in provider.endpoints
        for verifier in endpoint.verifiers
        for header, text in verifier.headers.items()
    }


def _item(provider: Provider, endpoint: Endpoint, *, with_token: bool = False) -> dict[str, Any]:
    name = f"webhook-{provider.key}-{endpoint.name}"
    token = parameter("token", "path", "One of the configured tokens, in the place of a signature.")
    shared = {"tags": [provider.title], "parameters": [token]} if with_token else {"tags": [provider.title]}
    ending = "_with_token" if with_token else ""
    item = {
        "post": {
            "operationId": operation_id(name, ending),
            "summary": endpoint.about,
            "description": _AROUND,
            **shared,
            "security": [*_proofs(endpoint), *([{}] if with_token else [])],
            "requestBody": _body(endpoint),
            "responses": _answers(endpoint),
        }
    }
    if endpoint.answers_get:
        item["get"] = {
            "operationId": operation_id(name, f"{ending}_look"),
            "summary": f"Answers {provider.title}, which looks before it posts.",
            **shared,
            "security": [],
            "responses": {"200": answer("There is something here.", {"ready": {"status": "ready"}})},
        }
    return item


def _proofs(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    """Return the proofs of which one is enough; the headers of one proof belong together."""
    return [{_scheme(one.setting, header): [] for header in one.headers} for one in endpoint.verifiers]


def _scheme(setting: str, header: str) -> str:
    return f"{setting}.{header}"


def _body(endpoint: Endpoint) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"type": "object", "additionalProperties": True}}
    if endpoint.examples:
        content["examples"] = {name: {"value": body} for name, body in endpoint.examples.items()}
    text = f"JSON in one of the dialects that are understood, at most {webhooks.MAX_BODY} bytes."
    return {"required": True, "description": text, "content": {"application/json": content}}


def _answers(endpoint: Endpoint) -> dict[str, Any]:
    """Return the responses by status. Examples are what the code itself answers."""
    said: dict[HTTPStatus, dict[str, Any]] = {}

    def add(status: HTTPStatus, name: str, content: Mapping[str, Any]) -> None:
        said.setdefault(status, {}).setdefault(name, dict(content))

    for status, name, content in _receipts(endpoint):
        add(status, name, content)
    add(HTTPStatus.FORBIDDEN, "no proof", {"detail": webhooks.NOT_VERIFIED})
    add(HTTPStatus.METHOD_NOT_ALLOWED, "another method", {"detail": 'Method "PUT" not allowed.'})
    add(HTTPStatus.LENGTH_REQUIRED, "no length", {"detail": webhooks.NO_LENGTH})
    too_long = webhooks.TOO_LONG.format(length=webhooks.MAX_BODY + 1)
    add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long", {"detail": too_long})
    add(HTTPStatus.TOO_MANY_REQUESTS, "too many", {"detail": webhooks.TOO_MANY.format(seconds=30)})
    add(endpoint.busy_status, "the database is away", {"detail": webhooks.AWAY})
    return {
        str(int(status)): answer(_MEANINGS[status], examples, headers=RETRY_AFTER if status in _WAITS else None)
        for status, examples in sorted(said.items())
    }


def _receipts(endpoint: Endpoint) -> list[tuple[HTTPStatus, str, Mapping[str, Any]]]:
    """Return status, name and content of what is answered to deliveries that were kept."""
    if endpoint.reply is not None:
        return [
            (reply.status, name if reply.status == HTTPStatus.OK else outcome, reply.content)
            for body_name, body in endpoint.examples.items()
            for outcome, kept in _kept(endpoint, body).items()
            for reply in [endpoint.reply(kept)]
            for name in [f"{outcome}: {body_name}"]
        ]
    unreadable = {"detail": webhooks.UNREADABLE.format(reason='no event type: expected "type" with a text')}
    if endpoint.answer_with is not None:
        found = [
            (HTTPStatus.OK, f"{outcome_name}: {body_name}", endpoint.answer_with(outcome))
            for body_name, body in endpoint.examples.items()
            for outcome_name, outcome in _outcomes(endpoint, body).items()
        ]
        return [*found, (HTTPStatus.BAD_REQUEST, "unreadable", unreadable)]
    return [
        (HTTPStatus.OK, "kept", endpoint.answer),
        (HTTPStatus.OK, "kept before", {**endpoint.answer, "duplicate": True}),
        (HTTPStatus.BAD_REQUEST, "unreadable", unreadable),
    ]


def _kept(endpoint: Endpoint, body: Payload) -> dict[str, Kept]:
    envelope = endpoint.read(body)
    kept = Kept(event_id=envelope.key, event_type=envelope.event_type)
    return {
        "kept": kept,
        "kept before": replace(kept, duplicate=True),
        "ignored": replace(kept, ignored=f"unknown type {envelope.event_type}"),
        "unreadable": replace(kept, unreadable=_UNREADABLE, unreadable_at=("data", "email")),
    }


def _outcomes(endpoint: Endpoint, body: Payload) -> dict[str, Outcome]:
    account_id = endpoint.read(body).external_id
    pending = Outcome(payload=body, names=companies.names_of(account_id))
    made = replace(pending, names={**pending.names, "company_name": "Test Company S.A."}, is_made=True)
    return {"made": replace(made, is_new=True), "known already": made, "made in a moment": pending}
