"""The mark that an erasure leaves."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ForgottenKey(models.Model):
    """An address or an id of somebody who was erased, as a keyed digest that says nothing without SECRET_KEY.

    Written by `accounts.people.forgotten` alone. Records of before `forgotten_at` do not bring the person back.
    """

    digest = models.CharField(max_length=64, unique=True)
    forgotten_at = models.DateTimeField(_("erased"), default=timezone.now)

    class Meta:
        app_label = "accounts"
        verbose_name = _("erased person")
        verbose_name_plural = _("erased persons")
        default_permissions = ()

    def __str__(self) -> str:
        return f"#{self.pk}"
