"""Answers to senders of changed records, and ids for events that have none: the protocol of the two-way sync.

The words are Spanish and part of the protocol: whoever set up the senders may look for them.
"""

import hashlib
import json
from http import HTTPStatus
from typing import Any

from integrations.contracts.webhook import Kept, Payload, Reply


def digest_id(source: str, payload: Payload) -> str:
    """`<source>_<64 hex digits>`: the same for the same content, in whatever order it is written."""
    said = json.dumps({"source": source, "payload": json.dumps(payload, sort_keys=True)})
    return f"{source}_{hashlib.sha256(said.encode()).hexdigest()}"


def reply(kept: Kept) -> Reply:
    """200 for an event that is kept, 409 for one that was there already, 422 naming the field that cannot be read."""
    if kept.unreadable:
        fault = {"loc": ["body", *kept.unreadable_at], "msg": kept.unreadable, "type": "value_error"}
        return Reply(status=HTTPStatus.UNPROCESSABLE_ENTITY, content={"detail": [fault]})
    if kept.duplicate:
        return Reply(status=HTTPStatus.CONFLICT, content={"detail": f"Evento ya procesado: {kept.event_id}"})
    message = f"Evento ignorado: {kept.ignored}" if kept.ignored else "Evento recibido"
    return Reply(status=HTTPStatus.OK, content=_content(kept, message))


def reply_without_conflict(kept: Kept) -> Reply:
    """The same, but 200 for a duplicate too: for senders that repeat whatever is answered otherwise."""
    if kept.duplicate and not kept.unreadable:
        return Reply(status=HTTPStatus.OK, content=_content(kept, "Evento ya procesado") | {"duplicate": True})
    return reply(kept)


def _content(kept: Kept, message: str) -> dict[str, Any]:
    outcome = {"event_type": kept.event_type, "status": "ignored" if kept.ignored else "queued"}
    return {"success": True, "message": message, "event_id": kept.event_id, "data": outcome}
