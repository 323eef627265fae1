"""Rows whose contents are removed after their time, or with a person."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Prunable(models.Model):
    """A row that stays when its contents are removed; `pruned_at` says when that was."""

    pruned_at = models.DateTimeField(_("contents removed"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True
