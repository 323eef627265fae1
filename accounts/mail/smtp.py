"""SMTP that stores the server's last answer: some servers give the mail's id in it."""

import smtplib
from typing import Any

from django.core.mail.backends import smtp
from django.core.mail.message import EmailMessage

DJANGO_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


class _KeepsReply:
    """An SMTP connection that stores the server's answer to the mail's text, which `smtplib` drops on success."""

    reply = b""

    def data(self, msg: Any) -> tuple[int, bytes]:
        code, self.reply = super().data(msg)  # type: ignore[misc]
        return code, self.reply


class _Smtp(_KeepsReply, smtplib.SMTP):
    pass


class _SmtpOverTls(_KeepsReply, smtplib.SMTP_SSL):
    pass


class ReplyKeepingBackend(smtp.EmailBackend):
    """Django's backend that sets `smtp_reply` on each message: the answer with which the server accepted it."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _SmtpOverTls if self.use_ssl else _Smtp

    def _send(self, email_message: EmailMessage) -> bool:
        is_sent = bool(super()._send(email_message))  # type: ignore[misc]
        if is_sent:
            reply: bytes = getattr(self.connection, "reply", b"")
            email_message.smtp_reply = reply.decode("ascii", "replace")  # type: ignore[attr-defined]
        return is_sent
