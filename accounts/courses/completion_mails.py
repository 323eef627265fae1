"""The mail to a member whose completed course gave points: enqueued with the award, once for a completion and member.

It says what is true when it is sent. Where the points were taken back by then it is held, and goes after all where they
are given again.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.courses.models import CertificateCheck, Completion
from accounts.courses.models.completion import BY_IMPORT, BY_STAFF
from accounts.mail import emails
from accounts.mail.contexts import Withdrawn
from accounts.mail.emails import NEWS_FOR
from accounts.mail.models import EmailMessage
from core.days import day_of
from core.phrases import Phrase
from core.text import clean_name

_TAKEN_BACK = Phrase("the points were taken back before it was sent")

WAITS_FOR_CHECK = timedelta(minutes=2)  # so long a mail waits to know whether the certificate names the student
MOST_A_DAY = 10  # mails to one member: whoever fills in forms in somebody's name sends them no more
_SILENT = (BY_IMPORT, BY_STAFF)
_LONGEST_COURSE = 150
Status = EmailMessage.Status


def enqueue(completion: Completion) -> EmailMessage | None:
    """Enqueue the mail for a completion that was awarded in this transaction; None where none is due, or it was sent.

    Old completions, imported ones and points given by hand bring no mail, and neither do activities without
    `mail_member`. A member whose greeting is held gets it after that.
    """
    user = completion.user
    if user is None or not user.is_active or not completion.activity.mail_member or completion.channel in _SILENT:
        return None
    now = timezone.now()
    if completion.completed_on < day_of(now - NEWS_FOR):
        return None
    key = _key(completion)
    known = EmailMessage.objects.filter(key=key).first()
    is_held = emails.is_yet_to_be_greeted(user)
    if known is not None:
        if not is_held:
            emails.release(known)
        return None
    of_today = EmailMessage.objects.filter(user=user, kind=EmailMessage.Kind.COURSE_COMPLETED)
    if of_today.filter(created_at__gt=now - timedelta(days=1)).count() >= MOST_A_DAY:
        return None
    is_being_checked = CertificateCheck.objects.filter(
        completion=completion, status=CertificateCheck.Status.PENDING
    ).exists()
    return emails.enqueue(
        EmailMessage.Kind.COURSE_COMPLETED,
        key=key,
        to=user.email,
        user=user,
        context={"completion_id": completion.pk},
        held=is_held,
        due=now + WAITS_FOR_CHECK if is_being_checked else None,
    )


def send_after_check(completion: Completion) -> None:
    """Send the mail now that was due after the check of its certificate, if there is one."""
    if completion.user_id is not None:
        emails.send_now(_key(completion))


def context_of(message: EmailMessage) -> dict[str, Any]:
    """Return what the mail says, as it is now. Raises Withdrawn where its member has no points for it."""
    awarded = Completion.objects.select_related("activity").filter(
        pk=message.context.get("completion_id"), state=Completion.State.AWARDED, user=message.user_id
    )
    completion = awarded.first() if message.user_id else None
    if completion is None or message.user is None:
        raise Withdrawn(_TAKEN_BACK())
    return {
        # Anybody may write the name of a course into a form: in a mail of ours it must not lead anywhere.
        "course": clean_name(completion.course, _LONGEST_COURSE) or completion.activity.name,
        "points": completion.entries.get(reverses__isnull=True, reversal=None).points,
        "balance": message.user.points.balance(),
        "certificate_url": completion.shown_certificate,
    }


def _key(completion: Completion) -> str:
    return f"completed:{completion.pk}:{completion.user_id}"
