"""Changes of a contact: values before and after, who made them, and conflicts."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people.models.contact import Contact
from core.prunable import Prunable


class ContactChange(Prunable):
    """One value of one contact: our value, the reported one, and which of the two holds. Never changed.

    `name` is as in `ContactReport.values`. Of a conflict (both sides changed the value since they last agreed) the
    loser is kept here: `before` where the newcomer won, `after` where it lost. `frozen` stands until `settled_at`: the
    value is neither taken in nor sent anywhere meanwhile.
    """

    class Kind(models.TextChoices):
        CHANGED = "changed", _("changed")
        WON = "won", _("conflict, taken over")
        LOST = "lost", _("conflict, not taken over")
        FROZEN = "frozen", _("frozen")
        STAFF = "staff", _("by staff")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="changes", verbose_name=_("contact"))
    kind = models.CharField(_("what"), max_length=10, choices=Kind.choices)
    name = models.CharField(_("field"), max_length=150)
    before: Any = models.JSONField(_("we had"), null=True)
    after: Any = models.JSONField(_("remote value"), null=True)
    provider = models.CharField(_("provider"), max_length=30, blank=True)
    cause = models.CharField(_("source"), max_length=300, blank=True)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("staff"),
    )
    recorded_at = models.DateTimeField(_("when"), default=timezone.now)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    NAMED_BY = ("contact__email", "name")

    class Meta:
        verbose_name = _("change of a contact")
        verbose_name_plural = _("changes of contacts")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["changed", "won", "lost", "frozen", "staff"]), name="contact_change_is_known"
            ),
            models.UniqueConstraint(
                fields=["contact", "name"],
                condition=Q(kind="frozen", settled_at__isnull=True),
                name="a_value_is_frozen_once",
            ),
        ]
        indexes = [
            models.Index(fields=["contact", "-id"], name="change_by_contact"),
            models.Index(fields=["provider", "-id"], name="change_by_provider"),
            models.Index(fields=["kind", "-id"], name="change_by_kind", condition=~Q(kind="changed")),
            models.Index(fields=["recorded_at"], name="change_to_be_pruned", condition=Q(pruned_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.before!r} → {self.after!r}"
