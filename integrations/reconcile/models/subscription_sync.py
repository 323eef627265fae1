"""Syncs of one member's subscription that staff requested; at most one of a member is open."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people.models import User
from core.provider_names import provider_title
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index


class SubscriptionSync(Delivery):
    """A sync of a member's subscription with the provider's purchases.

    `outcome` says how it ended; a failed sync without one could not reach the provider.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    class Outcome(models.TextChoices):
        SYNCED = "synced", _("equal now")
        NO_PURCHASE = "no_purchase", _("no purchase at the provider; nothing was changed")
        CONFLICT = "conflict", _("needs your decision: unclear who is who")
        NOT_CONFIGURED = "not_configured", _("the API is not configured")
        REFUSED = "refused", _("the provider refused")

    provider = models.CharField(_("provider"), max_length=30)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("user"))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome.choices, blank=True)
    old_status = models.CharField(_("status before"), max_length=20, blank=True)
    new_status = models.CharField(_("status after"), max_length=20, blank=True)
    cause = models.CharField(_("source"), max_length=200)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    NAMED_BY = ("provider", "user__email")

    class Meta:
        verbose_name = _("sync of a subscription")
        verbose_name_plural = _("syncs of subscriptions")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "user"], condition=Q(status="pending"), name="one_open_sync_of_a_member"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "done", "failed"]), name="subscription_sync_status_is_known"
            ),
        ]
        indexes = [
            sweep_index("sync_to_be_woken"),
            models.Index(fields=["status", "-id"], name="subscription_sync_by_status"),
            models.Index(fields=["provider", "-id"], name="sync_by_provider"),
            models.Index(
                fields=["finished_at"], name="subscription_sync_by_end", condition=Q(finished_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {self.user}"
