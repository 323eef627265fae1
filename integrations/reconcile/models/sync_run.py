"""Sync runs of a provider's lists, and the differences that they found."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.memberships.models import Plan
from accounts.people.models import Contact, User
from core.provider_names import provider_title
from core.prunable import Prunable
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index
from integrations.contracts.pull import RunKind

LISTED_AT_MOST = 200  # lines of details on a run; the counters are exact


class RunStatus(models.TextChoices):
    PENDING = "pending", _("running")
    STOPPED = "stopped", _("stopped")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


OPEN = (RunStatus.PENDING, RunStatus.STOPPED)


class SyncRun(Prunable, Delivery):
    """A sync run: one attempt at the row reads one page.

    The page's changes and the next place are committed together, so a run that dies continues at its page, and no page
    is applied twice.
    """

    provider = models.CharField(_("provider"), max_length=30)
    kind = models.CharField(_("kind"), max_length=20, choices=RunKind.choices)
    status = models.CharField(_("status"), max_length=20, choices=RunStatus.choices, default=RunStatus.PENDING)
    window_from = models.DateTimeField(_("changes after"), null=True, blank=True)
    window_to = models.DateTimeField(_("until"), default=timezone.now)
    stage = models.CharField(_("list"), max_length=50)
    page = models.PositiveBigIntegerField(_("next page"), default=1)
    cursor = models.TextField(default="", blank=True, help_text=_("what the provider needs beside the page's number"))
    pages = models.PositiveIntegerField(_("pages"), default=0)
    seen = models.PositiveIntegerField(_("seen"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    healed = models.PositiveIntegerField(
        _("missed by webhooks"), default=0, help_text=_("changes that no event reported")
    )
    unmatched = models.PositiveIntegerField(_("unmatched"), default=0)
    errors = models.PositiveIntegerField(_("errors"), default=0)
    unread = models.JSONField(
        _("lists not read"), default=list, help_text=_("for want of a permission; the next run reads them")
    )
    notes = models.JSONField(_("notes"), default=list)
    changes_listed = models.JSONField(_("what changed"), default=list)
    healed_listed = models.JSONField(_("what webhooks missed"), default=list)
    problems = models.JSONField(_("problems"), default=list)
    cause = models.CharField(_("source"), max_length=200)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )
    started_at = models.DateTimeField(_("started"), default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    NAMED_BY = ("provider", "id")

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        permissions = [("start_sync", gettext_noop("Can start and stop a reconciliation"))]
        constraints = [
            models.UniqueConstraint(
                fields=["provider"], condition=Q(status__in=["pending", "stopped"]), name="one_open_run_of_a_provider"
            ),
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="run_status_is_known"),
            models.CheckConstraint(condition=Q(kind__in=RunKind.values), name="run_kind_is_known"),
        ]
        indexes = [
            sweep_index("run_to_be_woken"),
            models.Index(fields=["provider", "-id"], name="run_by_provider"),
            models.Index(fields=["provider", "kind", "-id"], name="run_by_kind"),
            models.Index(
                fields=["finished_at"],
                name="run_to_be_pruned",
                condition=Q(finished_at__isnull=False, pruned_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {self.get_kind_display()} {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class SyncFinding(models.Model):
    """One difference between a provider's records and ours, with its remedy. A later audit makes findings of its own.

    Audits find all differences; every run of contacts finds contacts that were deleted at the provider.
    """

    class Kind(models.TextChoices):
        MISSING_HERE = "missing_here", _("bought at the provider, unknown here")
        ENDED_HERE = "ended_here", _("active at the provider, no access here")
        REFUNDED_HERE = "refunded_here", _("refunded, but still active at the provider")
        ENDED_THERE = "ended_there", _("ended at the provider, access here")
        STATUS = "status", _("other status at the provider")
        UNKNOWN_THERE = "unknown_there", _("access here, no purchase at the provider")
        NO_PLAN = "no_plan", _("bought at the provider, no plan for the offer")
        GONE_THERE = "gone_there", _("deleted at the provider, known here")
        CONTACT_UNKNOWN = "contact_unknown", _("listed at the provider, unknown here")
        CONTACT_DIFFERS = "contact_differs", _("other values at the provider")

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        APPLIED = "applied", _("applied")
        SET_ASIDE = "set_aside", _("set aside")

    run = models.ForeignKey(
        SyncRun, on_delete=models.CASCADE, related_name="findings", verbose_name=_("reconciliation")
    )
    key = models.CharField(max_length=250, help_text=_("what makes it this difference of the audit"))
    kind = models.CharField(_("difference"), max_length=20, choices=Kind.choices)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.OPEN)
    person = models.CharField(_("person"), max_length=254, blank=True)
    person_id = models.CharField(_("remote person"), max_length=100, blank=True)
    purchase_id = models.CharField(_("remote purchase"), max_length=100, blank=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    plan = models.ForeignKey(
        Plan, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("plan")
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("contact")
    )
    remote_value = models.CharField(_("at the provider"), max_length=300, blank=True)
    local_value = models.CharField(_("here"), max_length=300, blank=True)
    remedy = models.CharField(_("remedy"), max_length=300)
    outcome = models.CharField(_("outcome"), max_length=500, blank=True)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    NAMED_BY = ("person", "id")

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["open", "applied", "set_aside"]), name="finding_status_is_known"
            ),
            # A page of the comparison that is repeated (its worker died) stores each difference once.
            models.UniqueConstraint(fields=["run", "key"], name="a_finding_is_named_once"),
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="finding_by_status"),
            models.Index(fields=["kind", "-id"], name="finding_by_kind"),
            models.Index(fields=["settled_at"], name="finding_by_end", condition=Q(settled_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.person or self.remote_value}"

    def settle(self, status: "SyncFinding.Status", *, outcome: str, staff: Any) -> bool:
        """Close an open finding; False where it is closed already."""
        done = SyncFinding.objects.filter(pk=self.pk, status=self.Status.OPEN).update(
            status=status, outcome=outcome[:500], staff=staff, settled_at=timezone.now()
        )
        return bool(done)
