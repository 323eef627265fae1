"""Learn the fields of an event type from event after event, and notice those that are lost. Pure: no tables.

A field is *settled* once it was filled in at least 20 events and in 99 % of them: an optional one is never missed. It
is lost in an event where it is not filled, or of a type that it never was, and nothing else of the payload gives the
parser what came from it. It *drifts* when it was lost in five events in a row, or in half of the last twenty, and is
back after five right ones. What was learnt stands still meanwhile: events without the field do not teach that it is
optional. A field that the parser did not read in twenty whole events is forgotten: a new version of the parser needs it
no more.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

AT_LEAST = 20
SHARE = 0.99
IN_A_ROW = 5
WINDOW = 20
MOST_FIELDS = 100
_MOST_TYPES = 5
_AGE = 5000  # events after which older ones count half
Field = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The structure of one event: path → type of what is filled, and path → parts of the facts for what is read."""

    event_id: int
    at: datetime
    types: Mapping[str, str]
    reads: Mapping[str, Collection[str]]


def lost(fields: Mapping[str, Field], observed: Observed) -> list[str]:
    """Return the paths of the settled fields that an event has lost."""
    given = {part for parts in observed.reads.values() for part in parts}
    return [
        path
        for path, field in fields.items()
        if observed.types.get(path) not in field["types"] and is_settled(field) and not _parts(field) <= given
    ]


def learn(fields: dict[str, Field], observed: Observed) -> None:
    """Count an event on the fields of its type, in place."""
    missed = set(lost(fields, observed))
    for path, field in fields.items():
        if path in missed:
            _count_lost(field, observed, observed.types.get(path, ""))
        else:
            _count_right(field, path, observed)
    if not missed:
        for path, field in list(fields.items()):
            field["unread"] = 0 if path in observed.reads else field["unread"] + (path in observed.types)
            if field["unread"] >= AT_LEAST:
                del fields[path]
    for path in observed.reads:
        if path not in fields and path in observed.types and len(fields) < MOST_FIELDS:
            fields[path] = _new(observed)
            _count_right(fields[path], path, observed)


def is_settled(field: Field) -> bool:
    return bool(field["seen"] >= AT_LEAST and field["seen"] >= SHARE * (field["seen"] + field["missed"]))


def is_drifting(field: Field) -> bool:
    return bool(field.get("odd", {}).get("drifts"))


def _new(observed: Observed) -> Field:
    first = observed.at.isoformat()
    counts = {"types": {}, "parts": {}, "seen": 0, "missed": 0, "reads": 0, "unread": 0}
    return {**counts, "first": first, "last": first, "event": observed.event_id}


def _parts(field: Field) -> set[str]:
    """Return the parts of facts that come from a field, as a rule."""
    return {part for part, count in field["parts"].items() if 2 * count >= field["reads"]}


def _count_right(field: Field, path: str, observed: Observed) -> None:
    kind, parts = observed.types.get(path), observed.reads.get(path)
    is_known = kind in field["types"] or (parts is not None and len(field["types"]) < _MOST_TYPES)
    if kind and is_known:
        field["seen"] += 1
        field["types"][kind] = field["types"].get(kind, 0) + 1
        field["last"], field["event"] = observed.at.isoformat(), observed.event_id
    else:
        field["missed"] += 1
    if parts is not None:
        field["reads"] += 1
        for part in parts:
            if part in field["parts"] or len(field["parts"]) < MOST_FIELDS // 5:
                field["parts"][part] = field["parts"].get(part, 0) + 1
    if field["seen"] + field["missed"] > _AGE:
        _age(field)
    if odd := field.get("odd"):
        odd["recent"], odd["of"] = f"{odd['recent']}0"[-WINDOW:], odd["of"] + 1
        if odd["drifts"] and odd["recent"].endswith("0" * IN_A_ROW):
            del field["odd"]
        elif not odd["drifts"] and odd["recent"] == "0" * WINDOW:
            field["missed"] += odd["lost"]
            del field["odd"]


def _count_lost(field: Field, observed: Observed, kind: str) -> None:
    since = {"since": observed.at.isoformat(), "event": observed.event_id, "recent": "", "lost": 0, "of": 0}
    odd = field.setdefault("odd", {**since, "drifts": False})
    odd["recent"] = f"{odd['recent']}1"[-WINDOW:]
    odd["lost"], odd["of"], odd["kind"], odd["newest"] = odd["lost"] + 1, odd["of"] + 1, kind, observed.event_id
    is_share = odd["recent"].count("1") >= WINDOW // 2
    odd["drifts"] = odd["drifts"] or is_share or odd["recent"].endswith("1" * IN_A_ROW)


def _age(field: Field) -> None:
    for name in ("seen", "missed", "reads"):
        field[name] //= 2
    for name in ("types", "parts"):
        field[name] = {key: max(count // 2, 1) for key, count in field[name].items()}
