"""Model of issues, and the column by which a failed row names its issue."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.phrases import shown
from core.provider_names import provider_title


class Issue(models.Model):
    """Failures of one provider, kind, type and cause; of the kind DRIFT, changes of payloads instead of failures.

    `failures` counts the ends as failed, also of rows that failed several times; of DRIFT the events with a changed
    field, summed up by field. `changes` counts the changes of
    state, and `announced` how many of them went to Slack. Each opening has one mail.
    """

    class Kind(models.TextChoices):
        EVENT = "event", _("event")
        READING = "reading", _("reading of a contact")
        WRITE = "write", _("write to a provider")
        DRIFT = "drift", _("changed structure of events")

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        RESOLVED = "resolved", _("resolved")
        IGNORED = "ignored", _("ignored")

    provider = models.CharField(_("provider"), max_length=30)
    kind = models.CharField(_("subject"), max_length=10, choices=Kind.choices)
    type = models.CharField(_("type"), max_length=100, blank=True)
    cause = models.CharField(_("cause"), max_length=300)
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.OPEN)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )
    failures = models.PositiveIntegerField(_("failures"), default=0)
    first_seen_at = models.DateTimeField(_("first seen"), default=timezone.now)
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    changed_at = models.DateTimeField(_("since"), default=timezone.now)
    changes = models.PositiveIntegerField(default=1, editable=False)
    announced = models.PositiveIntegerField(default=0, editable=False)

    NAMED_BY = ("provider", "type", "cause")

    class Meta:
        verbose_name = _("issue")
        verbose_name_plural = _("issues")
        constraints = [
            models.UniqueConstraint(fields=["provider", "kind", "type", "cause"], name="an_issue_has_one_cause"),
            models.CheckConstraint(
                condition=Q(status__in=["open", "acknowledged", "resolved", "ignored"]), name="issue_status_is_known"
            ),
        ]
        indexes = [models.Index(fields=["status", "-last_seen_at"], name="issue_by_status")]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {self.type or self.get_kind_display()}: {shown(self.cause)}"


def issue_key() -> Any:
    """Return the column of a row's newest issue, for a model that has the index of `issue_index` too."""
    return models.ForeignKey(
        "integrations.Issue",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        db_index=False,  # few rows ever fail: see `issue_index`
        related_name="+",
        verbose_name=_("issue"),
    )


def issue_index(name: str) -> models.Index:
    return models.Index(fields=["issue"], name=name, condition=Q(issue__isnull=False))
