"""Phrases of a provider's log lines: those that its documents name, ours where they name none.

`integrations/toolkit/log_lines.py` is the catalogue of lines: when each is written, at which level, with which fields.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from core.text import one_line
from integrations.contracts.bounds import Bound, Bounded
from integrations.contracts.webhook import Payload

NAME = 100  # letters of a type or of a company's name in a line
_MOST_NAMES = 40
_FIELD = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$-]{0,39}")
_BRACKETS = str.maketrans("[]", "()")


def plain(text: str, limit: int = NAME) -> str:
    """Return text from outside as it may stand in a line: bounded, on one line, without what marks lines as ours."""
    return one_line(text, limit).translate(_BRACKETS)


def field_names(payload: Payload, *, levels: int = 2) -> str:
    """Return the names of a payload's fields, `levels` deep, and no value: `{event_type, data: {firstName}}`.

    What is not spelled like a field's name ("Jane's plan", an address) is "…": whoever keys a record by a value would
    show it.
    """
    names: dict[str, None] = {}
    for name, value in list(payload.items())[:_MOST_NAMES]:
        inside = f": {field_names(value, levels=levels - 1)}" if levels > 1 and isinstance(value, Mapping) else ""
        names[(name if _FIELD.fullmatch(name) else "…") + inside] = None
    if len(payload) > _MOST_NAMES:
        names["…"] = None
    return "{" + ", ".join(names) + "}"


_Plain = Annotated[str, Bound(plain)]


@dataclass(frozen=True, kw_only=True)
class Subject(Bounded):
    """The event that a line is about, under its provider's title. `payload` is the parsed body, empty where there is
    none; a line may name its fields, and no value that could be personal.
    """

    title: str
    event_type: _Plain = ""
    external_id: _Plain = ""
    payload: Payload = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """The text of each log line. Names and values that come from outside have to pass through `plain`.

    `changes` of `processed` is a short list of what the event led to, and `contact` of `syncing` an id or a masked
    address. `failed` is also said of an attempt that will be repeated and of an event that needs review. `about` is
    a search key on every line of the event.
    """

    received: Callable[[Subject], str] = lambda it: f"[{it.title} Webhook] Event received: {it.event_type or '?'}"
    processed: Callable[[Subject, str], str] = lambda it, changes: (
        f"[{it.title} Webhook] Event {it.event_type} processed successfully"
    )
    ignored: Callable[[Subject], str] = lambda it: f"[{it.title} Webhook] Event {it.event_type} ignored"
    failed: Callable[[Subject, str], str] = lambda it, reason: (
        f"[{it.title} Webhook] Event {it.event_type or '?'} not processed: {reason}"
    )
    syncing: Callable[[Subject, str], str] = lambda it, contact: f"[{it.title} Webhook] Syncing contact {contact}..."
    company_creating: Callable[[Subject, str], str] = lambda it, company: (
        f"[{it.title} Sync] Creating company: {company}"
    )
    company_created: Callable[[Subject, str], str] = lambda it, company: (
        f"[{it.title} Sync] Company created successfully: {company}"
    )
    about: Callable[[Subject], str] = lambda it: ""
