"""The state of a completion's certificate, and the check that is due."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index


class CertificateState(models.TextChoices):
    NOT_CHECKED = "not_checked", _("not checked")
    VALID = "valid", _("valid")
    ACCEPTED = "accepted", _("accepted")
    NAME_NOT_FOUND = "name_not_found", _("name not found")
    UNDECIDED = "undecided", _("unclear")
    REFUSED = "refused", _("not opened")
    UNREACHABLE = "unreachable", _("not reachable")


# What members and mails may show, and what staff should look at.
SHOWN_STATES = (CertificateState.VALID.value, CertificateState.ACCEPTED.value)
DOUBTFUL_STATES = tuple(
    state.value
    for state in CertificateState
    if state.value not in SHOWN_STATES and state is not CertificateState.NOT_CHECKED
)


class CertificateCheck(Delivery):
    """A certificate that is to be fetched and read, once for a completion; staff may have it done again.

    What comes out stands on the completion. No check ever gives or withholds points.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    completion: Any = models.OneToOneField(
        "accounts.Completion", on_delete=models.CASCADE, related_name="certificate_check", verbose_name=_("completion")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    created_at = models.DateTimeField(_("date"), auto_now_add=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("check of a certificate")
        verbose_name_plural = _("checks of certificates")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["pending", "done", "failed"]), name="certificate_check_status_is_known"
            )
        ]
        indexes = [sweep_index("certificate_to_be_woken")]

    def __str__(self) -> str:
        return f"certificate of completion {self.completion_id}"
