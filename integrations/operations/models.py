"""State of alerts: the newest value of each rule for each provider, and whether staff were notified."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index


class AlertState(models.Model):
    """One rule for one provider (or channel). Staff are notified of each of its `changes`, raised or cleared, once."""

    rule = models.CharField(_("rule"), max_length=40)
    subject = models.CharField(_("provider"), max_length=60)
    is_raised = models.BooleanField(_("raised"), default=False)
    value = models.FloatField(_("value"), null=True, blank=True)
    sample = models.PositiveIntegerField(_("out of"), default=0, help_text=_("how many rows the value was taken from"))
    since = models.DateTimeField(_("since"), default=timezone.now)
    changes = models.PositiveIntegerField(_("changes"), default=0)
    evaluated_at = models.DateTimeField(_("evaluated"), default=timezone.now)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        permissions = [("view_metrics", "Can view metrics")]
        constraints = [models.UniqueConstraint(fields=["rule", "subject"], name="a_rule_has_one_state_for_a_provider")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}"


class Notice(Delivery):
    """A message to Slack; `key` is its reason, which sends one message."""

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")

    key = models.CharField(_("reason"), max_length=200, unique=True)
    text = models.TextField(_("text"))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    created_at = models.DateTimeField(_("queued since"), default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("message to Slack")
        verbose_name_plural = _("messages to Slack")
        permissions = [("resend_notice", "Can post a message to Slack again")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "sent", "failed"]), name="notice_status_is_known"
            )
        ]
        indexes = [
            sweep_index("notice_to_be_woken"),
            models.Index(fields=["finished_at"], name="notice_by_end", condition=models.Q(finished_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.key
