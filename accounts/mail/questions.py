"""Questions to staff by mail: each once, and those beyond a few an hour together in one digest."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.mail import emails
from accounts.mail.contexts import Obsolete
from accounts.mail.models import EmailMessage

ALONE = 3  # mails about one kind of question in an hour to one address; the others are the digest's
SHOWN = 20
WINDOW = timedelta(hours=1)
IN_DIGEST = "in a digest"
Kind = EmailMessage.Kind
Status = EmailMessage.Status


def ask(question: str, *, key: str, provider: str, details: Sequence[str], admin_path: str) -> list[EmailMessage]:
    """Ask staff once (`key`): `question` is one of those of the template, `details` are the facts about it."""
    context = {"question": question, "provider": provider, "details": list(details), "admin_path": admin_path}
    queued = emails.notify_staff(Kind.STAFF_QUESTION, key=f"question:{key}"[:150], context=context)
    for message in queued:
        _collect(message, question)
    return queued


def mail_context(message: EmailMessage) -> dict[str, Any]:
    """Return what a question says: a digest lists what was collected for it. Raises Obsolete for an empty one."""
    context = message.context
    if not context.get("is_digest"):
        return {"others": [], "total": 1}
    collected = _of(message.to, context["question"]).filter(
        status=Status.SUPPRESSED, last_error=f"{IN_DIGEST}: {message.key}"
    )
    total = collected.count()
    if not total:
        raise Obsolete("nothing was collected")
    newest = collected.order_by("pk").values_list("context__details", "context__admin_path")[:SHOWN]
    return {"others": [", ".join(map(str, details or ())) for details, _path in newest], "total": total}


def _collect(message: EmailMessage, question: str) -> None:
    """Leave a question to the digest of this hour where its address got some of its kind already."""
    now = timezone.now()
    recent = _of(message.to, question).filter(created_at__gt=now - WINDOW).exclude(pk=message.pk)
    if recent.exclude(key__startswith="question-digest:").count() < ALONE:
        return
    start = now.replace(minute=0, second=0, microsecond=0)
    key = f"question-digest:{question}:{start:%Y-%m-%dT%H}:{message.to}"[:200]
    digest = {"question": question, "is_digest": True, "provider": message.context["provider"]}
    emails.enqueue(
        Kind.STAFF_QUESTION,
        key=key,
        to=message.to,
        context=digest | {"details": [], "admin_path": "/admin/"},
        due=start + WINDOW,
    )
    EmailMessage.objects.filter(pk=message.pk, status=Status.PENDING, attempts=0).update(
        status=Status.SUPPRESSED,
        last_error=f"{IN_DIGEST}: {key}",
        next_attempt_at=None,
        wake_at=None,
        finished_at=now,
    )


def _of(address: str, question: str) -> Any:
    return EmailMessage.objects.filter(kind=Kind.STAFF_QUESTION, to=address, context__question=question)
