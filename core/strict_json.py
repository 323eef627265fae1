"""Parse JSON from outside by one set of rules: webhooks, the API, reports of mail providers.

Refused is everything that parsers disagree about or break on: other encodings than UTF-8, NaN and infinities, numbers
too long to be one, a key twice in one object, and nesting deeper than MAX_DEPTH.
"""

import json
import math
from typing import Any, NoReturn

from core.phrases import CODE, ERROR, QUOTED, Phrase

_NOT_UTF8 = Phrase("the body is not UTF-8: byte {place} is {byte}")
NO_OBJECT = Phrase("a JSON object was expected, a {type} came", type=CODE)
_EMPTY = Phrase("the body is empty; a JSON object was expected")
_TOO_DEEP = Phrase("the JSON is nested deeper than {levels} levels", levels=CODE)
_NOT_JSON = Phrase("the body is not JSON: {error}", error=ERROR)
_NO_NUMBER = Phrase("{name} is no JSON number", name=CODE)
_TOO_LARGE = Phrase("the number {number} is too large")
_TWICE = Phrase("the key {key} stands twice in one object", key=QUOTED)

MAX_DEPTH = 32


class InvalidJson(ValueError):
    """The bytes are no JSON that is accepted; the message says why and quotes at most a few letters of them."""


def read(body: bytes, *, must_be_object: bool = False) -> Any:
    """Return the JSON value in `body`. Raises InvalidJson."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJson(_NOT_UTF8(place=error.start, byte=f"0x{body[error.start]:02x}")) from error
    value = parse(text)
    if must_be_object and not isinstance(value, dict):
        raise InvalidJson(NO_OBJECT(type=type(value).__name__))
    return value


def parse(text: str) -> Any:
    """Return the JSON value in `text`. Raises InvalidJson."""
    if not text.strip():
        raise InvalidJson(_EMPTY())
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_without_duplicates
        )
    except InvalidJson:
        raise
    except RecursionError as error:
        raise InvalidJson(_TOO_DEEP(levels=MAX_DEPTH)) from error
    except ValueError as error:  # JSONDecodeError, and Python's limit of 4,300 digits
        raise InvalidJson(_NOT_JSON(error=error)) from error
    level = [value] if isinstance(value, dict | list) else []
    for _depth in range(MAX_DEPTH):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list)
        ]
    if level:
        raise InvalidJson(_TOO_DEEP(levels=MAX_DEPTH))
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(_NO_NUMBER(name=name))


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidJson(_TOO_LARGE(number=text[:20]))
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _value in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidJson(_TWICE(key=twice[:60]))
    return result
