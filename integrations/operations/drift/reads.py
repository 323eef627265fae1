"""Find out which fields of a payload its parser reads, by what becomes of the facts without each of them.

Nothing says so by hand, so nothing can be out of date: a field that can be left out without changing a fact is not
read. Of two spellings that hold the same, one is enough: the other one is not read until the first is gone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from integrations.contracts.exceptions import Permanent, Retryable, Unmatched, Unreadable
from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.webhook import Payload, StoredWebhook
from integrations.operations.drift.paths import Path, at, children, types_of, without

EVERYTHING = "*"  # without the field there are no facts at all
_MOST = 12  # parts of facts that are remembered of one field
_FAILED = "failed"
_OUR_NAME = re.compile(r"[a-z_]{1,40}")
Outcome = Mapping[str, Sequence[Any]]


def reads_of(provider: Provider, endpoint: Endpoint, webhook: StoredWebhook) -> dict[Path, tuple[str, ...]]:
    """Return path → the parts of the facts that come from it, for each field of the payload that is read.

    Calls no provider and no database: only what translates a payload.
    """
    payload = webhook.payload
    whole = _outcome(provider, endpoint, webhook, payload)
    reads: dict[Path, tuple[str, ...]] = {}
    filled = types_of(payload)

    def look(path: Path) -> bool:
        """Note what is read at `path` and beneath; leave out what is not, and return whether anything is."""
        nonlocal payload
        less = without(payload, path)
        changed = _changed(whole, _outcome(provider, endpoint, webhook, less))
        if not changed:
            payload = less
            return False
        names = {name for value in at(payload, path) for name in children(value)}
        inner = [look((*path, name)) for name in sorted(names) if (*path, name) in filled]
        if not any(inner):
            reads[path] = changed
        return True

    for name in children(payload):
        if (name,) in filled:
            look((name,))
    return reads


def _changed(whole: Outcome, less: Outcome) -> tuple[str, ...]:
    if _FAILED in less and _FAILED not in whole:
        return (EVERYTHING,)
    return tuple(sorted(name for name in {*whole, *less} if whole.get(name) != less.get(name))[:_MOST])


def _outcome(provider: Provider, endpoint: Endpoint, webhook: StoredWebhook, payload: Payload) -> Outcome:
    """Return what a payload amounts to: name of a part of a fact → its values, or why there are none."""
    outcome: dict[str, list[Any]] = {}
    try:
        envelope = endpoint.read(payload)
        outcome["event type"], outcome["id"] = [envelope.event_type], [envelope.external_id]
        less = replace(webhook, payload=payload, event_type=envelope.event_type, external_id=envelope.external_id)
        for fact in provider.parse(less):
            _flatten(fact, type(fact).__name__, outcome)
    except (Unreadable, Unmatched, Permanent, Retryable) as error:
        outcome[_FAILED] = [type(error)]
    return outcome


def _flatten(value: Any, name: str, outcome: dict[str, list[Any]]) -> None:
    if is_dataclass(value):
        for one in fields(value):
            _flatten(getattr(value, one.name), f"{name}.{one.name}", outcome)
    elif isinstance(value, Mapping):
        for key, inner in value.items():  # another key than ours may be a value: the id of a custom field, an answer
            _flatten(inner, f"{name}.{key if _OUR_NAME.fullmatch(str(key)) else '*'}", outcome)
    else:
        outcome.setdefault(name, []).append(value)
