"""Contexts of mails' templates. Each topic registers the builder for the mails that it enqueues."""

from collections.abc import Callable, Iterable
from typing import Any

from accounts.mail.models import EmailMessage
from core.queue.outcomes import Permanent

Builder = Callable[[EmailMessage], dict[str, Any]]
BUILDERS: dict[str, list[Builder]] = {}  # by kind of mail


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
        builders = BUILDERS.setdefault(kind, [])
        if builder not in builders:
            builders.append(builder)
