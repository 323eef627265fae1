"""Timeline of a person: memberships, mails, points, changed values, and what staff did."""

from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, TextField, Value, When
from django.utils.translation import gettext as _

from accounts.courses.models import PointsEntry
from accounts.mail import undelivered
from accounts.mail.admin.emails import reason_of
from accounts.mail.models import EmailMessage
from accounts.memberships.facts import FactKind
from accounts.memberships.models import SubscriptionFact, SubscriptionTransition
from accounts.memberships.purchase_state import Status
from accounts.people.admin.contact_history import CHANGES
from accounts.people.admin.person import Shown
from accounts.people.models import ContactChange
from accounts.staff.admin.audit_words import action_label
from accounts.staff.models import AuditEntry
from core.console import timeline
from core.console.links import EVENTS, badge, row_url
from core.console.names import model_of
from core.console.timeline import Entry, Row, Source
from core.field_names import field_label
from core.provider_names import provider_title

_NOT_ARRIVED = (EmailMessage.Status.BOUNCED, EmailMessage.Status.FAILED)
_DELAYED = "delayed"  # pending after a failure: nobody has to decide, but what is wrong is said
_MAIL_STATUS = Case(When(undelivered.DELAYED, then=Value(_DELAYED)), default="status", output_field=TextField())
_WHY = Case(
    When(Q(status__in=_NOT_ARRIVED) | undelivered.DELAYED, then="last_error"), default="key", output_field=TextField()
)


def _event_url(row: Row) -> str:
    return row_url(EVENTS, row.event) if row.event else ""


def _transition(row: Row) -> Entry:
    status, plan, cause, reason = row.texts
    return Entry(
        at=row.at,
        sort=_("Membership"),
        title=plan,
        state=badge(status, Status(status).label),
        cause=cause,
        reason=reason,
        cause_url=_event_url(row),
    )


def _given(row: Row) -> Entry:
    kind, plan, cause, reason = row.texts
    return Entry(
        at=row.at,
        sort=_("Membership"),
        title=plan,
        state=badge("past", FactKind(kind).label),
        cause=cause,
        reason=reason,
    )


def _mail(row: Row) -> Entry:
    kind, status, to, why = row.texts
    has_failed = status in (*_NOT_ARRIVED, _DELAYED)
    status = EmailMessage.Status.PENDING.value if status == _DELAYED else status
    return Entry(
        at=row.at,
        sort=_("Mail"),
        title=_("%(mail)s to %(address)s") % {"mail": EmailMessage.Kind(kind).label, "address": to},
        url=row_url("admin:accounts_emailmessage", row.key),
        state=badge(status, EmailMessage.Status(status).label),
        cause=why if has_failed else reason_of(EmailMessage(kind=kind, key=why)),
    )


def _points(row: Row) -> Entry:
    points, activity, cause, reason = row.texts
    return Entry(
        at=row.at,
        sort=_("Points"),
        title=f"{int(points):+} · {activity}",
        url=row_url("admin:accounts_pointsentry", row.key),
        cause=cause,
        reason=reason,
        cause_url=_event_url(row),
    )


def _change(row: Row) -> Entry:
    name, kind, cause, provider = row.texts
    return Entry(
        at=row.at,
        sort=_("Value"),
        title=field_label(name),
        url=row_url(CHANGES, row.key),
        state=badge("past", ContactChange.Kind(kind).label),
        cause=cause or provider_title(provider),
    )


def _audited(row: Row) -> Entry:
    action, outcome, actor, target = row.texts
    model = model_of(target)
    return Entry(
        at=row.at,
        sort=_("Staff"),
        title=action_label(action),
        url=row_url("admin:accounts_auditentry", row.key),
        state=badge(outcome, AuditEntry.Outcome(outcome).label),
        cause=actor or (str(model._meta.verbose_name) if model else target),
    )


def _given_to(person: Shown) -> Any:
    """Return what staff did to subscriptions without a change of status, which says so itself."""
    if person.user is None:
        return None
    same = {name: OuterRef(name) for name in ("subscription", "staff", "occurred_at")}
    facts = SubscriptionFact.objects.filter(subscription__user=person.user, staff__isnull=False)
    return facts.exclude(Exists(SubscriptionTransition.objects.filter(**same)))


def _transitions_of(person: Shown) -> Any:
    return SubscriptionTransition.objects.filter(subscription__user=person.user) if person.user else None


timeline.register(
    Source(
        permission="accounts.view_subscription",
        rows=_given_to,
        at="occurred_at",
        texts=("kind", "subscription__plan__name", "cause", "reason"),
        entry=_given,
    ),
    Source(
        permission="accounts.view_subscription",
        rows=_transitions_of,
        at="occurred_at",
        event="event_id",
        texts=("to_status", "subscription__plan__name", "cause", "reason"),
        entry=_transition,
    ),
    Source(
        permission="accounts.view_emailmessage",
        rows=lambda person: EmailMessage.objects.filter(user=person.user) if person.user else None,
        at="created_at",
        texts=("kind", _MAIL_STATUS, "to", _WHY),
        entry=_mail,
        opened=lambda person: [undelivered.unresolved(status).filter(user=person.user) for status in _NOT_ARRIVED],
    ),
    Source(
        permission="accounts.view_pointsentry",
        rows=lambda person: PointsEntry.objects.filter(user=person.user) if person.user else None,
        at="created_at",
        event="event_id",
        texts=("points", "activity__name", "cause", "reason"),
        entry=_points,
    ),
    Source(
        permission="accounts.view_contactchange",
        rows=lambda person: ContactChange.objects.filter(contact=person.contact) if person.contact else None,
        at="recorded_at",
        texts=("name", "kind", "cause", "provider"),
        entry=_change,
    ),
    Source(
        permission="accounts.view_auditentry",
        rows=lambda person: AuditEntry.objects.of_person(user_id=person.user_id, contact_id=person.contact_id),
        at="recorded_at",
        texts=("action", "outcome", "actor__email", "target_type"),
        entry=_audited,
    ),
)
