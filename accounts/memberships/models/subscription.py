"""A user's subscription to a plan, the facts it follows from and the history of its status.

The facts are the truth: what was reported or pressed, each once. The subscription's columns are computed from all of
them (`accounts.memberships.subscription_state`), so the order in which they arrive cannot matter.
"""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.memberships.models.plan import Plan
from accounts.people.models.user import User


class Status(models.TextChoices):
    ACTIVE = "active", _("active")
    CANCELED = "canceled", _("canceled")
    EXPIRED = "expired", _("expired")
    REFUNDED = "refunded", _("refunded")


class FactKind(models.TextChoices):
    PURCHASED = "purchased", _("purchased")
    PAID = "paid", _("paid")
    RENEWED = "renewed", _("renewed")
    CANCELED = "canceled", _("canceled")
    EXPIRED = "expired", _("expired")
    REFUNDED = "refunded", _("refunded")
    EXTENDED = "extended", _("extended")
    CONFIRMED = "confirmed", _("confirmed as active")


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def of(self, user: User | AnonymousUser) -> "SubscriptionQuerySet":
        """The user's own with their plans; none for a visitor."""
        return self.filter(user=user).select_related("plan") if isinstance(user, User) else self.none()

    def giving_access(self, now: datetime | None = None) -> "SubscriptionQuerySet":
        """Those whose plan may be used now: active or canceled, and the paid period has not ended."""
        return self.filter(status__in=[Status.ACTIVE, Status.CANCELED], current_period_end__gt=now or timezone.now())

    def ended(self, now: datetime | None = None) -> "SubscriptionQuerySet":
        """Those that ran out but are not marked as expired yet."""
        return self.filter(status__in=[Status.ACTIVE, Status.CANCELED], current_period_end__lte=now or timezone.now())


class Subscription(models.Model):
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="subscriptions", verbose_name=_("user"))
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions", verbose_name=_("plan"))
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    current_period_end = models.DateTimeField(_("access until"), null=True, blank=True, editable=False)
    canceled_at = models.DateTimeField(_("canceled"), null=True, blank=True, editable=False)
    provider = models.CharField(_("provider"), max_length=30, blank=True, editable=False)
    external_member_id = models.CharField(_("external member ID"), max_length=100, blank=True, editable=False)
    external_offer_id = models.CharField(_("external offer ID"), max_length=100, blank=True, editable=False)
    external_purchase_id = models.CharField(_("external purchase ID"), max_length=100, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [
            models.UniqueConstraint(fields=["user", "plan"], name="one_subscription_for_user_and_plan"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="subscription_status_is_known"),
            models.CheckConstraint(
                condition=Q(status__in=[Status.EXPIRED, Status.REFUNDED]) | Q(current_period_end__isnull=False),
                name="access_has_an_end",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "current_period_end"], name="subscription_by_end"),
            models.Index(fields=["status", "-id"], name="subscription_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.plan}"

    @property
    def has_access(self) -> bool:
        return (
            self.status in (Status.ACTIVE, Status.CANCELED)
            and self.current_period_end is not None
            and self.current_period_end > timezone.now()
        )

    @property
    def days_left(self) -> int:
        """Whole days of access left, 0 where there is none."""
        if not self.has_access or self.current_period_end is None:
            return 0
        return (self.current_period_end - timezone.now()).days


class SubscriptionFact(models.Model):
    """A fact about a subscription, as received. Never changed; the same fact received again has the same key."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="facts")
    key = models.CharField(max_length=200, help_text=_("what makes it this fact and no other"))
    kind = models.CharField(_("what"), max_length=20, choices=FactKind.choices)
    occurred_at = models.DateTimeField(_("happened"))
    learned_at = models.DateTimeField(_("learned"), auto_now_add=True)
    period_end = models.DateTimeField(_("stated end"), null=True, blank=True)
    references = models.JSONField(
        _("ids"), default=dict, help_text=_("external IDs of member, offer, purchase and transaction")
    )
    cause = models.CharField(_("source"), max_length=200)
    event_id = models.BigIntegerField(null=True, blank=True)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("facts")
        ordering = ["occurred_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "key"], name="a_fact_is_kept_once"),
            models.CheckConstraint(condition=Q(kind__in=FactKind.values), name="fact_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.occurred_at:%Y-%m-%d %H:%M}"


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
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
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
