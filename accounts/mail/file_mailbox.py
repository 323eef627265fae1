"""The file mailbox: mails as .eml files that any mail program opens, for trials without a mail server."""

from email.utils import parseaddr
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.dispatch import Signal
from django.utils import timezone
from django.utils.text import slugify

# Sent with `path` (Path) and `message` (Django's EmailMessage) once a mail lies in its file.
mail_written = Signal()


class FileMailbox(BaseEmailBackend):
    """Writes each mail to EMAIL_FILE_PATH, whole or not at all; the message's `location` is the file then."""

    def send_messages(self, email_messages: Any) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            to = slugify(parseaddr(message.to[0])[1].replace("@", "-at-").replace(".", "-"))
            name = f"{timezone.now():%Y%m%d-%H%M%S}-{to}-{uuid4().hex[:8]}"
            unfinished, path = folder / f".{name}", folder / f"{name}.eml"
            unfinished.write_bytes(message.message().as_bytes())
            unfinished.chmod(0o600)
            unfinished.rename(path)
            message.location = str(path)
            mail_written.send(sender=type(self), path=path, message=message)
        return len(email_messages)
