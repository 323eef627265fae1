"""Receivers of packages' signals: Anymail's about mails, Django's about sign-ins for the audit log."""

from typing import Any

from anymail.signals import AnymailInboundEvent, AnymailTrackingEvent, inbound, tracking
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.utils.html import strip_tags

from accounts.courses import mailed_completions
from accounts.demo import marks
from accounts.mail import reports
from accounts.people.models import User
from accounts.staff.audit import record
from accounts.staff.idle import begin_use
from core.text import InvalidAddress, normalise_email


def connect() -> None:
    # Whatever page signs somebody in, by a password or a link, Django says so here.
    user_logged_in.connect(record_sign_in, dispatch_uid="accounts.audit")
    user_logged_in.connect(begin_use, dispatch_uid="accounts.idle")
    user_logged_in.connect(note_demo, dispatch_uid="accounts.demo")
    user_logged_out.connect(record_sign_out, dispatch_uid="accounts.audit")
    user_login_failed.connect(record_failed_sign_in, dispatch_uid="accounts.audit")
    tracking.connect(note_delivery_report, dispatch_uid="accounts.tracking")
    inbound.connect(receive_mail, dispatch_uid="accounts.inbound")


def record_sign_in(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    record("sign_in.succeeded", actor=user, request=request, target=user)


def note_demo(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    if user.is_staff:
        marks.note(request, shown=marks.is_shown())


def record_sign_out(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    if user is not None:
        record("sign_out.done", actor=user, request=request, target=user)


def record_failed_sign_in(sender: Any, credentials: Any, request: Any = None, **kwargs: Any) -> None:
    """Record it with the same work for known and unknown addresses, so that the time tells nothing."""
    address = str(credentials.get("username", ""))[:254]
    try:
        user = User.objects.filter(email=normalise_email(address)).first()
    except InvalidAddress:
        user = None
    record("sign_in.failed", request=request, target=user or address, outcome="failed")


def note_delivery_report(sender: Any, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    reports.note(event)


def receive_mail(sender: Any, event: AnymailInboundEvent, esp_name: str, **kwargs: Any) -> None:
    """Store an incoming mail as a completion that needs review.

    An error here is an error to the mail provider, which sends the mail again.
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
