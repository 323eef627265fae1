"""E-mails: enqueued in the transaction of their cause, once for one business reason."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from accounts.mail import digests, undelivered
from accounts.mail.digests import Digest
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.models import User
from core.insert_once import insert_once
from core.queue.delivery import GRACE
from core.queue.wakeup import wake_on_commit

GREETING_PREFIX = "granted:"  # of the reasons of greetings
NEWS_FOR = timedelta(days=14)
_SALES = Digest(topic="sales", alone=10, list_path="/admin/accounts/subscription/")
Kind = EmailMessage.Kind
Status = EmailMessage.Status
# Held while the greeting of their member is, and released with it.
AFTER_GREETING = (
    Kind.COURSE_COMPLETED,
    Kind.RESUMED,
    Kind.PAYMENT_FAILED,
    Kind.ENDS_SOON,
    Kind.ENDED,
    Kind.REFUNDED,
)


def enqueue(
    kind: EmailMessage.Kind,
    *,
    key: str,
    to: str,
    user: User | None = None,
    language: str = "",
    context: Mapping[str, Any] | None = None,
    held: bool = False,
    due: datetime | None = None,
    digest: str = "",
) -> EmailMessage | None:
    """Enqueue a mail, to be sent after the commit, or at `due`; None where this reason (`key`) has its mail.

    With `held` it is not sent before `release`; with `digest`, the key of one, it is a line of that.
    """
    message = EmailMessage(
        key=key[:200],
        kind=kind,
        to=to,
        user=user,
        language=language or (user.language if user else "") or settings.LANGUAGE_CODE,
        context=dict(context or {}),
    )
    if held:
        message.status, message.next_attempt_at = Status.HELD, None
    elif digest:
        digests.collect(message, digest)
    elif due is not None:
        message.next_attempt_at = due
    message.schedule_wake_up()
    if not insert_once(message):
        return None
    if not held and not digest and due is None:
        wake_on_commit(message)
    return message


def notify_staff(
    kind: EmailMessage.Kind,
    *,
    key: str,
    context: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    digest: Digest | None = None,
) -> list[EmailMessage]:
    """Enqueue the same mail for every address of ADMIN_EMAIL, in the language of the member of staff who has it.

    A `context` with words is a function, which is called for each mail in its language. Whoever got many of the kind
    that `digest` says gets the others as one mail.
    """
    languages = _languages(int(time.monotonic() // 60), tuple(address.lower() for address in settings.ADMIN_EMAIL))
    queued = []
    for address in settings.ADMIN_EMAIL:
        language = languages.get(address.lower(), settings.LANGUAGE_CODE)
        with translation.override(language):
            values = context() if callable(context) else context
        collected = digest.key_for(address) if digest else ""
        name = f"{key}:{address}"
        message = enqueue(kind, key=name, to=address, language=language, context=values, digest=collected)
        if message is not None:
            queued.append(message)
            if digest is not None and collected:
                digest.open(collected, message)
    return queued


@lru_cache(maxsize=1)
def _languages(_minute: int, addresses: Sequence[str]) -> Mapping[str, str]:
    """Return the languages that staff chose, by their addresses; read once a minute, for each sale asks for them."""
    staff = User.objects.filter(email__in=addresses, is_staff=True).exclude(language="")
    return dict(staff.values_list("email", "language"))


forget_languages = _languages.cache_clear


def greet(subscription: Subscription, *, held: bool = False) -> list[EmailMessage]:
    """Enqueue the mails of a member's first grant of a plan, once however often it is reported.

    Without a password: the welcome mail with the set-up link. With one: that the membership is linked. Staff are
    notified together with the member. With `held` the member's mail is held back, and staff get none. Where access is
    to come the mail is due then; whoever has none, now or later, is not greeted.
    """
    user: User = subscription.user
    now = timezone.now()
    is_to_come = subscription.access_from is not None and subscription.access_from > now
    if not subscription.is_open(now) and not is_to_come:
        return []
    reason = greeting_key(subscription)
    own = enqueue(
        Kind.MEMBERSHIP_LINKED if user.has_usable_password() else Kind.WELCOME,
        key=reason,
        to=user.email,
        user=user,
        context={"subscription": subscription.pk},
        held=held,
        due=subscription.access_from if is_to_come else None,
    )
    if own is None or held:
        return [own] if own else []
    is_new = not user.has_usable_password() and user.auth_provider != User.AuthProvider.LOCAL
    return [own, *notify_of_sale(subscription, is_new=is_new, key=f"staff:{reason}")]


def notify_of_sale(subscription: Subscription, *, is_new: bool, key: str) -> list[EmailMessage]:
    """Notify staff of a member's purchase: by a mail of its own, or, of many in an hour, by a digest."""
    user: User = subscription.user
    return notify_staff(
        Kind.STAFF_NEW_MEMBER if is_new else Kind.STAFF_MEMBER_LINKED,
        key=key,
        context={
            "subscription": subscription.pk,
            "plan_name": subscription.plan.name,  # for the line of a digest
            "member_name": user.get_full_name(),
            "member_email": user.email,
            "admin_path": f"/admin/accounts/user/{user.pk}/change/",
        },
        digest=_SALES,
    )


def greet_created_member(user: User, *, course: str) -> EmailMessage | None:
    """Enqueue the mail for a member whom staff created because of a course: with the set-up link, once for each user.

    None where the member has a password or has this mail already.
    """
    if user.has_usable_password():
        return None
    return enqueue(
        Kind.ACCOUNT_CREATED, key=f"account-created:{user.pk}", to=user.email, user=user, context={"course": course}
    )


def release(message: EmailMessage, *, due: datetime | None = None) -> bool:
    """Release a mail that is held, at `due` (now); False where it is not held. Two at once: one of them does it.

    With somebody's greeting go the mails that were held because of it (`is_yet_to_be_greeted`), while they are news.
    """
    now = timezone.now()
    due = due or now
    released = EmailMessage.objects.filter(pk=message.pk, status=Status.HELD).update(
        status=Status.PENDING, next_attempt_at=due, wake_at=due + GRACE, finished_at=None, last_error=""
    )
    if released and due <= now:
        wake_on_commit(message)
    if released and message.key.startswith(GREETING_PREFIX):
        held = EmailMessage.objects.filter(user=message.user_id, status=Status.HELD, kind__in=AFTER_GREETING)
        for other in held.exclude(pk=message.pk).filter(created_at__gte=now - NEWS_FOR):
            release(other, due=due)
    return bool(released)


def is_yet_to_be_greeted(user: User) -> bool:
    """Return whether this member's greeting is held: then no other news should come before it."""
    return EmailMessage.objects.filter(user=user, status=Status.HELD, key__startswith=GREETING_PREFIX).exists()


def send_now(key: str) -> bool:
    """Make a mail due that is pending for a later time; False where there is none."""
    now = timezone.now()
    message = EmailMessage.objects.filter(key=key, status=Status.PENDING, attempts=0, next_attempt_at__gt=now).first()
    if message is None:
        return False
    message.requeue()
    wake_on_commit(message)
    return True


def try_again(message: EmailMessage) -> bool:
    """Make a mail due that waits after a failure; False where it does not, or a worker has it."""
    now = timezone.now()
    waiting = EmailMessage.objects.filter(pk=message.pk, crashes=0, next_attempt_at__gt=now).filter(undelivered.DELAYED)
    is_due = bool(waiting.update(next_attempt_at=now, wake_at=now + GRACE))
    if is_due:
        wake_on_commit(message)
    return is_due


def release_greetings(*, per_minute: int) -> int:
    """Release the greetings that are held for members with access, `per_minute` of them; return their number.

    They become due one after the other and the sweep wakes a worker for each, so that no mail server is flooded and a
    process that ends in the middle loses nothing. Held greetings of memberships that have ended stay held.
    """
    step = timedelta(seconds=60 / per_minute)
    with_access = Subscription.objects.giving_access().only("user_id", "plan_id")
    reasons = {greeting_key(subscription) for subscription in with_access.iterator()}
    held = EmailMessage.objects.filter(status=Status.HELD, key__startswith=GREETING_PREFIX)
    start, count = timezone.now(), 0
    for message in [message for message in held.order_by("pk").only("key", "user") if message.key in reasons]:
        count += release(message, due=start + count * step)
    return count


def greeting_key(subscription: Subscription) -> str:
    """Return the business reason of the greeting for a first grant of a plan."""
    return f"{GREETING_PREFIX}{subscription.user_id}:{subscription.plan_id}"


def resend(message: EmailMessage) -> EmailMessage:
    """Enqueue the same mail again for staff: a new reason, a new row; links in it are new ones."""
    with transaction.atomic():
        again = enqueue(
            EmailMessage.Kind(message.kind),
            key=f"resend:{message.pk}:{uuid4()}",
            to=message.user.email if message.user else message.to,
            user=message.user,
            language=message.language,
            context=message.context,
        )
    if again is None:  # a random key cannot be taken
        raise RuntimeError(f"the resend of e-mail {message.pk} met its own key")
    return again


def mark_delivered(message: EmailMessage) -> None:
    """Note that the receiving server took the mail. A bounce that was reported before stands."""
    EmailMessage.objects.filter(pk=message.pk, status__in=[Status.SENT, Status.PENDING]).update(
        status=Status.DELIVERED, delivered_at=timezone.now(), last_error="", next_attempt_at=None, wake_at=None
    )


def mark_deferred(message: EmailMessage, *, reason: str) -> None:
    """Note why a mail is delayed, where nothing better is known."""
    EmailMessage.objects.filter(pk=message.pk, status=Status.SENT).update(last_error=reason[:2000])


def mark_bounced(message: EmailMessage, *, reason: str, complained: bool = False) -> None:
    """Note that the mail bounced, or its reader complained, and notify staff: both once.

    Staff are not notified of their own mails, which would bounce in turn.
    """
    with transaction.atomic():
        changed = (
            EmailMessage.objects.filter(pk=message.pk)
            .exclude(status=Status.BOUNCED)
            .update(
                status=Status.BOUNCED,
                bounced_at=timezone.now(),
                last_error=reason[:2000],
                next_attempt_at=None,
                wake_at=None,
            )
        )
        if changed and message.user is not None:
            notify_staff(
                Kind.STAFF_MAIL_BOUNCED,
                key=f"bounced:{message.pk}",
                context=lambda: {
                    "to": message.to,
                    "kind": str(Kind(message.kind).label),
                    "reason": reason[:500],
                    "complained": complained,
                    "admin_path": f"/admin/accounts/emailmessage/{message.pk}/change/",
                },
            )
