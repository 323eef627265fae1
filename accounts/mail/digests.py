"""Digests to staff: what comes beyond a few an hour to one address waits for one mail after the full hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.mail.contexts import Obsolete
from accounts.mail.models import EmailMessage
from core import phrases
from core.insert_once import insert_once
from core.phrases import Phrase

_NOTHING = Phrase("nothing was collected")

SHOWN = 20
WINDOW = timedelta(hours=1)
MARGIN = timedelta(minutes=1)  # what was being stored at the full hour, by a transaction of seconds, is in it too
_KEY = "question-digest:"
_IN_DIGEST = Phrase("in a digest: {key}")
Kind = EmailMessage.Kind
Status = EmailMessage.Status
SALES = (Kind.STAFF_NEW_MEMBER, Kind.STAFF_MEMBER_LINKED)


@dataclass(frozen=True, kw_only=True)
class Digest:
    """Which mails to staff a digest collects: of an hour all of the topic but the first `alone` to an address.

    `topic` is "sales" or the question; the digest links to `list_path`, where all of its kind stand.
    """

    topic: str
    alone: int
    list_path: str

    def key_for(self, to: str) -> str:
        """Return the key of this hour's digest to an address; "" while its mails come alone."""
        now = timezone.now()
        is_sale = self.topic == "sales"
        about = {"kind__in": SALES} if is_sale else {"kind": Kind.STAFF_QUESTION, "context__question": self.topic}
        recent = EmailMessage.objects.filter(to=to, created_at__gt=now - WINDOW, **about)
        # No more are read than tell: of a sale of thousands the last one costs what the first did.
        told = recent.exclude(key__startswith=_KEY).order_by().values_list("pk")[: self.alone]
        return "" if len(told) < self.alone else f"{_KEY}{self.topic}:{_hour(now):%Y-%m-%dT%H}:{to}"[:200]

    def open(self, key: str, first: EmailMessage) -> None:
        """Enqueue the digest of this key for after its hour, unless it is there; `first` is one that it collects."""
        digest = EmailMessage(
            key=key,
            kind=Kind.STAFF_QUESTION,
            to=first.to,
            language=first.language,
            context={
                "question": self.topic,
                "is_digest": True,
                "provider": first.context.get("provider", ""),
                "details": [],
                "admin_path": self.list_path,
            },
            next_attempt_at=_hour(timezone.now()) + WINDOW + MARGIN,
        )
        digest.schedule_wake_up()
        insert_once(digest)


def collect(message: EmailMessage, key: str) -> None:
    """Leave a new mail, which is not stored yet, to the digest of this key."""
    message.status, message.last_error = Status.SUPPRESSED, _IN_DIGEST(key=key)
    message.next_attempt_at, message.finished_at = None, timezone.now()


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def mail_context(message: EmailMessage) -> dict[str, Any]:
    """Return what a question says: a digest lists what was collected for it. Raises Obsolete for an empty one."""
    context = message.context
    if not context.get("is_digest"):
        return {"others": [], "total": 1}
    # The digest's key names its topic.
    collected = EmailMessage.objects.filter(
        to=message.to, status=Status.SUPPRESSED, last_error=_IN_DIGEST(key=message.key)
    )
    total = collected.count()
    if not total:
        raise Obsolete(_NOTHING())
    return {"others": [_line(one.context) for one in collected.order_by("pk")[:SHOWN]], "total": total}


def _line(context: dict[str, Any]) -> str:
    named = [context.get(name) for name in ("member_name", "member_email", "plan_name")]
    return ", ".join(phrases.shown(str(one)) for one in context.get("details") or named if one)
