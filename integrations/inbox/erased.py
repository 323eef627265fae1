"""Events about people who are erased: their contents are removed, and an open one is closed."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.people import forgotten
from core.phrases import Phrase
from integrations.inbox import attempts
from integrations.inbox.models import InboxAttempt, InboxEvent
from integrations.inbox.models.event import Status
from integrations.toolkit.reading import digest_of

ERASED = Phrase("its person was erased")
_SET_BY_CLOSE = ("status", "next_attempt_at", "wake_at", "finished_at", "crashes", "last_error")


def columns(event: InboxEvent, *, hide_id: bool, hide_key: bool) -> dict[str, Any]:
    """Return the columns of an event that is emptied because its person is erased; an open one is closed.

    Its key and id stay, so that a late copy is a duplicate, unless they name the person (`hide_key`, `hide_id`).
    """
    is_open = event.status not in (Status.PROCESSED, Status.IGNORED)
    emptied: dict[str, Any] = {
        "body": b"",
        "payload": None,
        "headers": {},
        "source_address": "",
        "person_email": "",
        "last_error": "",
        "awaits": "",
        "reason": ERASED() if is_open or event.reason else "",
        "content_digest": event.content_digest or (digest_of(event.payload) if event.payload is not None else ""),
        "pruned_at": timezone.now(),
        "is_erased": True,
    }
    if hide_id:
        emptied["external_id"] = ""
    if hide_key:
        emptied["key"] = f"forgotten:{event.pk}"
    if is_open:
        emptied |= {"status": Status.IGNORED, "next_attempt_at": None, "wake_at": None}
        emptied |= {"finished_at": event.finished_at or timezone.now(), "crashes": 0}
    return emptied


def end(event: InboxEvent, *, reason: str) -> None:
    """End an event about an erased person: it is ignored, and its contents are removed."""
    hide = bool(forgotten.among([("id", event.provider, "contact", event.external_id)]))
    emptied = columns(event, hide_id=hide, hide_key=hide and event.external_id in event.key.split(":"))
    emptied = {name: value for name, value in emptied.items() if name not in _SET_BY_CLOSE}
    with transaction.atomic():
        event.close(Status.IGNORED, **{**emptied, "reason": reason})
        attempts.end(event, InboxAttempt.Outcome.DONE)
