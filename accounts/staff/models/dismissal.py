"""Dismissals of *Needs attention*, each with the reason that staff gave."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Dismissal(models.Model):
    """One row a kind of problem (`key`): what occurred until `dismissed_at` is not shown on the start page.

    Of a problem that counts no rows, `state` says what it was about; it is shown again when it is about something else.
    """

    key = models.SlugField(max_length=60, unique=True)
    state = models.TextField(blank=True)
    reason = models.CharField(_("reason"), max_length=200)
    dismissed_at = models.DateTimeField(_("dismissed"))
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("dismissed problem")
        verbose_name_plural = _("dismissed problems")
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="dismissal_has_a_reason")]

    def __str__(self) -> str:
        return self.key
