"""OpenAPI objects from examples: the shape of an answer is derived from a real one."""

from collections.abc import Iterable, Mapping
from typing import Any

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def shape_of(values: Iterable[Any]) -> dict[str, Any]:
    """Return a schema that all of `values` satisfy; what some objects lack is not required."""
    known = [value for value in values if value is not None]
    shapes: list[dict[str, Any]] = []
    if objects := [value for value in known if isinstance(value, Mapping)]:
        names = dict.fromkeys(name for value in objects for name in value)
        required = [name for name in names if all(name in value for value in objects)]
        properties = {name: shape_of(value[name] for value in objects if name in value) for name in names}
        shapes.append({"type": "object", "properties": properties} | ({"required": required} if required else {}))
    if lists := [value for value in known if isinstance(value, list | tuple)]:
        shapes.append({"type": "array", "items": shape_of(item for value in lists for item in value)})
    shapes += [{"type": _TYPES[kind]} for kind in dict.fromkeys(type(value) for value in known) if kind in _TYPES]
    return shapes[0] if len(shapes) == 1 else {"oneOf": shapes} if shapes else {"nullable": True}


def answer(
    description: str, examples: Mapping[str, Any], *, headers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the response object of a JSON answer with these examples, by their names."""
    content = {
        "schema": shape_of(examples.values()),
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    response = {"description": description, "content": {"application/json": content}}
    return response | ({"headers": dict(headers)} if headers else {})


def parameter(name: str, where: str, description: str, **schema: Any) -> dict[str, Any]:
    described = {"name": name, "in": where, "description": description, "schema": {"type": "string", **schema}}
    return described | ({"required": True} if where == "path" else {})


def operation_id(url_name: str, suffix: str = "") -> str:
    return url_name.replace("-", "_").replace(" ", "_") + suffix


def operation(name: str, summary: str, responses: Mapping[str, Any], *, tag: str, **more: Any) -> dict[str, Any]:
    """Return the operation object of the address with this URL name."""
    return {"operationId": operation_id(name), "summary": summary, "tags": [tag], **more, "responses": responses}
