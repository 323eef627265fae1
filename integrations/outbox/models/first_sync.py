"""The first sync: both sides are read, staff look at what would be written, and one of them starts writing."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index

GUIDED = "guided"  # the value of CONTACT_SYNC where staff start writing
LONG_PAUSE = timedelta(days=30)  # without a reading; then staff look again before anything is written
NOTED_EVERY = timedelta(hours=1)


class FirstSyncQuerySet(DeliveryQuerySet):
    def holds_writes(self) -> bool:
        """Return whether nothing may be written yet: nobody started it, or nothing was read for so long since."""
        return not self.in_use().exists()

    def in_use(self) -> "FirstSyncQuerySet":
        """Return the starts that let writes through now; there is none exactly where writes are held."""
        return self.filter(status=FirstSync.Status.STARTED, read_at__gte=timezone.now() - LONG_PAUSE)

    def note_reading(self) -> None:
        """Note that a contact or a list was read; a pause that was too long stays one."""
        if settings.CONTACT_SYNC != GUIDED:
            return
        now = timezone.now()
        started = self.filter(status=FirstSync.Status.STARTED, read_at__gt=now - LONG_PAUSE)
        started.filter(read_at__lt=now - NOTED_EVERY).update(read_at=now)


class FirstSync(Delivery):
    """One look at both sides. The job ends as `ready` when both are read and compared; staff make it `started`.

    `position` is the last contact that was compared; `figures` are those that staff confirmed.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("reading")
        READY = "ready", _("ready")
        STARTED = "started", _("writing")
        FAILED = "failed", _("failed")

    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    position = models.BigIntegerField(default=0, editable=False)
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    started_at = models.DateTimeField(_("writing since"), null=True, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    figures = models.JSONField(_("figures"), default=dict)
    read_at = models.DateTimeField(_("last read"), null=True, blank=True)

    objects: Any = FirstSyncQuerySet.as_manager()

    class Meta:
        verbose_name = _("first sync")
        verbose_name_plural = _("first syncs")
        constraints = [
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="pending"), name="one_first_sync_is_being_read"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "ready", "started", "failed"]), name="first_sync_status_is_known"
            ),
        ]
        indexes = [sweep_index("first_sync_to_be_woken")]

    def __str__(self) -> str:
        return f"first sync {self.pk}"
