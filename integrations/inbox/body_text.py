"""An event's contents as text to search in, and what is searched for as a part of such a text.

A line a value: `.member.email=jane@example.com`. The names in front lead to the value, without numbers of lists. So one
index of parts of texts finds words anywhere, and values by the end of their path.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.text import storable

LONGEST = 200_000  # letters of an event; what comes after them is not found
SHORTEST = 3  # letters that are searched for: an index of trigrams knows none that are shorter
_PATH = re.compile(r"^\$?\.?(?P<path>[\w-]+(?:\[\d*\])?(?:\.[\w-]+(?:\[\d*\])?)*)=(?P<value>\S.*)$")
_PLACE = re.compile(r"\[\d*\]")


def text_of(payload: Any, body: bytes) -> str:
    """Return the text of an event; of a body that could not be read what it is as UTF-8."""
    if payload is None:
        return f"\n{_flat(str(storable(body[:LONGEST].decode(errors='replace'))))}\n"
    lines, length = [], 0
    for path, value in _values(payload):
        lines.append(f".{path}={_flat(value)}" if path else _flat(value))
        length += len(lines[-1])
        if length > LONGEST:
            break
    return "\n" + "\n".join(lines)[:LONGEST] + "\n"


def needle_of(searched: str) -> str:
    """Return the part of a text that is searched for: `path=value` is the whole value at the end of that path,
    `path=value*` its beginning, and anything else, or what stands in quotation marks, a text anywhere.
    """
    searched = searched.strip()
    if len(searched) > 1 and searched[0] == searched[-1] == '"':
        return _flat(searched[1:-1])
    match = _PATH.match(searched)
    if match is None:
        return _flat(searched)
    path, value = _PLACE.sub("", match["path"]).lower(), _flat(match["value"])
    return f".{path}={value[:-1]}" if value.endswith("*") else f".{path}={value}\n"


def _values(payload: Any) -> Iterator[tuple[str, str]]:
    """Yield each value with the names that lead to it, in the order of the payload; without a recursion, which a deep
    payload would exhaust."""
    waiting: list[tuple[str, Any]] = [("", payload)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            inner = [(f"{path}.{name}" if path else str(name), child) for name, child in value.items()]
            waiting += reversed(inner)
        elif isinstance(value, list):
            waiting += ((path, child) for child in reversed(value))
        else:
            yield path.lower(), _written(value)


def _written(value: Any) -> str:
    """Return a value as JSON writes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flat(text: str) -> str:
    """Return a text in one line and in small letters: letter case and line breaks are not searched for."""
    return " ".join(text.lower().split())
