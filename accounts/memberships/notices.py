"""Mails about access: enqueued with the change of a subscription, and checked again when they are sent.

Each has a key of its reason, so that copies, retries and the clock together send one. A change is compared by access:
what another purchase still gives was not lost, and history that ended before it was learnt brings no mail.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Q
from django.utils import formats, timezone

from accounts.mail import emails
from accounts.mail.contexts import NotSendable, Obsolete, Withdrawn
from accounts.mail.emails import GREETING_PREFIX, NEWS_FOR
from accounts.mail.models import EmailMessage
from accounts.memberships.access_span import AccessSpan
from accounts.memberships.facts import SALES, FactKind
from accounts.memberships.models import PlanMail, Subscription, SubscriptionFact
from accounts.memberships.models.plan_mail import KINDS
from accounts.memberships.purchase_state import Status
from accounts.memberships.terms import Billing
from core import dates
from core.phrases import Phrase

_NO_LINK = Phrase("the user is gone or locked; no link was made")

_SWITCHED_OFF = Phrase("this mail is switched off for the plan")
_NOT_AWAITED = Phrase("the payment is not awaited any more")
_ACCESS_AGAIN = Phrase("the member has access again")
_NO_REFUND = Phrase("the refund does not stand any more")
_NO_ACCESS = Phrase("the member has no access now")
_NO_ACCESS_ANY_MORE = Phrase("the member has no access any more")
_ENDS_OTHERWISE = Phrase("access does not end then")

Kind = EmailMessage.Kind
SOON = timedelta(days=7)
AT_ONCE = 200  # mails of one look at what ends soon
_TO_STAFF = (Kind.STAFF_NEW_MEMBER, Kind.STAFF_MEMBER_LINKED)
CHECKED = (*KINDS, *_TO_STAFF)
_OPENING = (Kind.WELCOME, Kind.WELCOME_BACK, Kind.MEMBERSHIP_LINKED, Kind.RESUMED, *_TO_STAFF)


class Mails(StrEnum):
    """The fate of the mails that a change brings: sent, held back until staff release them, or none."""

    SEND = "send"
    HOLD = "hold"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Access(AccessSpan):
    """The columns of a subscription's access before a change."""

    access_from: datetime | None
    access_until: datetime | None
    next_change_at: datetime | None
    status: str

    @classmethod
    def of(cls, subscription: Subscription) -> "Access":
        return cls(
            access_from=subscription.access_from,
            access_until=subscription.access_until,
            next_change_at=subscription.next_change_at,
            status=subscription.status,
        )

    def was_open(self, now: datetime) -> bool:
        start, until = self.access_from, self.access_until
        return start is not None and until is not None and start < until <= now

    def ends_by_clock(self, now: datetime) -> bool:
        """Return whether it ended since the subscription was looked at last."""
        return self.was_open(now) and self.next_change_at is not None and self.next_change_at <= now


def enqueue(
    subscription: Subscription, before: Access, *, fact: SubscriptionFact | None, now: datetime, mails: Mails
) -> list[EmailMessage]:
    """Enqueue the mails of a change to a subscription that there was before; the caller is in its transaction.

    `fact` is the new one, None where the clock or an answer of staff changed it. The welcome to a first grant is
    `emails.greet`.
    """
    if mails is Mails.NONE:
        return []
    kind = fact.kind if fact is not None else ""
    if subscription.is_open(now):
        if not before.is_open(now):
            is_late = before.ends_by_clock(now) and kind != FactKind.PURCHASED  # nobody was told that it had ended
            return [] if is_late or not before.was_open(now) else _returned(subscription, fact, mails=mails)
        if before.status == Status.SCHEDULED and before.access_from is not None:
            return _begun(subscription, before.access_from, mails=mails)
        if kind == FactKind.RESUMED and before.status in (Status.PAUSED, Status.CANCELED) and fact is not None:
            is_running = subscription.status in (Status.ACTIVE, Status.TRIALING)
            return _member(subscription, Kind.RESUMED, key=f"resumed:{fact.pk}", mails=mails) if is_running else []
        if kind == FactKind.PAYMENT_FAILED and subscription.status == Status.PAST_DUE:
            issue = f"{subscription.pk}:{_stamp(subscription.current_period_end)}"
            return _member(subscription, Kind.PAYMENT_FAILED, key=f"payment-failed:{issue}", mails=mails)
        return []
    if subscription.status == Status.SCHEDULED and kind == FactKind.PURCHASED and fact is not None:
        return _to_return(subscription, fact, mails=mails) if before.was_open(now) else []
    if subscription.status == Status.SCHEDULED or not (before.is_open(now) or before.ends_by_clock(now)):
        return []
    until = subscription.access_until
    if fact is None and until is not None and until < now - NEWS_FOR:
        return []
    ended = Kind.REFUNDED if subscription.status == Status.REFUNDED else Kind.ENDED
    reason = f"fact-{fact.pk}" if fact is not None else _stamp(until)
    return _member(subscription, ended, key=f"{ended}:{subscription.pk}:{reason}", mails=mails)


def enqueue_ends_soon(*, now: datetime | None = None) -> int:
    """Enqueue the mail to members whose access ends within a week and is not renewed, where their plan sends it."""
    now = now or timezone.now()
    plans = PlanMail.objects.filter(kind=Kind.ENDS_SOON, is_enabled=True).values_list("plan_id", flat=True)
    due = Subscription.objects.filter(
        plan__in=list(plans), access_from__lte=now, access_until__gt=now, access_until__lte=now + SOON
    )
    keyed = {_ends_soon_key(one): one for one in due.select_related("user", "plan").order_by("access_until")}
    known = set(EmailMessage.objects.filter(key__in=keyed).values_list("key", flat=True))
    count = 0
    for key, subscription in keyed.items():
        if key not in known and count < AT_ONCE and not _is_renewed(subscription):
            count += len(_member(subscription, Kind.ENDS_SOON, key=key, mails=Mails.SEND))
    return count


def mail_context(message: EmailMessage) -> dict[str, Any]:
    """Return what a mail about access says now. Raises NotSendable, Withdrawn, Obsolete where it must not be sent."""
    subscription_id = message.context.get("subscription")
    if subscription_id is None:  # enqueued before mails named their subscription, with the plan's names
        return {}
    subscription = Subscription.objects.select_related("plan", "user").filter(pk=subscription_id).first()
    is_to_staff = message.kind in _TO_STAFF
    if subscription is None or (not is_to_staff and (message.user is None or not message.user.is_active)):
        raise NotSendable(_NO_LINK())
    names = {"plan_name": subscription.plan.name, "partner": subscription.plan.partner}
    if is_to_staff:
        if not subscription.is_open(timezone.now()) and subscription.status != Status.SCHEDULED:
            raise Obsolete(_NO_ACCESS_ANY_MORE())
        return names
    _check(message, subscription)
    setting = PlanMail.objects.filter(plan=subscription.plan_id, kind=message.kind).first()
    if setting is not None and not setting.is_enabled:
        raise Obsolete(_SWITCHED_OFF())
    return {
        **names,
        "end": formats.date_format(dates.last_day(end)) if (end := subscription.access_until) else "",
        "own": setting.own_text(message.language) if setting else None,
    }


def _check(message: EmailMessage, subscription: Subscription) -> None:
    """Raise Withdrawn or Obsolete where the reason of a mail does not hold any more."""
    kind, has_access = message.kind, subscription.is_open(timezone.now())
    if kind in _OPENING and not has_access:
        why = _NO_ACCESS()
        raise Withdrawn(why) if message.key.startswith(GREETING_PREFIX) else Obsolete(why)
    if kind == Kind.PAYMENT_FAILED and (not has_access or subscription.status != Status.PAST_DUE):
        raise Obsolete(_NOT_AWAITED())
    if kind in (Kind.ENDED, Kind.REFUNDED) and has_access:
        raise Obsolete(_ACCESS_AGAIN())
    if kind == Kind.REFUNDED and subscription.status != Status.REFUNDED:
        raise Obsolete(_NO_REFUND())
    if kind == Kind.ENDS_SOON:
        is_meant = message.context.get("until") == _stamp(subscription.access_until)
        if not has_access or not is_meant or _is_renewed(subscription):
            raise Obsolete(_ENDS_OTHERWISE())
        if not PlanMail.objects.filter(plan=subscription.plan_id, kind=kind, is_enabled=True).exists():
            raise Obsolete(_SWITCHED_OFF())


def _returned(subscription: Subscription, fact: SubscriptionFact | None, *, mails: Mails) -> list[EmailMessage]:
    """Enqueue the mail of somebody who has access again, in place of a greeting that they never got."""
    kind = Kind.WELCOME_BACK if fact is not None and fact.kind in SALES else Kind.RESUMED
    first = emails.greeting_key(subscription)
    own = _member(subscription, kind, key=first, mails=mails)
    if not own and mails is Mails.SEND:
        held = EmailMessage.objects.filter(key=first, status=EmailMessage.Status.HELD).first()
        if held is not None and emails.release(held):
            own = [held]
    if not own:
        reason = fact.pk if fact is not None else _stamp(subscription.access_until)
        own = _member(subscription, kind, key=f"back:{subscription.pk}:{reason}", mails=mails)
    if own and mails is Mails.SEND and fact is not None and fact.kind == FactKind.PURCHASED:
        return [*own, *emails.notify_of_sale(subscription, is_new=False, key=f"staff:back:{fact.pk}")]
    return own


def _to_return(subscription: Subscription, fact: SubscriptionFact, *, mails: Mails) -> list[EmailMessage]:
    """Notify staff of a purchase that begins later. Who never got a greeting gets it as a welcome back, due then."""
    first = emails.greeting_key(subscription)
    own = _member(subscription, Kind.WELCOME_BACK, key=first, mails=mails, due=subscription.access_from)
    if mails is Mails.HOLD:
        return own
    return [*own, *emails.notify_of_sale(subscription, is_new=False, key=f"staff:back:{fact.pk}")]


def _begun(subscription: Subscription, start: datetime, *, mails: Mails) -> list[EmailMessage]:
    """Enqueue the welcome back to what was bought before and begins now, unless a greeting was due then."""
    is_return = subscription.started_at is not None and subscription.started_at < start
    greeting = EmailMessage.objects.filter(key=emails.greeting_key(subscription))
    if not is_return or greeting.filter(Q(status=EmailMessage.Status.PENDING) | Q(sent_at__gte=start)).exists():
        return []
    return _member(subscription, Kind.WELCOME_BACK, key=f"back:{subscription.pk}:{_stamp(start)}", mails=mails)


def _member(
    subscription: Subscription, kind: EmailMessage.Kind, *, key: str, mails: Mails, due: datetime | None = None
) -> list[EmailMessage]:
    """Enqueue one mail to the member. It waits where their greeting is held; nobody hears of an end who heard of no
    beginning.
    """
    if mails is Mails.HOLD and kind not in _OPENING:
        return []
    user = subscription.user
    is_yet_to_be_greeted = key != emails.greeting_key(subscription) and emails.is_yet_to_be_greeted(user)
    if is_yet_to_be_greeted and kind in (Kind.ENDED, Kind.REFUNDED):
        return []
    held = mails is Mails.HOLD or is_yet_to_be_greeted
    context = {"subscription": subscription.pk, "until": _stamp(subscription.access_until)}
    message = emails.enqueue(kind, key=key, to=user.email, user=user, context=context, held=held, due=due)
    return [message] if message else []


def _is_renewed(subscription: Subscription) -> bool:
    """Return whether a purchase that gives access now is paid for anew when its period ends."""
    if subscription.status == Status.CANCELED:
        return False
    renewing = Q(billing=Billing.SUBSCRIPTION)
    if subscription.plan.billing == Billing.SUBSCRIPTION:
        renewing |= Q(billing="")
    running = subscription.purchases.filter(renewing, is_grant=False, canceled_at__isnull=True)
    return running.filter(access_until__gt=timezone.now()).exists()


def _ends_soon_key(subscription: Subscription) -> str:
    return f"{Kind.ENDS_SOON}:{subscription.pk}:{_stamp(subscription.access_until)}"


def _stamp(moment: datetime | None) -> str:
    return moment.astimezone(timezone.get_default_timezone()).isoformat() if moment else ""
