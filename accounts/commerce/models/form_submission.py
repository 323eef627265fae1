"""Answers to a provider's forms."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.people.models.contact import Contact


class FormSubmission(models.Model):
    contact = models.ForeignKey(
        Contact, on_delete=models.PROTECT, related_name="form_submissions", verbose_name=_("contact")
    )
    provider = models.CharField(_("provider"), max_length=30)
    external_id = models.CharField(_("remote ID"), max_length=100)
    form_id = models.CharField(_("form"), max_length=100, blank=True)
    form_title = models.CharField(_("title"), max_length=255, blank=True)
    answers = models.JSONField(_("answers"), default=dict)
    submitted_at = models.DateTimeField(_("submitted"))

    NAMED_BY = ("form_title", "external_id")

    class Meta:
        verbose_name = _("form submission")
        verbose_name_plural = _("form submissions")
        constraints = [models.UniqueConstraint(fields=["provider", "external_id"], name="a_submission_is_kept_once")]

    def __str__(self) -> str:
        return f"{self.form_title or self.form_id} {self.external_id}"
