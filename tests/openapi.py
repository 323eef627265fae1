"""Validation of requests and answers against an OpenAPI 3 file: path, method, query parameters, bodies.

Stricter than the file in one thing: a property that it does not name is a fault, since ours would be a misspelling.
Envelopes (`links`, the top level of an answer) may hold more, as real ones do.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import yaml
from jsonschema import Draft202012Validator

from tests.fakes.http_server import Exchange

_ENVELOPES = frozenset({"links"})


class Specification:
    def __init__(self, path: Path) -> None:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self._paths: dict[str, Any] = document["paths"]
        self._components = strict(document["components"])

    def problems(self, exchange: Exchange) -> list[str]:
        """Return the errors of an exchange against the file."""
        asked = exchange.asked
        called = f"{asked.method} {asked.path}"
        path = self._path_of(asked.path, asked.method.lower())
        if path is None:
            return [f"{called}: no such operation"]
        operation = self._paths[path][asked.method.lower()]
        known = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        found = [f"{called}: no query parameter {name}" for name, _value in asked.query if name not in known]
        found += [f"{called}: request {problem}" for problem in self._of_request(operation, exchange)]
        found += [f"{called}: answer {problem}" for problem in self._of_answer(operation, exchange)]
        return found

    def _path_of(self, path: str, method: str) -> str | None:
        fitting = [
            template
            for template, item in self._paths.items()
            if method in item and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        ]
        return min(fitting, key=lambda template: template.count("{"), default=None)

    def _of_request(self, operation: Mapping[str, Any], exchange: Exchange) -> list[str]:
        body, contents = exchange.asked.body, (operation.get("requestBody") or {}).get("content")
        if not contents or not body:
            return [] if bool(contents) == bool(body) else [f"has {'a' if body else 'no'} body"]
        kind = _media_type(exchange.asked.headers.get("content-type", ""))
        if kind not in contents:
            return [f"is {kind}, {sorted(contents)} is expected"]
        is_form = kind == "application/x-www-form-urlencoded"
        value = dict(parse_qsl(body.decode())) if is_form else json.loads(body)
        return self._faults(value, strict(contents[kind]["schema"]))

    def _of_answer(self, operation: Mapping[str, Any], exchange: Exchange) -> list[str]:
        answer = exchange.answer
        assert answer is not None
        if str(answer.status) not in operation["responses"]:
            return [f"{answer.status} is not documented"]
        contents = operation["responses"][str(answer.status)].get("content")
        if not contents:
            return ["has a body"] if answer.body else []
        kind = _media_type(answer.content_type)
        if kind not in contents:
            return [f"is {kind}, {sorted(contents)} is expected"]
        value = json.loads(answer.body)
        if isinstance(value, dict):  # the envelope
            value = {name: part for name, part in value.items() if name not in {"meta", "included", "links"}}
        return self._faults(value, strict(contents[kind]["schema"]))

    def _faults(self, value: Any, schema: Mapping[str, Any]) -> list[str]:
        return faults(value, schema, self._components)


def faults(value: Any, schema: Mapping[str, Any], components: Mapping[str, Any]) -> list[str]:
    """Return the errors of a value against a schema; both it and `components` come from `strict`."""
    validator = Draft202012Validator({**schema, "components": components})
    return [f"at {error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def _media_type(content_type: str) -> str:
    return content_type.split(";")[0].strip().lower()


def strict(node: Any, *, name: str = "") -> Any:
    """Return the schema as JSON Schema (`nullable` is OpenAPI 3.0's), closed against unknown properties."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: strict(item, name=key) for key, item in node.items() if key not in {"example", "examples"}}
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        closed["type"] = [node["type"], "null"]
    if node.get("type") == "object" and isinstance(node.get("properties"), dict) and name not in _ENVELOPES:
        closed.setdefault("additionalProperties", False)
    return closed
