"""Answers to senders of changed records, and ids for events that have none: the protocol of the two-way sync.

The words are Spanish and part of the protocol: whoever set up the senders may look for them.
"""

import hashlib
import json
from http import HTTPStatus

from integrations.contracts.reply import Accepted, Reply
from integrations.contracts.webhook import Payload


def digest_id(source: str, payload: Payload) -> str:
    """Return `<source>_<64 hex digits>`: the same for the same content, in whatever order it is written."""
    text = json.dumps({"source": source, "payload": json.dumps(payload, sort_keys=True)})
    return f"{source}_{hashlib.sha256(text.encode()).hexdigest()}"


def reply(accepted: Accepted, *, refuse_duplicates: bool = True) -> Reply:
    """Return 200 for an event that is stored, 409 for a duplicate, 422 naming the field that cannot be read.

    Without `refuse_duplicates` those are 200 too: some senders repeat whatever gets another answer.
    """
    if accepted.unreadable:
        fault = {"loc": ["body", *accepted.unreadable_at], "msg": accepted.unreadable, "type": "value_error"}
        return Reply(status=HTTPStatus.UNPROCESSABLE_ENTITY, content={"detail": [fault]})
    if accepted.duplicate and refuse_duplicates:
        return Reply(status=HTTPStatus.CONFLICT, content={"detail": f"Evento ya procesado: {accepted.event_id}"})
    message = f"Evento ignorado: {accepted.ignored}" if accepted.ignored else "Evento recibido"
    content = {
        "success": True,
        "message": "Evento ya procesado" if accepted.duplicate else message,
        "event_id": accepted.event_id,
        "data": {"event_type": accepted.event_type, "status": "ignored" if accepted.ignored else "queued"},
    }
    return Reply(status=HTTPStatus.OK, content=content | ({"duplicate": True} if accepted.duplicate else {}))
