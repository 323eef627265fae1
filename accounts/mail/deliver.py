"""Delivery of e-mails: claim the row, render its mail, hand it to the mail server, close the row.

The mail server's yes and our mark cannot be one transaction: a worker that dies in between sends the mail once more,
with the same Message-ID, by which mail programs recognise it.
"""

import logging
from smtplib import SMTPRecipientsRefused

from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.mail import contexts, message_ids, smtp, suppressions
from accounts.mail.amazon_ses import mail_server as amazon_ses
from accounts.mail.models import EmailMessage
from core.queue.outcomes import Permanent
from core.queue.runner import JobKind

logger = logging.getLogger(__name__)


def _send(row: EmailMessage) -> None:
    if suppression := suppressions.holding_back(row):
        told = f"not sent: on {suppression.complained_at:%Y-%m-%d} this address {suppression.reason}"
        row.close(EmailMessage.Status.SUPPRESSED, error=told)
        return
    try:
        mail = compose(row)
    except contexts.Withdrawn as reason:
        row.close(EmailMessage.Status.HELD, error=str(reason))
        return
    if settings.EMAIL_BACKEND == smtp.DJANGOS:
        mail.connection = get_connection(f"{smtp.__name__}.{smtp.ReplyKeepingBackend.__name__}")
    try:
        mail.send()
    except (AnymailAPIError, AnymailRecipientsRefused, SMTPRecipientsRefused) as error:
        if _is_permanent(error):
            raise Permanent(f"{type(error).__name__}: {error}") from error
        raise
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
    """The mail of `row`, in its language, text and HTML; links are made here. Raises NotSendable
    and Withdrawn (contexts)."""
    with translation.override(row.language):
        context = contexts.of(row)
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


def _is_permanent(error: Exception) -> bool:
    """Return whether trying again cannot help: the mail server refused this mail or these addresses for good."""
    if isinstance(error, AnymailAPIError):
        status = getattr(error, "status_code", None) or 0
        return 400 <= status < 500 and status not in (401, 403, 408, 429)
    if isinstance(error, SMTPRecipientsRefused):  # address → (code, text)
        return bool(error.recipients) and all(code >= 500 for code, _text in error.recipients.values())
    return True


JOBS = JobKind(model=EmailMessage, work=_send)
