"""Model of the values that could not be written at a provider, each a question to staff until it is settled."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people.models import Contact
from integrations.outbox.models.write import OutgoingWrite


class RefusedValue(models.Model):
    """A value of ours that a provider refused, or that is nothing that could be written there.

    One row for each field of a contact at a provider: another value that is refused later opens it again. `settled`
    ends it without staff: the value was written after all, or ours changed. What staff left out is not sent there again
    as long as it is this value.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("to be decided")
        LEFT_OUT = "left_out", _("left out")
        SETTLED = "settled", _("settled")

    provider = models.CharField(_("provider"), max_length=30)
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="refused_values", verbose_name=_("contact")
    )
    name = models.CharField(_("field"), max_length=150)
    value: Any = models.JSONField(_("value in Enlace"), null=True)
    reason = models.TextField(_("why"))
    write = models.ForeignKey(
        OutgoingWrite,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("outgoing write"),
    )
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.OPEN)
    refused_at = models.DateTimeField(_("refused"), default=timezone.now)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )

    NAMED_BY = ("contact__email", "name")

    class Meta:
        verbose_name = _("refused value")
        verbose_name_plural = _("refused values")
        constraints = [
            models.UniqueConstraint(fields=["contact", "provider", "name"], name="a_value_is_refused_once"),
            models.CheckConstraint(
                condition=Q(status__in=["open", "left_out", "settled"]), name="refused_value_status_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["-id"], name="refused_value_open", condition=Q(status="open")),
            models.Index(fields=["status", "-id"], name="refused_value_by_status"),
            models.Index(fields=["provider", "-id"], name="refused_value_by_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.name}"
