"""Questions to staff by mail: each once, and those beyond a few an hour together in one digest."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from accounts.mail import emails
from accounts.mail.digests import Digest
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

    digest = Digest(topic=question, alone=ALONE, list_path=list_path)
    kind = EmailMessage.Kind.STAFF_QUESTION
    return emails.notify_staff(kind, key=f"question:{key}"[:150], context=context, digest=digest)
