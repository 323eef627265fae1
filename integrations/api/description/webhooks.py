"""Webhooks as OpenAPI, from their manifests: bodies and proofs of each endpoint, and its own answers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from accounts.people import companies
from integrations.api.description.shapes import RETRY_AFTER, answer, operation_id, parameter
from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.reply import Accepted, Reply
from integrations.contracts.webhook import Payload
from integrations.inbox.api import webhooks
from integrations.toolkit.bodies import MAX_BATCH
from integrations.toolkit.signatures import Token

_BEARER, _QUERY = "bearer", "query"  # places of a token beside its header
_UNREADABLE = "an example: the e-mail is not a text"
_AROUND = (
    "Stored before it is answered, processed afterwards. Works with and without a slash at its end. "
    "A wrong signature is refused, even beside a right token."
)
_MEANINGS = {
    HTTPStatus.OK: "Stored, or a duplicate of a stored delivery.",
    HTTPStatus.CONFLICT: "A duplicate. Nothing changes.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Stored as failed: the field in `loc` cannot be read.",
    HTTPStatus.BAD_REQUEST: "Stored as failed: it cannot be read.",
    HTTPStatus.FORBIDDEN: "No right signature or token. Nothing is stored.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Another method than those described here.",
    HTTPStatus.LENGTH_REQUIRED: "The length is not declared.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
    HTTPStatus.TOO_MANY_REQUESTS: "Nothing is stored. Send it again after the seconds of `Retry-After`.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Nothing is stored. Send it again after the seconds of `Retry-After`.",
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
    """Return the proofs of a provider's senders as security schemes."""
    schemes: dict[str, Any] = {}
    for verifier in {verifier: None for endpoint in provider.endpoints for verifier in endpoint.verifiers}:
        checked = f"Checked with {verifier.setting}; none configured, closed."
        for header, text in verifier.headers.items():
            described = {"type": "apiKey", "in": "header", "name": header, "description": f"{text} {checked}"}
            schemes[_scheme(verifier.setting, header)] = described
        if isinstance(verifier, Token):
            bearer = {"type": "http", "scheme": "bearer", "description": f"The token. {checked}"}
            described = {
                "type": "apiKey",
                "in": "query",
                "name": verifier.query,
                "description": f"The token. {checked}",
            }
            schemes |= {_scheme(verifier.setting, _BEARER): bearer, _scheme(verifier.setting, _QUERY): described}
    return schemes


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
    proofs: list[dict[str, list[str]]] = []
    for verifier in endpoint.verifiers:
        proofs.append({_scheme(verifier.setting, header): [] for header in verifier.headers})
        if isinstance(verifier, Token):
            proofs += [{_scheme(verifier.setting, place): []} for place in (_BEARER, _QUERY)]
    return proofs


def _scheme(setting: str, header: str) -> str:
    return f"{setting}.{header}"


def _body(endpoint: Endpoint) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"type": "object", "additionalProperties": True}}
    if endpoint.examples:
        content["examples"] = {name: {"value": body} for name, body in endpoint.examples.items()}
    text = (
        f"JSON in one of the dialects that are understood, at most {webhooks.MAX_BODY} bytes, or an array of up to "
        f"{MAX_BATCH} such objects, each an event of its own. A form with these fields, or with the JSON in its field "
        "`payload`, is read too. It may be compressed by gzip or deflate; what it inflates to has the same limit."
    )
    return {"required": True, "description": text, "content": {"application/json": content}}


def _answers(endpoint: Endpoint) -> dict[str, Any]:
    """Return the responses by status. Examples are answers of the code itself."""
    examples_by_status: dict[HTTPStatus, dict[str, Any]] = {}

    def add(status: HTTPStatus, name: str, content: Mapping[str, Any]) -> None:
        examples_by_status.setdefault(status, {}).setdefault(name, dict(content))

    for status, name, content in _receipts(endpoint):
        add(status, name, content)
    add(HTTPStatus.FORBIDDEN, "no proof", {"detail": webhooks.NOT_VERIFIED})
    add(HTTPStatus.METHOD_NOT_ALLOWED, "another method", {"detail": 'Method "PUT" not allowed.'})
    add(HTTPStatus.LENGTH_REQUIRED, "no length", {"detail": webhooks.NO_LENGTH})
    too_long = webhooks.TOO_LONG.format(length=webhooks.MAX_BODY + 1)
    add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long", {"detail": too_long})
    add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "inflates to too much", {"detail": webhooks.INFLATED_TOO_LONG})
    add(HTTPStatus.TOO_MANY_REQUESTS, "too many", {"detail": webhooks.TOO_MANY.format(seconds=30)})
    add(endpoint.busy_status, "the database is away", {"detail": webhooks.AWAY})
    return {
        str(int(status)): answer(_MEANINGS[status], examples, headers=RETRY_AFTER if status in _WAITS else None)
        for status, examples in sorted(examples_by_status.items())
    }


def _receipts(endpoint: Endpoint) -> Iterator[tuple[HTTPStatus, str, Mapping[str, Any]]]:
    """Yield status, name and content of the answers to stored deliveries, by the outcome of each example."""
    by_outcome: dict[str, dict[str, Reply]] = {}
    for body_name, body in (endpoint.examples or {"": {}}).items():
        for outcome, accepted in _accepted(endpoint, body).items():
            by_outcome.setdefault(outcome, {})[body_name] = endpoint.reply(accepted)
    for outcome, replies in by_outcome.items():
        differ = any(reply != next(iter(replies.values())) for reply in replies.values())
        for name, reply in replies.items():
            is_own = differ and reply.status == HTTPStatus.OK
            yield reply.status, f"{outcome}: {name}" if is_own else outcome, reply.content


def _accepted(endpoint: Endpoint, body: Payload) -> dict[str, Accepted]:
    """Return the possible outcomes of a delivery with this body, by names for people."""
    if not body:
        stored = Accepted(event_id="", event_type="")
    else:
        envelope = endpoint.read(body)
        stored = Accepted(event_id=envelope.key, event_type=envelope.event_type, payload=body)
    unreadable = replace(stored, unreadable=_UNREADABLE, unreadable_at=("data", "email"))
    if endpoint.immediate and body:
        pending = replace(stored, company=companies.names_of(envelope.external_id))
        made = replace(pending, company={**pending.company, "company_name": "Test Company S.A."}, company_exists=True)
        outcomes = {"created": replace(made, is_new=True), "already known": made, "pending": pending}
        return outcomes | {"unreadable": unreadable}
    return {
        "stored": stored,
        "duplicate": replace(stored, duplicate=True),
        "ignored": replace(stored, ignored=f"unknown type {stored.event_type}"),
        "unreadable": unreadable,
    }
