"""Paths of the values in a payload, their JSON types, and the payload without one of them. No value leaves this module.

An item of a list is `[]`, or `[contacts]` where it is an object that says its own type: JSON:API sends resources of
every kind in one list.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]
MOST_PATHS = 300
MOST_VALUES = 3000
_DEEPEST = 8
# What else may be a key is somebody's e-mail, number or name, or a label that people chose: no field of a vendor.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,59}")
_LONG_NUMBER = re.compile(r"\d{5}")
_KIND = re.compile(r"[a-z_]{1,30}")


class TooLarge(Exception):
    """The payload has more paths or values than are looked at: nothing is learnt of it."""


def types_of(payload: Mapping[str, Any]) -> dict[Path, str]:
    """Return path → JSON type ("text", "number", "boolean", "list", "object") of every value that is not empty.

    None and blank texts are empty: a parser makes nothing of them. Raises TooLarge.
    """
    types: dict[Path, str] = {}
    for count, (path, value) in enumerate(_walk(payload, ())):
        if kind := _type(value):
            types.setdefault(path, kind)
        if count >= MOST_VALUES or len(types) > MOST_PATHS:
            raise TooLarge
    return types


def children(value: Any) -> list[str]:
    """Return the names in an object, or of the kinds of items in a list, that a path may go on with."""
    if isinstance(value, Mapping):
        return sorted(key for key in value if _is_name(key))
    return sorted({_item(one) for one in value}) if isinstance(value, list) else []


def at(value: Any, path: Path) -> list[Any]:
    """Return the values at a path: more than one within lists."""
    values = [value]
    for name in path:
        values = [inner for one in values for inner in _inner(one, name)]
    return values


def without(value: Any, path: Path) -> Any:
    """Return `value` without what stands at `path`; what it shares with the copy is not changed."""
    name, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        if name not in value:
            return value
        others = {key: one for key, one in value.items() if key != name}
        return {**value, name: without(value[name], rest)} if rest else others
    if isinstance(value, list):
        if rest:
            return [without(one, rest) if _item(one) == name else one for one in value]
        return [one for one in value if _item(one) != name]
    return value


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if len(path) >= _DEEPEST:
        return
    if isinstance(value, Mapping):
        inner = [(str(key), one) for key, one in value.items() if _is_name(key)]
    else:
        inner = [(_item(one), one) for one in value] if isinstance(value, list) else []
    for name, one in inner:
        yield (*path, name), one
        yield from _walk(one, (*path, name))


def _inner(value: Any, name: str) -> list[Any]:
    if isinstance(value, Mapping):
        return [value[name]] if name in value else []
    return [one for one in value if _item(one) == name] if isinstance(value, list) else []


def _item(value: Any) -> str:
    kind = value.get("type") if isinstance(value, Mapping) else None
    return f"[{kind}]" if isinstance(kind, str) and _KIND.fullmatch(kind) else "[]"


def _is_name(key: Any) -> bool:
    return isinstance(key, str) and bool(_NAME.fullmatch(key)) and not _LONG_NUMBER.search(key)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text" if value.strip() else ""
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "list"
    return "object" if isinstance(value, Mapping) else ""
