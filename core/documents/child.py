"""The text of a PDF or a page of somebody's, read by a process of its own (`core.documents.reading`)."""

import io
from contextlib import closing

from core.documents.reading import known_charset
from core.tables.child import BUSY, TOO_SLOW, Unreadable, messages
from core.tables.reading import TOO_HARD

__all__ = ["Busy", "Unreadable", "text_of"]

SECONDS = 5.0
CANNOT = "The document cannot be read: it is broken, or takes too much time or memory."


class Busy(Exception):
    """Other documents are being read; this one may be in a minute."""


def text_of(content: bytes, *, kind: str, charset: str = "", seconds: float = SECONDS) -> str:
    """Return the text of a document, `kind` pdf or html, in `charset` where its host names it.

    Raises Unreadable with the reason, and Busy.
    """
    parts: list[str] = []
    task = known_charset(charset) or "unknown"
    try:
        reading = messages(io.BytesIO(content), kind=kind, task=task, seconds=seconds, module="core.documents.reading")
        with closing(reading) as found:
            for message in found:
                if "end" in message:
                    return "".join(parts)
                parts.append(str(message["text"]))
    except Unreadable as error:
        if str(error) == BUSY:
            raise Busy(BUSY) from error
        if str(error) in (TOO_SLOW, TOO_HARD):
            raise Unreadable(CANNOT) from error
        raise
    raise Unreadable(CANNOT)  # it was ended by one of its limits, or broke
