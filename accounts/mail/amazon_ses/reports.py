"""Reports of SES about a mail, as Anymail's events.

SES has two forms of it, which differ in the name of the type: notifications of an identity (`notificationType`) and
events of a configuration set (`eventType`).
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType
from django.conf import settings

from accounts.mail import message_ids
from accounts.mail.amazon_ses.moments import moment
from core.text import EMAIL, ENTRIES, IDENTIFIER, LINE, one_line

# Reports of receiving servers that are no complaint of a person about the mail (RFC 5965, RFC 6591).
_NO_COMPLAINTS = {"not-spam", "auth-failure"}


class UnreadableReport(Exception):
    """A report has not the form that it should have; the text names the place and holds nothing of it."""


@dataclass(frozen=True, kw_only=True)
class MailReport:
    """An event for each recipient that is reported; `recipients` are all of the mail.

    `is_ours`: the mail came from the address that ours come from, whether we know it or not.
    """

    events: tuple[AnymailTrackingEvent, ...] = ()
    recipients: tuple[str, ...] = ()
    is_ours: bool = False


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """One report: its recipients, with the receiving server's answer for each."""

    event_type: str
    description: str
    recipients: Mapping[str, str]
    at: datetime | None


def read(document: Mapping[str, Any]) -> MailReport:
    """Parse a report; without events where it is not about the delivery of a mail.

    Raises UnreadableReport.
    """
    kind = document.get("eventType", document.get("notificationType"))
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        return MailReport()
    mail = _object(document, "mail")
    destination = tuple(_address(item, "mail.destination") for item in _list(mail, "destination"))
    outcome = reader(document, dict.fromkeys(destination, ""))
    at = outcome.at or moment(mail.get("timestamp"))
    ours = _our_id(mail)
    events = (
        AnymailTrackingEvent(
            event_type=outcome.event_type,
            message_id=_text(mail, "messageId", IDENTIFIER * 2),
            metadata={"email_id": str(ours)} if ours is not None else {},
            recipient=recipient,
            timestamp=at,
            description=f"{outcome.description} {response}".strip(),
        )
        for recipient, response in outcome.recipients.items()
    )
    sender = parseaddr(_text(mail, "source", LINE))[1].lower()
    is_ours = bool(sender) and sender == parseaddr(settings.DEFAULT_FROM_EMAIL)[1].lower()
    return MailReport(events=tuple(events), recipients=(*destination, *outcome.recipients), is_ours=is_ours)


def _bounce(document: Mapping[str, Any], destination: Mapping[str, str]) -> _Outcome:
    bounce = _object(document, "bounce")
    kind = _text(bounce, "bounceType")
    listed = {
        _address_of(item): _text(item, "diagnosticCode") or _text(item, "status")
        for item in _objects(bounce, "bouncedRecipients")
    }
    return _Outcome(
        # “Transient” is a full mailbox or an answer from somebody's holidays, “Undetermined” what SES cannot tell.
        event_type=EventType.BOUNCED if kind == "Permanent" else EventType.DEFERRED,
        description=f"{kind} {_text(bounce, 'bounceSubType')}".strip(),
        recipients=listed,
        at=moment(bounce.get("timestamp")),
    )


def _complaint(document: Mapping[str, Any], destination: Mapping[str, str]) -> _Outcome:
    complaint = _object(document, "complaint")
    kind = _text(complaint, "complaintFeedbackType")
    described = kind or _text(complaint, "complaintSubType") or "marked as spam"
    return _Outcome(
        event_type=EventType.UNKNOWN if kind in _NO_COMPLAINTS else EventType.COMPLAINED,
        description=described,
        recipients={_address_of(item): "" for item in _objects(complaint, "complainedRecipients")},
        at=moment(complaint.get("timestamp")),
    )


def _delivery(document: Mapping[str, Any], destination: Mapping[str, str]) -> _Outcome:
    delivery = _object(document, "delivery")
    return _Outcome(
        event_type=EventType.DELIVERED,
        description=_text(delivery, "smtpResponse"),
        recipients={_address(item, "delivery.recipients"): "" for item in _list(delivery, "recipients")},
        at=moment(delivery.get("timestamp")),
    )


def _delay(document: Mapping[str, Any], destination: Mapping[str, str]) -> _Outcome:
    delay = _object(document, "deliveryDelay")
    listed = {
        _address_of(item): _text(item, "diagnosticCode") or _text(item, "status")
        for item in _objects(delay, "delayedRecipients")
    }
    return _Outcome(
        event_type=EventType.DEFERRED,
        description=_text(delay, "delayType"),
        recipients=listed,
        at=moment(delay.get("timestamp")),
    )


def _reject(document: Mapping[str, Any], destination: Mapping[str, str]) -> _Outcome:
    reason = _text(_object(document, "reject"), "reason")
    return _Outcome(event_type=EventType.REJECTED, description=reason, recipients=destination, at=None)


def _failure(document: Mapping[str, Any], destination: Mapping[str, str]) -> _Outcome:
    reason = _text(_object(document, "failure"), "errorMessage")
    return _Outcome(event_type=EventType.FAILED, description=reason, recipients=destination, at=None)


# Others say that a mail was taken, opened or clicked, that the topic works, or bring a mail that came in.
_READERS = {
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Delivery": _delivery,
    "DeliveryDelay": _delay,
    "Reject": _reject,
    "Rendering Failure": _failure,
}


def _our_id(mail: Mapping[str, Any]) -> int | None:
    """Return the key of the mail by our own Message-ID, which is there where SES includes original headers."""
    common = mail.get("commonHeaders")
    headers = mail.get("headers")
    values = [common.get("messageId")] if isinstance(common, dict) else []
    values += [
        header.get("value")
        for header in (headers[:ENTRIES] if isinstance(headers, list) else [])
        if isinstance(header, dict) and str(header.get("name"))[:LINE].lower() == "message-id"
    ]
    found = (message_ids.email_id(text) for text in values if isinstance(text, str))
    return next((key for key in found if key is not None), None)


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    if not isinstance(value, dict):
        raise UnreadableReport(f"{name} is no object")
    return value


def _list(parent: Mapping[str, Any], name: str) -> list[Any]:
    value = parent.get(name)
    if not isinstance(value, list) or len(value) > ENTRIES:
        raise UnreadableReport(f"{name} is no list, or too long a one")
    return value


def _objects(parent: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = _list(parent, name)
    if not all(isinstance(item, dict) for item in found):
        raise UnreadableReport(f"{name} is no list of objects")
    return found


def _text(parent: Mapping[str, Any], name: str, limit: int = LINE) -> str:
    """Return a text of one line, cut where it is too long; "" where it is not there."""
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableReport(f"{name} is no text")
    return one_line(value, limit)


def _address_of(recipient: Mapping[str, Any]) -> str:
    return _address(recipient.get("emailAddress"), "emailAddress")


def _address(value: Any, place: str) -> str:
    """Return the address in "Jane <jane@example.com>"."""
    if not isinstance(value, str) or len(value) > LINE:
        raise UnreadableReport(f"{place} is no address")
    return parseaddr(value)[1][:EMAIL] or value.strip()[:EMAIL]
