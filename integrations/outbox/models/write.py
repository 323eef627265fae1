"""Models of the outbox: writes at providers, circuits, and opportunities of policies."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.commerce.models import Policy
from accounts.people.models import Contact
from core.cause import Cause
from core.phrases import NUMBER, TEXT, Phrase
from core.provider_names import provider_title
from core.prunable import Prunable
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index
from integrations.contracts.mirror import Sent
from integrations.issues.models import issue_index, issue_key

_CAUSE = Phrase("outgoing write {number}: {cause}", number=NUMBER, cause=TEXT)


class OutgoingWrite(Prunable, Delivery):
    """A write that makes a remote contact or opportunity equal with ours, or marks a contact as deleted elsewhere.

    Its values are computed when it is delivered, so that changes which come meanwhile go with it: at most one row is
    pending for each target. `before` and `after` are the values that differ, by our names; `request` is the call and is
    stored with `requested_at` before it is made; `response` is set when an answer came. `left_out` are values that
    could not be written: name → {"value", "reason"}.
    """

    class Kind(models.TextChoices):
        CONTACT = "contact", _("contact")
        OPPORTUNITY = "opportunity", _("opportunity")
        MARK = "mark", _("mark of a contact")

    class Operation(models.TextChoices):
        NOT_KNOWN_YET = "", _("not known yet")
        CREATE = "create", _("create")
        UPDATE = "update", _("update")

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        DONE = "done", _("written")
        NOT_NEEDED = "not_needed", _("equal already")
        SKIPPED = "skipped", _("skipped")
        FAILED = "failed", _("failed")

    kind = models.CharField(_("what"), max_length=20, choices=Kind.choices)
    provider = models.CharField(_("provider"), max_length=30)
    contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, related_name="writes", verbose_name=_("contact")
    )
    policy = models.ForeignKey(
        Policy, on_delete=models.SET_NULL, null=True, blank=True, related_name="writes", verbose_name=_("policy")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.PENDING)
    operation = models.CharField(
        _("operation"), max_length=10, choices=Operation.choices, default=Operation.NOT_KNOWN_YET, blank=True
    )
    external_id = models.CharField(_("remote ID"), max_length=100, blank=True)
    before: Any = models.JSONField(_("before"), default=dict)
    after: Any = models.JSONField(_("after"), default=dict)
    left_out: Any = models.JSONField(
        _("left out"), default=dict, help_text=_("values of the contact that could not be written")
    )
    request: Any = models.JSONField(_("request"), default=dict)
    response: Any = models.JSONField(_("response"), null=True)
    requested_at = models.DateTimeField(_("sent"), null=True, blank=True)
    echoes = models.PositiveIntegerField(_("echoes"), default=0, help_text=_("echoes of our own write"))
    cause = models.CharField(_("source"), max_length=300)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )
    created_at = models.DateTimeField(_("requested"), default=timezone.now)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)
    issue = issue_key()

    objects = DeliveryQuerySet.as_manager()

    NAMED_BY = ("provider", "contact__email", "external_id")

    class Meta:
        verbose_name = _("outgoing write")
        verbose_name_plural = _("outgoing writes")
        permissions = [
            ("repair_outgoingwrite", gettext_noop("Can retry, skip and undo an outgoing write")),
            ("compare_record", gettext_noop("Can compare a record with its provider")),
            ("sync_record", gettext_noop("Can synchronise a record")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "contact"],
                condition=Q(status="pending", kind="contact"),
                name="a_contact_has_one_open_write",
            ),
            models.UniqueConstraint(
                fields=["provider", "policy"],
                condition=Q(status="pending", kind="opportunity"),
                name="a_policy_has_one_open_write",
            ),
            models.UniqueConstraint(
                fields=["provider", "contact"],
                condition=Q(status="pending", kind="mark"),
                name="a_contact_has_one_open_mark",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "done", "not_needed", "skipped", "failed"]),
                name="write_status_is_known",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["contact", "opportunity", "mark"]), name="write_kind_is_known"
            ),
        ]
        indexes = [
            sweep_index("write_to_be_woken"),
            issue_index("write_by_issue"),
            models.Index(fields=["status", "-id"], name="write_by_status"),
            models.Index(fields=["kind", "-id"], name="write_by_kind"),
            models.Index(fields=["operation", "-id"], name="write_by_operation"),
            models.Index(fields=["provider", "-id"], name="write_by_provider"),
            models.Index(fields=["contact", "provider", "-id"], name="write_by_contact"),
            models.Index(fields=["-id"], name="write_leaving_out", condition=~Q(left_out={})),
            models.Index(fields=["finished_at"], name="write_by_end", condition=Q(finished_at__isnull=False)),
            models.Index(
                fields=["status", "finished_at"],
                name="write_to_be_pruned",
                condition=Q(finished_at__isnull=False, pruned_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        target = self.policy if self.kind == self.Kind.OPPORTUNITY else self.contact
        return f"{provider_title(self.provider)} {self.get_kind_display()} {target or self.external_id}"

    @property
    def as_cause(self) -> Cause:
        """The cause of what this write changes here."""
        return Cause(text=_CAUSE(number=self.pk, cause=self.cause)[:300], staff=self.staff)

    def go_on_with(self, sent: Sent, **columns: Any) -> None:
        """Let the next attempt go on with what the provider answered; nothing was written. Raises LeaseLost."""
        nothing: dict[str, Any] = {"operation": "", "before": {}, "after": {}, "requested_at": None}
        self.save_progress(**{"external_id": sent.external_id, "response": dict(sent.answer), **nothing, **columns})


class Circuit(models.Model):
    """The circuit of a resource at a provider, or of the whole provider: while it is open, what needs it waits.

    Repeated failures open it, and a missing permission at once. One trial at a time closes it. Open while `opened_at`
    is set; the next trial may begin at `trial_at`, none by itself where that is empty (paused by staff).
    """

    provider = models.CharField(_("provider"), max_length=30)
    resource = models.CharField(
        _("resource"), max_length=50, blank=True, help_text=_("what is called; empty for the whole provider")
    )
    permission = models.CharField(
        _("missing permission"), max_length=100, blank=True, help_text=_("by the provider's name for it")
    )
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    opened_at = models.DateTimeField(_("paused since"), null=True, blank=True)
    trial_at = models.DateTimeField(_("tried again"), null=True, blank=True)
    last_error = models.TextField(_("error"), blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    NAMED_BY = ("provider", "resource")

    class Meta:
        verbose_name = _("writing at a provider")
        verbose_name_plural = _("writing at providers")
        constraints = [models.UniqueConstraint(fields=["provider", "resource"], name="a_resource_has_one_circuit")]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {self.resource}".strip()

    @property
    def subject(self) -> str:
        """The name of this circuit in metrics and alerts."""
        return f"{self.provider} {self.resource}".strip()

    @property
    def state(self) -> str:
        """closed, open or half-open (a trial is due or under way)."""
        if self.opened_at is None:
            return "closed"
        return "half-open" if self.trial_at is not None and self.trial_at <= timezone.now() else "open"

    @property
    def is_paused(self) -> bool:
        """Return whether staff opened it, and only they close it."""
        return self.opened_at is not None and self.trial_at is None


class OpportunityMapping(models.Model):
    """The opportunity of a policy at a provider, with its last synced values."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="opportunities", verbose_name=_("policy"))
    provider = models.CharField(_("provider"), max_length=30)
    external_id = models.CharField(_("remote ID"), max_length=100)
    policy_status = models.CharField(_("last synced status of the policy"), max_length=60, null=True, blank=True)
    gone_at = models.DateTimeField(_("deleted at the provider"), null=True, blank=True)

    class Meta:
        verbose_name = _("opportunity of a policy")
        verbose_name_plural = _("opportunities of policies")
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="an_opportunity_is_one_policy"),
            models.UniqueConstraint(fields=["provider", "policy"], name="a_policy_is_one_opportunity"),
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} opportunity {self.external_id}"
