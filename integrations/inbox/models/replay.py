"""Replays: many events that are processed again, in the background and at a pace."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index
from integrations.inbox.models.event import InboxEvent
from integrations.inbox.models.event import Status as EventStatus

REMEMBERED = 1000  # events that a replay did not process; the home page looks at each of them


class ReplayQuerySet(DeliveryQuerySet):
    def with_failures(self) -> "ReplayQuerySet":
        """Return those that failed, or ended without processing events that are still failed or unmatched."""
        links = Replay.unsettled_events.through._base_manager.filter(replay=OuterRef("pk"))
        still = links.filter(inboxevent__status__in=(EventStatus.FAILED, EventStatus.UNMATCHED))
        ended = Q(status=Replay.Status.DONE, unsettled__gt=0) & Exists(still)
        return self.filter(Q(status=Replay.Status.FAILED) | ended)


class Replay(Delivery):
    """A filter or a selection of events, and how far processing them again has come.

    Its events come in the order in which they were received, from `place` (the last one begun) to `last_id`: what is
    received later is not in it. The place and the event that falls due are committed together, so that a worker that
    dies begins no event twice; `is_counted` is False until the result of the event at `place` is counted. `key` is made
    with the plan that staff saw: pressed twice, it begins once. `unsettled_events` are the first REMEMBERED of those
    that it did not process.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("running")
        STOPPED = "stopped", _("stopped")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    key = models.UUIDField(unique=True, default=uuid4, editable=False)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    provider = models.CharField(_("provider"), max_length=30, blank=True)
    event_type = models.CharField(_("type"), max_length=100, blank=True)
    event_status = models.CharField(_("status of the events"), max_length=20, choices=EventStatus.choices, blank=True)
    since = models.DateTimeField(_("received since"), null=True, blank=True)
    until = models.DateTimeField(_("received before"), null=True, blank=True)
    person = models.CharField(_("person"), max_length=254, blank=True, db_index=True)
    event_ids: Any = models.JSONField(_("numbers of the events"), default=list, blank=True)
    pace = models.PositiveIntegerField(_("events a minute"), validators=[MinValueValidator(1)])
    last_id = models.BigIntegerField(editable=False)
    place = models.BigIntegerField(default=0, editable=False)
    is_counted = models.BooleanField(default=True, editable=False)
    total = models.PositiveIntegerField(_("events"))
    done = models.PositiveIntegerField(_("processed again"), default=0)
    changed = models.PositiveIntegerField(_("changed something"), default=0)
    unsettled = models.PositiveIntegerField(_("not processed"), default=0)
    unsettled_events = models.ManyToManyField(InboxEvent, related_name="replays", editable=False)
    cause = models.CharField(_("source"), max_length=200)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("started by"),
    )
    created_at = models.DateTimeField(_("started"), default=timezone.now)

    objects = ReplayQuerySet.as_manager()

    NAMED_BY = ("provider", "event_type", "person")

    class Meta:
        verbose_name = _("replay of events")
        verbose_name_plural = _("replays of events")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["pending", "stopped", "done", "failed"]), name="replay_status_is_known"
            ),
            models.CheckConstraint(condition=Q(pace__gte=1), name="replay_has_a_pace"),
        ]
        indexes = [sweep_index("replay_to_be_woken"), models.Index(fields=["status", "-id"], name="replay_by_status")]

    def __str__(self) -> str:
        chosen = " ".join(filter(None, (self.provider, self.event_type, self.person)))
        return f"{self._meta.verbose_name} {chosen or self.pk}"
