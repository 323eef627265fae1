"""Filters of lists that staff saved under a name."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedFilter(models.Model):
    """A list of the console as somebody filtered it: its model ("accounts.contact") and the query of its address."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    page = models.CharField(max_length=100)
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(max_length=1000)
    is_shared = models.BooleanField(_("shared with all staff"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: Any = models.Manager()

    class Meta:
        verbose_name = _("saved filter")
        verbose_name_plural = _("saved filters")
        constraints = [
            models.UniqueConstraint(fields=["page", "owner", "name"], name="saved_filter_has_one_name"),
            models.CheckConstraint(condition=~models.Q(name="") & ~models.Q(query=""), name="saved_filter_says_what"),
        ]

    def __str__(self) -> str:
        return self.name
