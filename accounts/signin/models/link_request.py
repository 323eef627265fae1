"""Somebody asked for a link to set or reset a password."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index


class LinkRequest(Delivery):
    """One request, for a known or an unknown address alike: the same row, written in the same time; a worker decides
    what to send.

    The rows are also the limit's memory (how many an address or a client asked for in the last hour) and are forgotten
    after a day.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    email = models.EmailField(_("e-mail"))
    source_address = models.CharField(_("client"), max_length=45, blank=True)
    language = models.CharField(_("language"), max_length=10)
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.PENDING)

    objects = DeliveryQuerySet.as_manager()

    NAMED_BY = ("email",)

    class Meta:
        verbose_name = _("link request")
        verbose_name_plural = _("link requests")
        indexes = [
            sweep_index("link_request_to_be_woken"),
            models.Index(fields=["email", "requested_at"], name="link_request_by_email"),
            models.Index(fields=["source_address", "requested_at"], name="link_request_by_client"),
        ]

    def __str__(self) -> str:
        return self.email
