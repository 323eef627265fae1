"""The audit log: actor, action, target, client and outcome of each change and refusal."""

from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

KEPT_AT_LEAST = timedelta(days=30)  # no shorter: the database refuses to delete what is newer


class AppendOnly(TypeError):
    """An entry of the audit log was to be changed or deleted."""


def _refuse(*arguments: Any, **options: Any) -> NoReturn:
    raise AppendOnly("the audit log is append-only: add an entry, or use anonymise() or prune()")


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    update = bulk_update = delete = update_or_create = _refuse

    def of_person(self, *, user_id: int | None = None, contact_id: int | None = None) -> "AuditQuerySet":
        """Entries that a user made, and those about a user's or a contact's own rows."""
        match = Q(pk__in=[])
        if user_id is not None:
            match |= Q(actor_id=user_id) | Q(about_user=user_id)
        if contact_id is not None:
            match |= Q(about_contact=contact_id)
        return self.filter(match)

    def anonymise(self) -> int:
        """Blank whatever could name a person in these entries; who (by id), what, when and the outcome stay."""
        return models.QuerySet.update(
            self.order_by(), client_address="", target_label="", before=None, after=None, facts=None
        )

    def prune(self, *, before: datetime) -> int:
        """Delete entries older than `before`, which is KEPT_AT_LEAST ago or earlier; returns how many.

        Raises AppendOnly where `before` is later: the database would refuse the whole statement.
        """
        if before > timezone.now() - KEPT_AT_LEAST:
            raise AppendOnly(f"entries of the last {KEPT_AT_LEAST.days} days are never deleted")
        return models.QuerySet.delete(self.filter(recorded_at__lt=before).order_by())[0]


class AuditEntry(models.Model):
    """One entry. Append-only: here and by triggers of the database (migration 0010), which permit two things only.

    - Erasure: `client_address`, `target_label`, `before`, `after` and `facts` may become empty, nothing else may change
      (`anonymise`). The other columns hold ids, codes and a time, which say nothing once the person's row is gone.
    - Retention: entries older than KEPT_AT_LEAST may be deleted (`prune`).

    So no switch turns the triggers off. `actor`, `about_user` and `about_contact` have no foreign key in the database:
    a deleted row must neither delete nor change its history.
    On SQLite a migration that alters this table makes it anew, without its triggers: it has to create them again.
    """

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        DENIED = "denied", _("denied")

    recorded_at = models.DateTimeField(_("time"), default=timezone.now)
    action = models.CharField(_("action"), max_length=60)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.DONE)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True,
        blank=True, related_name="+", verbose_name=_("by"),
    )  # fmt: skip
    client_address = models.CharField(_("client"), max_length=45, blank=True)
    target_type = models.CharField(_("kind of target"), max_length=60, blank=True)
    target_id = models.CharField(_("id of the target"), max_length=100, blank=True)
    target_label = models.CharField(_("target"), max_length=150, blank=True)
    # Whose data the target is, for questions about one person and for erasure.
    about_user = models.BigIntegerField(null=True, blank=True, editable=False)
    about_contact = models.BigIntegerField(null=True, blank=True, editable=False)
    before: Any = models.JSONField(_("before"), null=True, blank=True)
    after: Any = models.JSONField(_("after"), null=True, blank=True)
    facts: Any = models.JSONField(_("details"), null=True, blank=True)

    objects: Any = AuditQuerySet.as_manager()

    class Meta:
        app_label = "accounts"
        base_manager_name = "objects"
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["recorded_at"], name="audit_by_time"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["outcome", "-id"], name="audit_by_outcome"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor", condition=Q(actor__isnull=False)),
            models.Index(fields=["client_address", "-id"], name="audit_by_client"),
            models.Index(fields=["target_id", "-id"], name="audit_by_target"),
            models.Index(fields=["target_label", "-id"], name="audit_by_label"),
            models.Index(fields=["about_user", "-id"], name="audit_by_user", condition=Q(about_user__isnull=False)),
            models.Index(
                fields=["about_contact", "-id"], name="audit_by_contact", condition=Q(about_contact__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse()
        super().save(*args, **kwargs)

    delete = _refuse
