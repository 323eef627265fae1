"""Pending refreshes of contacts from their provider: one row a contact, so that a burst of events is one call."""

from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.insert_once import insert_once
from core.provider_names import provider_title
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index
from core.queue.wakeup import wake_on_commit
from integrations.issues.models import issue_index, issue_key

QUIET = timedelta(seconds=5)  # a burst has ended when nothing came for so long
AT_MOST = timedelta(seconds=60)  # a contact whose requests never pause is read so often
BREATH = timedelta(seconds=1)  # the same pause where the first request of a burst is served at once


class ContactRefreshQuerySet(DeliveryQuerySet):
    def enqueue(self, *, provider: str, external_id: str, at_once: bool = False) -> "ContactRefresh":
        """Request a refresh of the contact, due once no more requests came for a moment; return its one row.

        With `at_once` the first request is due now, and those that follow in a burst are one more refresh behind it. A
        refresh that is under way when this is called counts as too early: another one follows it.
        """
        now = timezone.now()
        pause = BREATH if at_once else QUIET
        row = ContactRefresh(provider=provider, external_id=external_id, requested_at=now, last_requested_at=now)
        row.next_attempt_at = now if at_once else now + pause
        row.schedule_wake_up()
        with transaction.atomic(savepoint=False):
            if not insert_once(row):
                row = self.select_for_update().get(provider=provider, external_id=external_id)
                if row.status != ContactRefresh.Status.PENDING:
                    was_just_read = row.read_at is not None and row.read_at > now - pause
                    due = now if at_once and not was_just_read else now + pause
                    row.requeue(due=due, requested_at=now, last_requested_at=now)
                elif row.crashes or row.failures or row.next_attempt_at <= now:
                    # Being read, or waiting for its next try after a failure: both have their own time. What is due
                    # is read after this request anyway.
                    self.filter(pk=row.pk).update(last_requested_at=now)
                    return row
                else:
                    row.requeue(due=min(now + pause, row.requested_at + AT_MOST), last_requested_at=now)
            wake_on_commit(row)
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

    issue = issue_key()

    objects: Any = ContactRefreshQuerySet.as_manager()

    NAMED_BY = ("provider", "external_id")

    class Meta:
        verbose_name = _("contact refresh")
        verbose_name_plural = _("contact refreshes")
        permissions = [("refresh_contact", gettext_noop("Can read a contact again at its provider"))]
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="a_contact_has_one_reading"),
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "done", "failed"]), name="reading_status_is_known"
            ),
        ]
        indexes = [
            sweep_index("reading_to_be_woken"),
            issue_index("reading_by_issue"),
            models.Index(fields=["status", "-id"], name="reading_by_status"),
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {_('contact')} {self.external_id}"
