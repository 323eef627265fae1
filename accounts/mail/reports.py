"""Reports of mail providers: delivered, delayed, bounced, complained about.

Reports come in Anymail's form (`AnymailTrackingEvent`), whichever provider they are from, in any order and any number
of times.
"""

from collections.abc import Collection
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType
from django.db import transaction

from accounts.mail import emails, suppressions
from accounts.mail.models import EmailMessage
from core.text import InvalidAddress, normalise_email, one_line

_CAME_BACK = {EventType.BOUNCED, EventType.REJECTED, EventType.FAILED, EventType.COMPLAINED}


def note(event: AnymailTrackingEvent, *, is_ours: bool = False) -> bool:
    """Note a report on its mail, and suppress an address that complained; returns whether the mail was found.

    A report of a mail that we do not know changes nothing, unless it `is_ours` for another reason: then the complaint
    stands all the same.
    """
    message = _message(event)
    # The provider's own words are often the same for all; those of the receiving server say what is wrong.
    said = " – ".join(dict.fromkeys(filter(None, [event.description, event.mta_response])))
    detail = said or event.reject_reason or event.event_type
    reason = one_line(f"{event.event_type}: {detail}")
    with transaction.atomic():
        if event.event_type == EventType.COMPLAINED and (message or is_ours):
            email = event.recipient or (message.to if message else "")
            suppressions.suppress(email, reason=reason, at=event.timestamp, message=message)
        if message is None:
            return False
        if event.event_type == EventType.DELIVERED:
            emails.mark_delivered(message)
        elif event.event_type == EventType.DEFERRED:
            emails.mark_deferred(message, reason=reason)
        elif event.event_type in _CAME_BACK:
            emails.mark_bounced(message, reason=reason, complained=event.event_type == EventType.COMPLAINED)
    return True


def may_become_ours(recipients: Collection[str]) -> bool:
    """Return whether a mail to one of `recipients` is being sent: its id at the provider may be about to be noted."""
    addresses = {address for address in map(_normalised, recipients) if address}
    being_sent = EmailMessage.objects.filter(status=EmailMessage.Status.PENDING, attempts__gt=0)
    return being_sent.filter(to__in=addresses).exists()


def _message(event: AnymailTrackingEvent) -> EmailMessage | None:
    """Return the mail by the provider's id, else by ours in the metadata; it must have gone to the event's address."""
    ours = str((event.metadata or {}).get("email_id", ""))
    conditions: list[dict[str, Any]] = []
    if event.message_id:
        conditions.append({"provider_message_id": event.message_id})
    if ours.isascii() and ours.isdigit():
        conditions.append({"pk": int(ours)})
    for condition in conditions:
        message = EmailMessage.objects.select_related("user").filter(**condition).first()
        if message is not None and (not event.recipient or _normalised(event.recipient) == _normalised(message.to)):
            return message
    return None


def _normalised(address: str) -> str:
    try:
        return normalise_email(address)
    except InvalidAddress:
        return address.strip().lower()
