"""Questions to staff by mail: each once, and those beyond a few an hour together in one digest."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from accounts.mail import digests, emails
from accounts.mail.models import EmailMessage

ALONE = 3  # mails about one kind of question in an hour to one address; the others are the digest's


def ask(
    question: str,
    *,
    key: str,
    provider: str,
    details: Sequence[str] | Callable[[], Sequence[str]],
    admin_path: str,
    list_path: str,
) -> list[EmailMessage]:
    """Ask staff once (`key`): `question` is one of those of the template, `details` are the facts about it, from a
    function where they have words.

    A mail about one links to `admin_path`, a digest to `list_path`, where all of its kind stand.
    """

    def context() -> Mapping[str, Any]:
        facts = list(details() if callable(details) else details)
        return {"question": question, "provider": provider, "details": facts, "admin_path": admin_path}

    queued = emails.notify_staff(EmailMessage.Kind.STAFF_QUESTION, key=f"question:{key}"[:150], context=context)
    for message in queued:
        digests.collect(message, topic=question, alone=ALONE, list_path=list_path)
    return queued
