"""Contexts of mails' templates. Each topic registers the builder for the mails that it enqueues."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from accounts.mail.models import EmailMessage
from core.queue.outcomes import Permanent

Builder = Callable[[EmailMessage], dict[str, Any]]
_builders: dict[str, list[Builder]] = {}


class NotSendable(Permanent):
    """This mail cannot go out, now or later; the message says why."""


class Withdrawn(Exception):
    """The reason of this mail is gone for now: the mail is held back. The message says why."""


class Obsolete(Exception):
    """The reason of this mail is gone for good, or the mail is switched off: it is not sent. The message says why."""


def register(kinds: Iterable[EmailMessage.Kind], builder: Builder) -> None:
    """Let `builder` complete the context of mails of these kinds. It may raise NotSendable, Withdrawn and Obsolete.

    A kind may have several builders; a later one sees nothing of an earlier one's.
    """
    for kind in kinds:
        builders = _builders.setdefault(kind, [])
        if builder not in builders:
            builders.append(builder)


def build(row: EmailMessage) -> dict[str, Any]:
    """Return the context of a mail as it would be sent now. Raises NotSendable, Withdrawn, Obsolete."""
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
    for builder in _builders.get(row.kind, ()):
        context |= builder(row)
    return context
