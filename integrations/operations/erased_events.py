"""Events in an erasure, an export and retention: what of them is about the person, and what about others too."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from accounts.people.mentions import Mentions, addresses_in
from accounts.people.models import Contact, ContactEmail, User
from accounts.people.person import Person
from integrations.inbox import erased
from integrations.inbox.models import InboxAttempt, InboxEvent
from integrations.toolkit.reading import digest_of

_ID_SEPARATORS = re.compile(r"[^\w\-]+")


def before_pruning(keys: Sequence[int]) -> None:
    """Store a digest of each payload, which still distinguishes a late delivery with another body from a duplicate."""
    events = InboxEvent.objects.filter(pk__in=keys, payload__isnull=False, content_digest="")
    digests = [
        InboxEvent(pk=event.pk, content_digest=digest_of(event.payload or {}))
        for event in events.only("payload").iterator(chunk_size=50)  # each may be a mebibyte long
    ]
    InboxEvent.objects.bulk_update(digests, ["content_digest"], batch_size=100)
    InboxAttempt.objects.filter(event__in=keys).update(error="", traceback="")


def erase(event: InboxEvent, mentions: Mentions, own: bool) -> Mapping[str, Any]:
    """Empty an event that is about the person alone; remove only the person from one that is about others too."""
    if event.is_erased:
        return {}
    if not _is_shared(event, mentions):
        return erased.columns(
            event, hide_id=_names_person(event.external_id, mentions), hide_key=_names_person(event.key, mentions)
        )
    clean = {
        name: mentions.scrubbed(getattr(event, name), own=False)
        for name in ("body", "payload", "headers", "reason", "last_error")
    }
    email = "" if event.person_email in mentions.emails else event.person_email
    external_id = "" if _names_person(event.external_id, mentions) else event.external_id
    digest = event.content_digest or (digest_of(event.payload) if event.payload is not None else "")
    key = f"forgotten:{event.pk}" if _names_person(event.key, mentions) else event.key
    return {**clean, "person_email": email, "external_id": external_id, "content_digest": digest, "key": key}


def _is_shared(event: InboxEvent, mentions: Mentions) -> bool:
    """Return whether the event is about another contact or member too; staff do not count."""
    others = addresses_in(event.payload if event.payload is not None else bytes(event.body)) - mentions.emails
    if not others:
        return False
    return (
        ContactEmail.objects.filter(email__in=others).exists()
        or Contact.objects.filter(email__in=others).exists()
        or User.objects.filter(email__in=others, is_staff=False).exists()
    )


def _names_person(text: str, mentions: Mentions) -> bool:
    return mentions.match(text) or bool(set(_ID_SEPARATORS.split(text)) & mentions.ids)


def exported(event: InboxEvent, person: Person, mentions: Mentions) -> dict[str, Any]:
    """Return an event without its raw body, and without its payload where that is about other people too."""
    left_out = "left out: it is about other people too"
    return {"body": None, "payload": left_out if _is_shared(event, mentions) else event.payload}
