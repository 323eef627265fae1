"""Sending what is owed: claim the row, render its mail, hand it to the mail server, close the row.

The mail server's yes and our mark cannot be one transaction: a worker that dies in between sends the mail once more,
with the same Message-ID, by which mail programs recognise it.
"""

import logging
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.courses import completion_mails
from accounts.courses.completion_mails import Withdrawn
from accounts.mail import message_ids, smtp, suppressions
from accounts.mail.amazon_ses import mail_server as amazon_ses
from accounts.mail.models import EmailMessage
from accounts.mail.models.email_message import GREETINGS
from accounts.signin import password_links
from core.queue.attempts import attempt

logger = logging.getLogger(__name__)
Kind = EmailMessage.Kind
WITH_LINK = {Kind.WELCOME, Kind.ACCOUNT_CREATED, Kind.PASSWORD_SETUP, Kind.PASSWORD_RESET}


class NotSendable(Exception):
    """This mail cannot go out, now or later; the message says why."""


def deliver(message_id: int) -> None:
    """Send the mail that is owed, if it is due and nobody else does.

    Whatever goes wrong is on the row afterwards: retryable errors push its date back, permanent ones end it as
    `failed`.
    """
    row = EmailMessage.objects.claim(message_id)
    if row is not None:
        attempt(row, partial(_send, row), is_permanent=_is_permanent)


def _send(row: EmailMessage) -> None:
    if suppression := suppressions.holding_back(row):
        told = f"not sent: on {suppression.complained_at:%Y-%m-%d} this address {suppression.reason}"
        row.close(EmailMessage.Status.SUPPRESSED, error=told)
        return
    try:
        mail = compose(row)
    except Withdrawn as reason:
        row.close(EmailMessage.Status.HELD, error=str(reason))
        return
    if settings.EMAIL_BACKEND == smtp.DJANGOS:
        mail.connection = get_connection(f"{smtp.__name__}.{smtp.ReplyKeepingBackend.__name__}")
    mail.send()
    # The provider's report may be faster than this mark, and closes the row then: LeaseLost, and its word stands.
    row.close(
        EmailMessage.Status.SENT,
        provider_message_id=_id_at_provider(mail),
        location=getattr(mail, "location", ""),
        sent_at=timezone.now(),
    )
    file = row.location.rpartition("-")[2]  # before that the name of the file spells the address
    logger.info("e-mail sent", extra={"email_id": row.pk, "kind": row.kind, "to": row.to, "file": file})


def _id_at_provider(mail: EmailMultiAlternatives) -> str:
    """Return what the provider's reports will call a mail that was sent; our Message-ID where it said nothing of it."""
    status = getattr(mail, "anymail_status", None)
    by_smtp = amazon_ses.message_id_in(getattr(mail, "smtp_reply", ""))
    return str(getattr(status, "message_id", None) or by_smtp or mail.extra_headers["Message-ID"])[:255]


def compose(row: EmailMessage) -> EmailMultiAlternatives:
    """The mail of `row`, in its language, text and HTML; links are made here. Raises NotSendable, Withdrawn."""
    with translation.override(row.language):
        context = _context(row)
        subject = " ".join(render_to_string(f"emails/{row.kind}/subject.txt", context).split())
        text = render_to_string(f"emails/{row.kind}/body.txt", context)
        html = render_to_string(f"emails/{row.kind}/body.html", context)
    mail = EmailMultiAlternatives(
        subject=subject,
        body=text,
        to=[row.to],
        headers={
            "Message-ID": message_ids.message_id(row.pk),
            "Auto-Submitted": "auto-generated",
            "X-Entity-Ref-ID": row.key,
        },
        alternatives=[(html, "text/html")],
    )
    mail.metadata = {"email_id": str(row.pk)}  # type: ignore[attr-defined]
    mail.tags = [row.kind]  # type: ignore[attr-defined]
    return mail


def _context(row: EmailMessage) -> dict[str, Any]:
    base = settings.FRONTEND_URL
    context: dict[str, Any] = {
        **row.context,
        "language": row.language,
        "site_url": base,
        "site_host": urlsplit(base).netloc,
        "sign_in_url": f"{base}/sign-in",
        "dashboard_url": f"{base}/dashboard",
        "forgot_url": f"{base}/forgot-password",
        "admin_url": base + row.context.get("admin_path", "/admin/"),
        "first_name": row.user.first_name if row.user else "",
        "link": None,
        "has_password": bool(row.user and row.user.has_usable_password()),
    }
    if row.kind == Kind.COURSE_COMPLETED:
        context |= completion_mails.context_of(row)
    if row.kind in WITH_LINK:
        if row.user is None or not row.user.is_active:
            raise NotSendable("the user is gone or locked; no link was made")
        if row.kind not in GREETINGS or not context["has_password"]:
            context["link"] = password_links.link_for(row.user)
    return context


def _is_permanent(error: Exception) -> bool:
    """Return whether trying again cannot help: the mail server refused this mail or this address for good."""
    if isinstance(error, NotSendable | AnymailRecipientsRefused):
        return True
    if isinstance(error, AnymailAPIError):
        status = getattr(error, "status_code", None) or 0
        return 400 <= status < 500 and status not in (401, 403, 408, 429)
    if isinstance(error, requests.RequestException):
        return False
    refused = getattr(error, "recipients", None)  # smtplib.SMTPRecipientsRefused: address → (code, text)
    if refused:
        return all(code >= 500 for code, _text in refused.values())
    return False
