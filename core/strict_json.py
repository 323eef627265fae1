"""Parse JSON from outside by one set of rules: webhooks, the API, reports of mail providers.

Refused is everything that parsers disagree about or break on: other encodings than UTF-8, NaN and infinities, numbers
too long to be one, a key twice in one object, and nesting deeper than MAX_DEPTH.
"""

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 32


class InvalidJson(ValueError):
    """The bytes are no JSON that is accepted; the message says why and quotes at most a few letters of them."""


def read(body: bytes, *, must_be_object: bool = False) -> Any:
    """Return the JSON value in `body`. Raises InvalidJson."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJson(f"the body is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from error
    value = parse(text)
    if must_be_object and not isinstance(value, dict):
        raise InvalidJson(f"a JSON object was expected, a {type(value).__name__} came")
    return value


def parse(text: str) -> Any:
    """Return the JSON value in `text`. Raises InvalidJson."""
    if not text.strip():
        raise InvalidJson("the body is empty; a JSON object was expected")
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_without_duplicates
        )
    except InvalidJson:
        raise
    except RecursionError as error:
        raise InvalidJson(f"the JSON is nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:  # JSONDecodeError, and Python's limit of 4,300 digits
        raise InvalidJson(f"the body is not JSON: {error}") from error
    level = [value] if isinstance(value, dict | list) else []
    for _depth in range(MAX_DEPTH):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list)
        ]
    if level:
        raise InvalidJson(f"the JSON is nested deeper than {MAX_DEPTH} levels")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidJson(f"the number {text[:20]} is too large")
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _value in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidJson(f"the key {twice[:60]!r} stands twice in one object")
    return result
