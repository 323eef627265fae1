"""Historical imports: an uploaded file, its rows with their outcomes, and the progress of the job."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.prunable import Prunable
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index


class HistoryStatus(models.TextChoices):
    PENDING = "pending", _("running")
    READY = "ready", _("awaiting confirmation")
    STOPPED = "stopped", _("stopped")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    DISCARDED = "discarded", _("discarded")


class HistoryStage(models.TextChoices):
    READING = "reading", _("reading")
    PREVIEW = "preview", _("preview")
    APPLYING = "applying", _("applying")


class RowOutcome(models.TextChoices):
    NEW = "new", _("new person")
    CHANGED = "changed", _("changed")
    NOTHING = "nothing", _("nothing new")
    SKIPPED = "skipped", _("left out")
    QUESTION = "question", _("question")
    ERROR = "error", _("error")


SETTLED = (RowOutcome.NEW, RowOutcome.CHANGED, RowOutcome.NOTHING, RowOutcome.SKIPPED)


class HistoryImport(Prunable, Delivery):
    """Job of one file. An attempt applies some people's rows; their outcome and the next place are committed together,
    so that an import whose worker dies continues there.

    `columns`: name of a column → its place in the file. `exported_at` is the moment of the file's values: its newest
    date, or a later one that staff know. The place is the last person and line that were applied.
    """

    provider = models.CharField(_("provider"), max_length=30)
    kind = models.CharField(_("kind"), max_length=20)
    status = models.CharField(_("status"), max_length=20, choices=HistoryStatus.choices, default=HistoryStatus.PENDING)
    stage = models.CharField(_("stage"), max_length=20, choices=HistoryStage.choices, default=HistoryStage.READING)
    file_name = models.CharField(_("file"), max_length=150)
    headings = models.JSONField(_("headings"), default=list)
    columns = models.JSONField(_("columns"), default=dict)
    exported_at = models.DateTimeField(_("exported"), null=True, blank=True)
    exported_at_by_staff = models.DateTimeField(
        null=True, blank=True, help_text=_("when it was exported, or a little before, as staff entered it")
    )
    ignored_offers = models.JSONField(_("offers without a membership"), default=list)
    sends_mails = models.BooleanField(_("sends set-up mails"), default=False)
    total = models.PositiveIntegerField(_("rows"), default=0)
    person = models.CharField(max_length=254, blank=True)
    line = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(_("rows done"), default=0)
    greeted = models.PositiveIntegerField(_("set-up mails"), default=0)
    notes = models.JSONField(_("notes"), default=list)
    cause = models.CharField(_("source"), max_length=200)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    NAMED_BY = ("file_name",)

    class Meta:
        verbose_name = _("historical import")
        verbose_name_plural = _("historical imports")
        permissions = [("run_historyimport", gettext_noop("Can upload, confirm and stop historical imports"))]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=HistoryStatus.values), name="history_status_is_known"),
            models.CheckConstraint(condition=Q(stage__in=HistoryStage.values), name="history_stage_is_known"),
        ]
        indexes = [
            sweep_index("history_to_be_woken"),
            models.Index(fields=["status", "-id"], name="history_by_status"),
            models.Index(fields=["created_at"], name="history_to_be_pruned", condition=Q(pruned_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.pk})"

    @property
    def is_open(self) -> bool:
        return self.status in (HistoryStatus.PENDING, HistoryStatus.STOPPED)


class HistoryRow(models.Model):
    """Line of the file: its cells, by their places, until it is settled, and its outcome."""

    history = models.ForeignKey(
        HistoryImport, on_delete=models.CASCADE, related_name="rows", verbose_name=_("historical import")
    )
    line = models.PositiveIntegerField(_("line"))
    cells = models.JSONField(_("cells"), default=dict)
    person = models.CharField(_("person"), max_length=254, blank=True)
    outcome = models.CharField(_("outcome"), max_length=20, choices=RowOutcome.choices, blank=True)
    detail = models.CharField(_("what it does"), max_length=500, blank=True)
    offer_key = models.CharField(_("offer"), max_length=100, blank=True)
    offer_title = models.CharField(_("title of the offer"), max_length=255, blank=True)
    is_settled = models.BooleanField(_("applied"), default=False)

    class Meta:
        verbose_name = _("row of a historical import")
        verbose_name_plural = _("rows of historical imports")
        constraints = [
            models.UniqueConstraint(fields=["history", "line"], name="a_line_is_kept_once"),
            models.CheckConstraint(condition=Q(outcome__in=["", *RowOutcome.values]), name="row_outcome_is_known"),
        ]
        indexes = [
            models.Index(fields=["history", "person", "line"], name="history_row_by_person"),
            models.Index(fields=["history", "outcome", "line"], name="history_row_by_outcome"),
            models.Index(fields=["person"], name="history_row_of_person"),
        ]

    def __str__(self) -> str:
        return f"{_('line')} {self.line}"
