"""Digests to staff: what comes beyond a few an hour to one address waits for one mail after the full hour."""

from datetime import timedelta
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
_IN_DIGEST = Phrase("in a digest: {key}")
Kind = EmailMessage.Kind
Status = EmailMessage.Status
SALES = (Kind.STAFF_NEW_MEMBER, Kind.STAFF_MEMBER_LINKED)


def collect(message: EmailMessage, *, topic: str, alone: int, list_path: str) -> None:
    """Leave a mail to the digest of this hour where its address got `alone` of its topic already.

    `topic` is "sales" or the question; the digest links to `list_path`, where all of its kind stand.
    """
    now = timezone.now()
    about = {"kind__in": SALES} if topic == "sales" else {"kind": Kind.STAFF_QUESTION, "context__question": topic}
    recent = EmailMessage.objects.filter(to=message.to, created_at__gt=now - WINDOW, **about).exclude(pk=message.pk)
    if recent.exclude(key__startswith="question-digest:").count() < alone:
        return
    start = now.replace(minute=0, second=0, microsecond=0)
    digest = EmailMessage(
        key=f"question-digest:{topic}:{start:%Y-%m-%dT%H}:{message.to}"[:200],
        kind=Kind.STAFF_QUESTION,
        to=message.to,
        language=message.language,
        context={
            "question": topic,
            "is_digest": True,
            "provider": message.context.get("provider", ""),
            "details": [],
            "admin_path": list_path,
        },
        next_attempt_at=start + WINDOW + MARGIN,
    )
    digest.schedule_wake_up()
    insert_once(digest)
    EmailMessage.objects.filter(pk=message.pk, status=Status.PENDING, attempts=0).update(
        status=Status.SUPPRESSED,
        last_error=_IN_DIGEST(key=digest.key),
        next_attempt_at=None,
        wake_at=None,
        finished_at=now,
    )


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
