"""Answers to senders of changed records, and ids for events that have none: the protocol of the two-way sync.

The words are Spanish and part of the protocol: whoever set up the senders may look for them.
"""

import hashlib
import json
from http import HTTPStatus
from typing import Any

from integrations.contracts.reply import Accepted, Reply
from integrations.contracts.webhook import Payload


def digest_id(source: str, payload: Payload) -> str:
    """`<source>_<64 hex digits>`: the same for the same content, in whatever order it is written."""
    said = json.dumps({"source": source, "payload": json.dumps(payload, sort_keys=True)})
    return f"{source}_{hashlib.sha256(said.encode()).hexdigest()}"


def reply(accepted: Accepted) -> Reply:
    """200 for an event that is kept, 409 for one that was there already, 422 naming the field that cannot be read."""
    if accepted.unreadable:
        fault = {"loc": ["body", *accepted.unreadable_at], "msg": accepted.unreadable, "type": "value_error"}
        return Reply(status=HTTPStatus.UNPROCESSABLE_ENTITY, content={"detail": [fault]})
    if accepted.duplicate:
        return Reply(status=HTTPStatus.CONFLICT, content={"detail": f"Evento ya procesado: {accepted.event_id}"})
    message = f"Evento ignorado: {accepted.ignored}" if accepted.ignored else "Evento recibido"
    return Reply(status=HTTPStatus.OK, content=_content(accepted, message))


def reply_without_conflict(accepted: Accepted) -> Reply:
    """The same, but 200 for a duplicate too: for senders that repeat whatever is answered otherwise."""
    if accepted.duplicate and not accepted.unreadable:
        return Reply(status=HTTPStatus.OK, content=_content(accepted, "Evento ya procesado") | {"duplicate": True})
    return reply(accepted)


def _content(accepted: Accepted, message: str) -> dict[str, Any]:
    outcome = {"event_type": accepted.event_type, "status": "ignored" if accepted.ignored else "queued"}
    return {"success": True, "message": message, "event_id": accepted.event_id, "data": outcome}
