"""The inbox: every accepted delivery, whole, with its attempts and effects."""

from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core import phrases
from core.insert_once import insert_statement, insert_values
from core.prunable import Prunable
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index
from integrations.issues.models import issue_index, issue_key

_EVENT = phrases.Phrase("{provider} {type} {number}", provider=phrases.PROVIDER)


class Status(models.TextChoices):
    PENDING = "pending", _("pending")
    PROCESSED = "processed", _("processed")
    IGNORED = "ignored", _("ignored")
    UNMATCHED = "unmatched", _("unmatched")
    FAILED = "failed", _("failed")


class InboxEvent(Prunable, Delivery):
    provider = models.CharField(_("provider"), max_length=30)
    endpoint = models.CharField(_("endpoint"), max_length=30)
    event_type = models.CharField(_("type"), max_length=100, blank=True)
    external_id = models.CharField(_("remote ID"), max_length=200, blank=True, db_index=True)
    key = models.CharField(_("key"), max_length=400, help_text=_("what makes two deliveries the same one"))
    body = models.BinaryField(_("raw body"))
    body_digest = models.CharField(max_length=64, help_text=_("SHA-256 of the raw body"))
    payload = models.JSONField(_("payload"), null=True, blank=True)
    headers = models.JSONField(_("headers"), default=dict, help_text=_("secrets are left out"))
    source_address = models.CharField(_("sender"), max_length=45, blank=True)
    is_signed = models.BooleanField(
        _("signed"), default=True, help_text=_("no: it came with a token, and is checked with the provider if possible")
    )
    person_email = models.CharField(_("person"), max_length=254, blank=True, db_index=True)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.PENDING)
    reason = models.TextField(_("why"), blank=True, help_text=_("why it is ignored, unmatched or failed"))
    awaits = models.CharField(
        _("waits for"), max_length=200, blank=True, help_text=_("the remote ID of the contact that must be known first")
    )
    duplicates = models.PositiveIntegerField(
        _("repeated"), default=0, help_text=_("further deliveries of the same event")
    )
    conflicts = models.PositiveIntegerField(
        _("contradicted"), default=0, help_text=_("deliveries with another body under this key")
    )
    last_duplicate_at = models.DateTimeField(_("last repeated"), null=True, blank=True)
    content_digest = models.CharField(
        max_length=64, blank=True, editable=False, help_text=_("of the payload, once that was removed")
    )
    is_erased = models.BooleanField(
        _("erased"), default=False, editable=False, help_text=_("its contents were removed with the person's data")
    )

    issue = issue_key()

    objects = DeliveryQuerySet.as_manager()

    # Known only to the request that brought it: the id in the reply, the field that cannot be read, and the rest of the
    # envelope.
    reply_id = ""
    unreadable_at: tuple[str, ...] = ()
    record = ""
    is_notice = False

    NAMED_BY = ("provider", "event_type", "external_id")

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        permissions = [
            ("replay_inboxevent", gettext_noop("Can retry and replay an event")),
            ("ignore_inboxevent", gettext_noop("Can set an event aside")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["provider", "key"], name="an_event_is_kept_once"),
            models.CheckConstraint(condition=models.Q(status__in=Status.values), name="event_status_is_known"),
        ]
        indexes = [
            sweep_index("event_to_be_woken"),
            issue_index("event_by_issue"),
            models.Index(fields=["status", "-id"], name="event_by_status"),
            models.Index(fields=["provider", "-id"], name="event_by_provider"),
            models.Index(fields=["event_type", "-id"], name="event_by_type"),
            models.Index(fields=["received_at"], name="event_by_time"),
            models.Index(fields=["provider", "awaits"], name="event_by_awaited", condition=~models.Q(awaits="")),
            models.Index(
                fields=["status", "finished_at"],
                name="event_to_be_pruned",
                condition=models.Q(finished_at__isnull=False, pruned_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return phrases.shown(self.cause_text)

    @property
    def cause_text(self) -> str:
        """The text of this event as the cause of a change, as it is stored."""
        return _EVENT(provider=self.provider, type=self.event_type or "?", number=self.external_id or self.pk)

    def store(self) -> bool:
        """Insert this event, or count it on the row that has its key, in one statement; True where the bodies agree.

        Afterwards `pk` is the stored row's; `duplicates` is 0 where this is the first delivery. The first body stands.
        """
        table = connection.ops.quote_name(self._meta.db_table)
        count = (
            f"(provider, key) DO UPDATE SET duplicates = {table}.duplicates + 1, "
            "last_duplicate_at = excluded.received_at"
        )
        sql = insert_statement(InboxEvent, count, ("id", "duplicates", "body_digest"))
        with connection.cursor() as cursor:
            cursor.execute(sql, insert_values(self))
            self.pk, self.duplicates, stored_digest = cursor.fetchone()
        return bool(stored_digest == self.body_digest)


class InboxAttempt(models.Model):
    """One attempt at an event; without an outcome it is under way, or its worker died."""

    class Outcome(models.TextChoices):
        STARTED = "started", _("started")
        DONE = "done", _("done")
        UNMATCHED = "unmatched", _("unmatched")
        RETRY = "retry", _("failed, will be tried again")
        FAILED = "failed", _("failed")
        LEASE_LOST = "lease_lost", _("too slow; another attempt took over")

    event = models.ForeignKey(InboxEvent, on_delete=models.CASCADE, related_name="attempt_rows")
    number = models.PositiveIntegerField(_("attempt"))
    started_at = models.DateTimeField(_("started"))
    duration_ms = models.PositiveIntegerField(_("took (ms)"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome.choices, default=Outcome.STARTED)
    error = models.TextField(_("error"), blank=True)
    traceback = models.TextField(_("traceback"), blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["event", "number"], name="attempts_are_numbered")]

    def __str__(self) -> str:
        return f"#{self.number} {self.outcome}"


class Effect(models.Model):
    """A change that an event led to, or would have, had it not been there already, with a link to its row."""

    event = models.ForeignKey(InboxEvent, on_delete=models.CASCADE, related_name="effects")
    description = models.CharField(_("what"), max_length=300)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.BigIntegerField()
    target: Any = GenericForeignKey("content_type", "object_id")

    class Meta:
        verbose_name = _("effect")
        verbose_name_plural = _("what it led to")
        ordering = ["id"]
        indexes = [models.Index(fields=["content_type", "object_id"], name="effect_by_target")]

    def __str__(self) -> str:
        return phrases.shown(self.description)
