"""Delivery of e-mails: claim the row, render its mail, hand it to the mail server, close the row.

The mail server's answer and our mark cannot be one transaction: a worker that dies in between sends the mail once more,
with the same Message-ID, by which mail programs recognise it.
"""

import logging
from smtplib import SMTPRecipientsRefused
from typing import Any
from urllib.parse import urlsplit

from anymail.exceptions import AnymailAPIError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve
from django.utils import timezone, translation

from accounts.demo.marks import is_demo_address
from accounts.mail import contexts, message_ids, smtp, suppressions
from accounts.mail.amazon_ses import mail_server as amazon_ses
from accounts.mail.models import EmailMessage
from accounts.mail.models.email_message import GREETINGS
from accounts.people.models import User
from core import phrases
from core.phrases import DAY, TEXT, Phrase
from core.provider_names import provider_title
from core.queue.outcomes import Permanent
from core.queue.runner import JobKind
from core.web import access, branding

HOME = "/admin/"
_STORED = ("error", "reason")  # texts of a context that rows store, too

_NOT_SENT = Phrase("not sent: {why}", why=TEXT)
_SUPPRESSED = Phrase("not sent: on {day} this address {reason}", day=DAY, reason=TEXT)

logger = logging.getLogger(__name__)


def _send(row: EmailMessage) -> None:
    # A greeting counts as a mail about the password while it is how the member gets one.
    gives_password = row.kind in GREETINGS and row.user is not None and not row.user.has_usable_password()
    is_always_sent = row.kind in suppressions.ALWAYS_SENT or gives_password
    suppression = None if is_always_sent else suppressions.find(row.to)
    if suppression is not None:
        reason = _SUPPRESSED(day=f"{suppression.complained_at:%Y-%m-%d}", reason=suppression.reason)
        row.close(EmailMessage.Status.SUPPRESSED, error=reason)
        return
    try:
        mail: Any = compose(row)
    except contexts.Withdrawn as error:
        row.close(EmailMessage.Status.HELD, error=str(error))
        return
    except contexts.Obsolete as error:
        row.close(EmailMessage.Status.SUPPRESSED, error=_NOT_SENT(why=error))
        return
    if is_demo_address(row.to):  # nobody is there: the mail is made, and handed to no server
        row.close(EmailMessage.Status.SENT, provider_message_id=f"demo-{row.pk}", sent_at=timezone.now())
        return
    if settings.EMAIL_BACKEND == smtp.DJANGO_BACKEND:
        mail.connection = get_connection(f"{smtp.__name__}.{smtp.ReplyKeepingBackend.__name__}")
    try:
        mail.send()
    except (AnymailAPIError, AnymailRecipientsRefused, SMTPRecipientsRefused) as error:
        if _is_permanent(error):
            raise Permanent(f"{type(error).__name__}: {error}") from error
        raise

    # The id that the provider's reports will have: from its API, from the answer of its SMTP server, else ours.
    message_id = getattr(getattr(mail, "anymail_status", None), "message_id", None)
    if not message_id and (reply := getattr(mail, "smtp_reply", "")):
        message_id = amazon_ses.message_id_in(reply)
    # The provider's report may be faster than this mark, and closes the row then: LeaseLost, and the report stands.
    row.close(
        EmailMessage.Status.SENT,
        provider_message_id=str(message_id or mail.extra_headers["Message-ID"])[:255],
        location=getattr(mail, "location", ""),
        sent_at=timezone.now(),
    )
    file = row.location.rpartition("-")[2]  # before that the name of the file spells the address
    logger.info("e-mail sent", extra={"email_id": row.pk, "kind": row.kind, "to": row.to, "file": file})


def _may_open(reader: User, path: str) -> bool:
    try:
        page = resolve(urlsplit(path).path).view_name
    except Resolver404:
        return False
    return access.may(reader, page)


def compose(row: EmailMessage) -> EmailMultiAlternatives:
    """Return the mail of `row`, in its language, text and HTML; links are made here.

    Raises NotSendable, Withdrawn and Obsolete (contexts).
    """
    base, console_path = settings.FRONTEND_URL, row.context.get("admin_path", HOME)
    # Of an address that several read nobody knows what its reader may open.
    reader = User.objects.filter(email=row.to, is_staff=True).first() if console_path != HOME else None
    if reader is not None and not _may_open(reader, console_path):
        console_path = HOME
    with translation.override(row.language):
        context: dict[str, Any] = {
            **row.context,
            "language": row.language,
            "site_url": base,
            "site_host": urlsplit(base).netloc,
            "sign_in_url": f"{base}/sign-in",
            "dashboard_url": f"{base}/dashboard",
            "forgot_url": f"{base}/forgot-password",
            "admin_url": base + console_path,
            "first_name": row.user.first_name if row.user else "",
            "link": None,
            "has_password": bool(row.user and row.user.has_usable_password()),
        }
        for builder in contexts.BUILDERS.get(row.kind, ()):
            context |= builder(row)
        if "provider" in context:
            context["provider"] = provider_title(context["provider"])
        context |= {name: phrases.shown(context[name]) for name in _STORED if context.get(name)}
        if details := context.get("details"):
            context["details"] = [phrases.shown(str(one)) for one in details]
        subject, text, html = render(row.kind, context)
    mail = EmailMultiAlternatives(
        subject=subject,
        body=text,
        to=[row.to],
        reply_to=[support] if (support := branding.current().support) else None,
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


def render(kind: str, context: dict[str, Any]) -> tuple[str, str, str]:
    """Return subject, text and HTML in the active language; staff's own words ("own") where the plan has some."""
    context = {"brand": branding.current(), **context}
    own = context.get("own")
    own_subject, own_text = own.fill(context) if own else ("", "")
    folder = f"emails/{kind}"
    subject = own_subject or render_to_string(f"{folder}/subject.txt", context)
    folder = "emails/plan_text" if own_text else folder
    context = context | {"subject": " ".join(subject.split()), "own_text": own_text}
    if own and own_text:
        context["own_html"] = own.fill_html(context)
    text, html = (render_to_string(f"{folder}/{part}", context) for part in ("body.txt", "body.html"))
    return context["subject"], text, html


def _is_permanent(error: Exception) -> bool:
    """Return whether trying again cannot help: the mail server refused this mail or these addresses for good."""
    if isinstance(error, AnymailAPIError):
        status = getattr(error, "status_code", None) or 0
        return 400 <= status < 500 and status not in (401, 403, 408, 429)
    if isinstance(error, SMTPRecipientsRefused):  # address → (code, text)
        return bool(error.recipients) and all(code >= 500 for code, _text in error.recipients.values())
    return True


JOBS = JobKind(model=EmailMessage, work=_send)
