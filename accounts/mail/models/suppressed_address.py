"""An address whose owner complained about a mail of ours."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.mail.models.email_message import EmailMessage


class SuppressedAddress(models.Model):
    """One row an address, whoever uses it: while `lifted_at` is empty it gets no mail but about its password.

    A complaint that is newer than `lifted_at` suppresses the address again; what was lifted stands in the audit log.
    """

    email = models.EmailField(_("e-mail"), unique=True)
    complained_at = models.DateTimeField(_("complained"))
    reason = models.CharField(_("what was reported"), max_length=500)
    message = models.ForeignKey(
        EmailMessage,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="complaints",
        verbose_name=_("about the mail"),
    )
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("lifted by"),
    )
    lift_reason = models.CharField(_("why it was lifted"), max_length=200, blank=True)

    NAMED_BY = ("email",)

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True) | ~Q(lift_reason=""), name="suppression_is_lifted_with_a_reason"
            )
        ]
        indexes = [models.Index(fields=["lifted_at"], name="suppression_by_lifting")]

    def __str__(self) -> str:
        return self.email

    @property
    def is_active(self) -> bool:
        return self.lifted_at is None
