"""What packages tell us: Anymail of mails that went out and came in, Django of sign-ins for the audit log."""

from typing import Any

from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent, EventType, inbound, tracking
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.utils.html import strip_tags

from accounts.addresses import InvalidAddress, normalise
from accounts.models import EmailMessage, User
from accounts.services import emails, mailed_completions
from accounts.staff.audit import record
from accounts.staff.idle import begin_use

_CAME_BACK = {EventType.BOUNCED, EventType.REJECTED, EventType.FAILED, EventType.COMPLAINED}


def connect() -> None:
    # Whatever page signs somebody in, by a password or a link, Django says so here.
    user_logged_in.connect(record_sign_in, dispatch_uid="accounts.audit")
    user_logged_in.connect(begin_use, dispatch_uid="accounts.idle")
    user_logged_out.connect(record_sign_out, dispatch_uid="accounts.audit")
    user_login_failed.connect(record_failed_sign_in, dispatch_uid="accounts.audit")
    tracking.connect(note_what_became_of_a_mail, dispatch_uid="accounts.tracking")
    inbound.connect(keep_a_mail, dispatch_uid="accounts.inbound")


def record_sign_in(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    record("sign_in.succeeded", actor=user, request=request, target=user)


def record_sign_out(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    if user is not None:
        record("sign_out.done", actor=user, request=request, target=user)


def record_failed_sign_in(sender: Any, credentials: Any, request: Any = None, **kwargs: Any) -> None:
    """The same work for known and unknown addresses: what stands in a row tells nobody who tries."""
    address = str(credentials.get("username", ""))[:254]
    try:
        user = User.objects.filter(email=normalise(address)).first()
    except InvalidAddress:
        user = None
    record("sign_in.failed", request=request, target=user or address, outcome="failed")


def note_what_became_of_a_mail(sender: Any, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    """Mark the mail that the event is about; a mail that is not ours changes nothing."""
    message = _message(event)
    if message is None:
        return
    if event.event_type == EventType.DELIVERED:
        emails.mark_delivered(message)
    elif event.event_type in _CAME_BACK:
        reason = event.description or event.mta_response or event.reject_reason or event.event_type
        emails.mark_bounced(message, reason=f"{event.event_type}: {reason}")


def keep_a_mail(sender: Any, event: AnymailInboundEvent, esp_name: str, **kwargs: Any) -> None:
    """Keep a mail that came in as a completion, for a person to judge. An error here is an error to the mail provider,
    which brings the mail again.
    """
    mail = event.message
    author = mail.from_email
    mailed_completions.receive(
        sender=author.addr_spec if author else mail.envelope_sender or "",
        name=author.display_name if author else "",
        subject=mail.subject or "",
        text=mail.text or strip_tags(mail.html or ""),
        message_id=str(mail.get("Message-ID", "")) or str(event.event_id or ""),
        attachments=len(mail.attachments),
    )


def _message(event: AnymailTrackingEvent) -> EmailMessage | None:
    """By our own id in the metadata, else by the provider's; the address must be the one that the mail went to."""
    ours = str((event.metadata or {}).get("email_id", ""))
    messages = EmailMessage.objects.select_related("user")
    if ours.isascii() and ours.isdigit():
        found = messages.filter(pk=int(ours)).first()
    elif event.message_id:
        found = messages.filter(provider_message_id=event.message_id).first()
    else:
        return None
    if found is not None and event.recipient and event.recipient.lower() != found.to.lower():
        return None
    return found
