"""Tables of operations: alerts, figures of the home page, daily closes, silences, drift, messages to Slack."""

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.provider_names import provider_title
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index
from integrations.operations.balance import Compared, State


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

    NAMED_BY = ("rule", "subject")

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        permissions = [("view_metrics", gettext_noop("Can view metrics"))]
        constraints = [models.UniqueConstraint(fields=["rule", "subject"], name="a_rule_has_one_state_for_a_provider")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}"


class Figure(models.Model):
    """A count over an hour or a day, for the home page: made by the clock, so that no page counts a million rows.

    `numbers` are what was counted, by name; `at` is where the hour or day begins. A figure that is not there was not
    counted, which is not zero.
    """

    class Kind(models.TextChoices):
        EVENTS = "events", "events of a provider received in the hour, by status"
        LATENCY = "latency", "seconds from received to done of a provider in the 24 hours before"
        MAILS = "mails", "mails requested in the 24 hours before, by status"
        HOOKS = "hooks", "events of a provider without a hook that leads here"
        RHYTHM = "rhythm", "arrivals of a provider by hour of the week, and how long a silence is usual"
        MEMBERS = "members", "subscriptions at the end of the day, by status"
        CLOCK = "clock", "a time in which the clock ran, until it was counted last"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject = models.CharField(max_length=30, blank=True)
    at = models.DateTimeField()
    numbers = models.JSONField(default=dict)
    counted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        constraints = [models.UniqueConstraint(fields=["kind", "subject", "at"], name="a_figure_is_counted_once")]
        indexes = [models.Index(fields=["at"], name="figure_by_time")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} {date_format(timezone.localtime(self.at), 'SHORT_DATETIME_FORMAT')}"


class DailyClose(models.Model):
    """The close of one provider's business day: received = the sum of what became of it, compared with its own list.

    A later close of the same day counts again and replaces the figures. `events` are the rows that there were, the lost
    ones too; `repeated` and `restored` are None where they were not counted. `differences` are numbers by kind
    (`balance.Difference`), `reasons` pairs of a reason and its ignored events. `differed_at` is when a difference was
    found first.
    """

    provider = models.CharField(_("provider"), max_length=30)
    day = models.DateField(_("day"))
    state = models.CharField(
        _("status"),
        max_length=10,
        choices=[
            (State.BALANCED.value, _("balanced")),
            (State.HEALED.value, _("healed")),
            (State.UNKNOWN.value, _("not compared yet")),
            (State.DIFFERS.value, _("differs")),
        ],
        default=State.UNKNOWN.value,
    )
    events = models.PositiveIntegerField(_("events"), default=0)
    repeated = models.PositiveIntegerField(_("duplicates"), null=True)
    processed = models.PositiveIntegerField(_("processed"), default=0)
    ignored = models.PositiveIntegerField(_("ignored"), default=0)
    unmatched = models.PositiveIntegerField(_("unmatched"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    pending = models.PositiveIntegerField(_("waiting"), default=0)
    reasons = models.JSONField(_("ignored, by reason"), default=list)
    compared = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in Compared], default=Compared.AWAITED.value
    )
    restored = models.PositiveIntegerField(_("missed by webhooks"), null=True)
    differences = models.JSONField(_("differences"), default=dict)
    run_id = models.BigIntegerField(null=True, help_text=_("the reconciliation that read the list of the day"))
    counted_at = models.DateTimeField(_("counted"), default=timezone.now)
    differed_at = models.DateTimeField(_("differs since"), null=True)

    NAMED_BY = ("provider", "day")

    class Meta:
        verbose_name = _("daily close")
        verbose_name_plural = _("daily closes")
        constraints = [
            models.UniqueConstraint(fields=["provider", "day"], name="a_day_of_a_provider_has_one_close"),
            models.CheckConstraint(
                condition=models.Q(state__in=[one.value for one in State]), name="close_state_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["-day", "provider"], name="close_by_day"),
            models.Index(
                fields=["differed_at"], name="close_that_differs", condition=models.Q(state=State.DIFFERS.value)
            ),
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {date_format(self.day, 'SHORT_DATE_FORMAT')}"

    @property
    def received(self) -> int | None:
        """Deliveries that were accepted, None where repeated ones were not counted."""
        return None if self.repeated is None else self.events + self.repeated

    @property
    def lost(self) -> int:
        return self.events - self.processed - self.ignored - self.unmatched - self.failed - self.pending


class Silence(models.Model):
    """A provider sent nothing for longer than is usual: from its last event (`since`) to the next (`ended_at`)."""

    provider = models.CharField(_("provider"), max_length=30)
    since = models.DateTimeField(_("last event"))
    noticed_at = models.DateTimeField(_("noticed"), default=timezone.now)
    usual_seconds = models.PositiveIntegerField(_("usual at most (s)"), default=0)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    NAMED_BY = ("provider", "id")

    class Meta:
        verbose_name = _("silence")
        verbose_name_plural = _("silences")
        constraints = [
            models.UniqueConstraint(fields=["provider", "since"], name="a_silence_is_noticed_once"),
            models.UniqueConstraint(
                fields=["provider"], condition=models.Q(ended_at=None), name="one_open_silence_of_a_provider"
            ),
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {date_format(timezone.localtime(self.since), 'SHORT_DATETIME_FORMAT')}"


class PayloadStructure(models.Model):
    """The fields that a parser reads in the events of one type, as they were learnt: paths and types, and no values.

    `fields` is path → counts (`drift/learning.py`), bounded there. `dialect` distinguishes senders that write one type
    in different forms.
    """

    provider = models.CharField(_("provider"), max_length=30)
    dialect = models.CharField(max_length=20, blank=True)
    event_type = models.CharField(_("type"), max_length=100)
    events = models.PositiveIntegerField(_("events"), default=0)
    fields = models.JSONField(default=dict)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("structure of events")
        verbose_name_plural = _("structures of events")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "dialect", "event_type"], name="a_form_of_a_type_has_one_structure"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_type}"


class LearntUntil(models.Model):
    """The last event of a provider whose structure was learnt; the sweep goes on after it."""

    provider = models.CharField(_("provider"), max_length=30, unique=True)
    event_id = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("learnt until")
        verbose_name_plural = _("learnt until")

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"


class FieldDrift(models.Model):
    """A field that a parser reads and that is not in the events any more as it was: from `since` to `ended_at`.

    `before` and `now` are JSON types, `place` is the path under which something new stands now; each may be "". It was
    lost in `lost` of the `of` events since then; `event` is the first.
    """

    class Kind(models.TextChoices):
        MISSING = "missing", _("fields are missing")
        MOVED = "moved", _("fields have another name or place")
        TYPE = "type", _("fields have another type")

    structure = models.ForeignKey(PayloadStructure, on_delete=models.CASCADE, related_name="drifts")
    issue = models.ForeignKey("integrations.Issue", on_delete=models.CASCADE, related_name="drifts")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    path = models.CharField(_("field"), max_length=500)
    before = models.CharField(_("before"), max_length=60)
    events_before = models.PositiveIntegerField(default=0)
    now = models.CharField(_("now"), max_length=20, blank=True)
    place = models.CharField(max_length=500, blank=True)
    since = models.DateTimeField(_("since"))
    lost = models.PositiveIntegerField(_("events"), default=0)
    of = models.PositiveIntegerField(default=0)
    event = models.ForeignKey(
        "integrations.InboxEvent", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("example")
    )
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    is_accepted = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("changed field")
        verbose_name_plural = _("changed fields")
        constraints = [
            models.UniqueConstraint(
                fields=["structure", "path"], condition=models.Q(ended_at=None), name="a_field_drifts_once_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return self.path


class Notice(Delivery):
    """A message to Slack; `key` is its reason, which sends one message."""

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")

    key = models.CharField(_("reason"), max_length=200, unique=True)
    text = models.TextField(_("text"))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    created_at = models.DateTimeField(_("requested"), default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("message to Slack")
        verbose_name_plural = _("messages to Slack")
        permissions = [("resend_notice", gettext_noop("Can post a message to Slack again"))]
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
