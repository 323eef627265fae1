"""Completions by e-mail. Anybody can write a sender's address, so each of them needs review."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from accounts.courses import certificates, completions
from accounts.courses.completions import Received, ReportedCompletion
from accounts.courses.models import Activity
from accounts.courses.models.completion import BY_MAIL
from core.cause import Cause
from core.days import today
from core.phrases import WORD, Phrase
from core.text import LINE, TEXT, storable

_MAIL = Phrase("e-mail {message}", message=WORD)

LONGEST_SEARCHED = 100_000  # letters of a mail that are searched for a certificate
_ADDRESS = re.compile(r"https://[^\s<>\"']+")
_ANSWER = re.compile(r"^(?:\s*(?:re|fwd?|aw|rv)\s*:)+", re.IGNORECASE)


class NoActivity(Exception):
    """There is no active activity; the mail is refused, so that whoever brought it comes again."""


def receive(*, sender: str, name: str, subject: str, text: str, message_id: str, attachments: int = 0) -> Received:
    """Store a mail as a completion that needs review, once by its Message-ID; the subject is the course until staff
    correct it.

    Its activity is the first whose forms have the line “mail” or a pattern for the subject, else the first there is.
    Raises NoActivity.
    """
    activities = completions.activities_for_form(form_id=BY_MAIL, form_title=subject[:LINE])
    activity = activities[0] if activities else Activity.objects.filter(is_active=True).order_by("code").first()
    if activity is None:
        raise NoActivity("a completion came by e-mail, and no activity is active")
    answers: Mapping[str, Any] = {
        "subject": storable(subject[:LINE]),
        "text": storable(text[:TEXT]),
        "attachments": attachments,
    }
    reported = ReportedCompletion(
        source=f"{BY_MAIL}:{_key(message_id, sender, subject, text)}",
        channel=BY_MAIL,
        email=storable(sender[:LINE]),
        name=storable(name[:LINE]),
        course=_ANSWER.sub("", storable(subject[:LINE])),
        completed_on=today(),
        certificate_url=next(
            (url for url in _ADDRESS.findall(text[:LONGEST_SEARCHED]) if certificates.checked_or_none(url)), ""
        ),
        answers=answers,
    )
    return completions.receive(reported, activity, cause=Cause(text=_MAIL(message=storable(message_id[:LINE]))[:200]))


def _key(message_id: str, sender: str, subject: str, text: str) -> str:
    """Return a mail's key, which two deliveries of it share: its Message-ID, else all of it.

    As a digest, since senders choose it.
    """
    identity = message_id.strip() or "\n".join([sender, subject, text])
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:40]
