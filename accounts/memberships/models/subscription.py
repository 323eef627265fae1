"""A user's subscription to a plan, its purchases, the facts these follow from and the history of its status.

The facts are the truth: what was reported or pressed, each once. Purchases and subscription are computed from all of
them (`accounts.memberships.subscription_state`), so the order in which they arrive cannot matter.
"""

from datetime import date, datetime
from functools import cached_property

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Case, F, Q, When
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.memberships.access_span import AccessSpan
from accounts.memberships.assignment import Rule
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models.plan import Plan
from accounts.memberships.purchase_state import Question, Status
from accounts.memberships.terms import Billing, StatedTerms
from accounts.people.models.user import User
from core import dates


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def of(self, user: User | AnonymousUser) -> "SubscriptionQuerySet":
        """The user's own with their plans; none for a visitor."""
        return self.filter(user=user).select_related("plan") if isinstance(user, User) else self.none()

    def giving_access(self, now: datetime | None = None) -> "SubscriptionQuerySet":
        """Those whose plan may be used now."""
        return self.filter(gives_access(now))

    def best_first(self) -> "SubscriptionQuerySet":
        """Those that give access, then the others; of either the newest first."""
        has_access = Case(When(gives_access(), then=0), default=1, output_field=models.IntegerField())
        return self.order_by(has_access, "-pk")

    def due(self, now: datetime | None = None) -> "SubscriptionQuerySet":
        """Those whose state the clock has changed since it was computed."""
        return self.filter(next_change_at__lte=now or timezone.now())


def gives_access(now: datetime | None = None, *, prefix: str = "") -> Q:
    """Return the condition of access; `prefix` is the way to the subscription, with its "__"."""
    now = now or timezone.now()
    until = f"{prefix}access_until"
    return Q((f"{prefix}access_from__lte", now)) & (Q((f"{until}__isnull", True)) | Q((f"{until}__gt", now)))


class Subscription(AccessSpan, models.Model):
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="subscriptions", verbose_name=_("user"))
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions", verbose_name=_("plan"))
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    current_period_end = models.DateTimeField(_("paid until"), null=True, blank=True, editable=False)
    access_from = models.DateTimeField(_("access from"), null=True, blank=True, editable=False)
    access_until = models.DateTimeField(
        _("access until"), null=True, blank=True, editable=False, help_text=_("with grace days; empty: no end")
    )
    next_change_at = models.DateTimeField(null=True, blank=True, editable=False)
    canceled_at = models.DateTimeField(_("canceled"), null=True, blank=True, editable=False)
    provider = models.CharField(_("provider"), max_length=30, blank=True, editable=False)
    external_member_id = models.CharField(_("external member ID"), max_length=100, blank=True, editable=False)
    external_offer_id = models.CharField(_("external offer ID"), max_length=100, blank=True, editable=False)
    external_purchase_id = models.CharField(_("external purchase ID"), max_length=100, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SubscriptionQuerySet.as_manager()

    NAMED_BY = ("user__email", "plan__name")

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.UniqueConstraint(fields=["user", "plan"], name="one_subscription_for_user_and_plan"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="subscription_status_is_known"),
        ]
        indexes = [
            models.Index(fields=["access_until"], name="subscription_by_access"),
            models.Index(fields=["next_change_at"], name="subscription_due", condition=Q(next_change_at__isnull=False)),
            models.Index(fields=["status", "-id"], name="subscription_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.plan}"

    @property
    def has_access(self) -> bool:
        return self.is_open(timezone.now())

    @property
    def last_day(self) -> date | None:
        """The last day of access that members are shown: of what is paid, then of the grace days. None: no end."""
        end = self.access_until
        if self.has_access and self.current_period_end and self.current_period_end > timezone.now():
            end = self.current_period_end
        return dates.last_day(end) if end else None

    @property
    def days_left(self) -> int | None:
        """Days of access after today, 0 where there is none; None where it has no end."""
        if not self.has_access:
            return 0
        return (self.last_day - timezone.localdate()).days if self.last_day else None


class Purchase(models.Model):
    """One sale or grant of the subscription's plan, computed from the facts about it.

    `key` is the key of the first of these facts. `periods` are what its payments pay for: {"start", "end", "paid_at",
    "trial", "transactions"} each. Amounts in minor units.
    """

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="purchases", verbose_name=_("subscription")
    )
    key = models.CharField(max_length=200, editable=False)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, editable=False)
    is_grant = models.BooleanField(_("given by staff"), default=False, editable=False)
    external_id = models.CharField(_("remote ID"), max_length=100, blank=True, editable=False, db_index=True)
    external_offer_id = models.CharField(_("external offer ID"), max_length=100, blank=True, editable=False)
    billing = models.CharField(_("billing"), max_length=20, blank=True, choices=Billing.choices, editable=False)
    quantity = models.PositiveIntegerField(_("seats"), default=1, editable=False)
    amount = models.BigIntegerField(_("price in cents"), null=True, blank=True, editable=False)
    refunded = models.BigIntegerField(_("refunded in cents"), default=0, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    anchor_at = models.DateTimeField(
        _("anchor"), null=True, blank=True, editable=False, help_text=_("Later periods are counted from this day.")
    )
    paid_until = models.DateTimeField(_("paid until"), null=True, blank=True, editable=False)
    access_until = models.DateTimeField(_("access until"), null=True, blank=True, editable=False)
    canceled_at = models.DateTimeField(_("canceled"), null=True, blank=True, editable=False)
    periods = models.JSONField(_("periods"), default=list, blank=True, editable=False)

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        ordering = ["started_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "key"], name="a_purchase_is_kept_once"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="purchase_status_is_known"),
        ]

    def __str__(self) -> str:
        if self.external_id:
            return self.external_id
        if self.is_grant:
            return str(_("given by staff"))
        return date_format(timezone.localtime(self.started_at), "SHORT_DATE_FORMAT") if self.started_at else self.key

    @property
    def has_access(self) -> bool:
        now, start = timezone.now(), self.started_at or self.canceled_at
        return start is not None and start <= now and (self.access_until is None or self.access_until > now)


class SubscriptionFact(models.Model):
    """A fact about a subscription, as received; the same fact received again has the same key.

    What was received never changes. `purchase`, `rule` and `question` are computed from all facts; `chosen` and
    `answered_at` are staff's answer to the question.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="facts")
    key = models.CharField(max_length=200, help_text=_("what makes it this fact and no other"))
    kind = models.CharField(_("what"), max_length=20, choices=FactKind.choices)
    occurred_at = models.DateTimeField(_("happened"))
    learned_at = models.DateTimeField(_("learned"), auto_now_add=True)
    period_end = models.DateTimeField(_("stated end"), null=True, blank=True)
    references = models.JSONField(
        _("ids"), default=dict, help_text=_("external IDs of member, offer, purchase and transaction")
    )
    terms = models.JSONField(_("stated terms"), default=dict, blank=True)
    purchase = models.ForeignKey(
        Purchase,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="facts",
        verbose_name=_("purchase"),
        help_text=_("empty: it is about all of them, or about none"),
    )
    rule = models.CharField(_("assigned because"), max_length=20, blank=True, choices=Rule.choices)
    question = models.CharField(_("to be decided"), max_length=20, blank=True, choices=Question.choices)
    chosen = models.CharField(
        max_length=200, blank=True, help_text=_("staff's answer: the key of another fact of the same purchase")
    )
    answered_at = models.DateTimeField(_("decided"), null=True, blank=True)
    cause = models.CharField(_("source"), max_length=200)
    event_id = models.BigIntegerField(null=True, blank=True)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    NAMED_BY = ("subscription__user__email", "subscription__plan__name")

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("facts")
        ordering = ["occurred_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "key"], name="a_fact_is_kept_once"),
            models.CheckConstraint(condition=Q(kind__in=FactKind.values), name="fact_kind_is_known"),
        ]
        indexes = [
            models.Index(
                fields=["-id"], name="fact_to_be_decided", condition=~Q(question="") & Q(answered_at__isnull=True)
            ),
            models.Index(fields=["kind", "-id"], name="fact_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {date_format(timezone.localtime(self.occurred_at), 'SHORT_DATETIME_FORMAT')}"

    @cached_property
    def fact(self) -> Fact:
        """The received fact in the form from which states are computed."""
        return Fact(
            key=self.key,
            kind=self.kind,
            occurred_at=self.occurred_at,
            period_end=self.period_end,
            references=self.references,
            terms=StatedTerms.from_json(self.terms),
            chosen=self.chosen,
        )


class SubscriptionTransition(models.Model):
    """One change of a subscription's status: when it happened, when we learned it and through what. Never changed."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="transitions")
    from_status = models.CharField(_("from"), max_length=20, blank=True, choices=Status.choices)
    to_status = models.CharField(_("to"), max_length=20, choices=Status.choices)
    occurred_at = models.DateTimeField(_("happened"))
    learned_at = models.DateTimeField(_("learned"), auto_now_add=True)
    cause = models.CharField(_("source"), max_length=200)
    event_id = models.BigIntegerField(null=True, blank=True)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("change of status")
        verbose_name_plural = _("history")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(from_status=F("to_status")), name="a_transition_changes_the_status"),
        ]

    def __str__(self) -> str:
        return f"{self.from_status or '—'} → {self.to_status}"
