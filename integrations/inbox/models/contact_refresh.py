"""Pending refreshes of contacts from their provider: one row a contact, so that a burst of events is one call."""

from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.insert_once import insert_once
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index

QUIET = timedelta(seconds=5)  # a burst has ended when nothing came for so long
AT_MOST = timedelta(seconds=60)  # a contact whose requests never pause is read so often


class ContactRefreshQuerySet(DeliveryQuerySet):
    def enqueue(self, *, provider: str, external_id: str) -> "ContactRefresh":
        """Request a refresh of the contact, due once no more requests came for a moment; return its one row.

        A refresh that is under way when this is called counts as too early: another one follows it.
        """
        now = timezone.now()
        due = now + QUIET
        row = ContactRefresh(
            provider=provider, external_id=external_id, last_requested_at=now, requested_at=now,
            next_attempt_at=due, wake_at=due,
        )  # fmt: skip
        with transaction.atomic(savepoint=False):
            if insert_once(row):
                return row
            row = self.select_for_update().get(provider=provider, external_id=external_id)
            if row.status != ContactRefresh.Status.PENDING:
                row.requeue(requested_at=now, last_requested_at=now)
                self.filter(pk=row.pk).update(next_attempt_at=due, wake_at=due)
            elif row.crashes or row.failures:
                # Being read, or waiting for its next try after a failure: both have their own time.
                self.filter(pk=row.pk).update(last_requested_at=now)
            else:
                due = min(due, row.requested_at + AT_MOST)
                self.filter(pk=row.pk).update(last_requested_at=now, next_attempt_at=due, wake_at=due)
        return row


class ContactRefresh(Delivery):
    """One contact at one provider, and when it was read last. A read that began before `last_requested_at` is stale."""

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    provider = models.CharField(_("provider"), max_length=30)
    external_id = models.CharField(_("remote ID"), max_length=100)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    last_requested_at = models.DateTimeField(_("last requested"), default=timezone.now)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    objects: Any = ContactRefreshQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact refresh")
        verbose_name_plural = _("contact refreshes")
        permissions = [("refresh_contact", "Can read a contact again at its provider")]
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="a_contact_has_one_reading"),
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "done", "failed"]), name="reading_status_is_known"
            ),
        ]
        indexes = [sweep_index("reading_to_be_woken"), models.Index(fields=["status", "-id"], name="reading_by_status")]

    def __str__(self) -> str:
        return f"{self.provider} contact {self.external_id}"
