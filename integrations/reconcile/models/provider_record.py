"""The last state of remote records."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ProviderRecord(models.Model):
    """A remote customer, purchase, transaction, contact or policy as a sync run read it: key "purchase:41".

    `digest` is of its content when it was last applied; "" where it could not be: then `content` names the run that
    failed to apply it, which does not retry, and `unsold_offer` the offer where it was for want of a plan. So an
    unchanged record costs one query and no write. These rows decide only what need not be applied again.
    """

    provider = models.CharField(_("provider"), max_length=30)
    key = models.CharField(_("key"), max_length=130)
    person_id = models.CharField(_("remote person"), max_length=100, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    content = models.JSONField(_("content"), default=dict)
    digest = models.CharField(max_length=64, blank=True)
    unsold_offer = models.CharField(_("offer without a plan"), max_length=100, blank=True, default="")
    changed_at = models.DateTimeField(_("changed at the provider"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at the provider"), null=True, blank=True)
    audit_id = models.BigIntegerField(null=True, blank=True, help_text=_("the last audit that saw it"))
    read_at = models.DateTimeField(_("read"), auto_now=True)

    class Meta:
        verbose_name = _("record at a provider")
        verbose_name_plural = _("records at providers")
        constraints = [models.UniqueConstraint(fields=["provider", "key"], name="a_record_is_kept_once")]
        indexes = [
            models.Index(fields=["provider", "person_id"], name="record_by_person"),
            models.Index(fields=["provider", "email"], name="record_by_email", condition=~models.Q(email="")),
            models.Index(fields=["audit_id", "id"], name="record_by_audit", condition=models.Q(audit_id__isnull=False)),
            models.Index(fields=["provider", "changed_at"], name="record_not_applied", condition=models.Q(digest="")),
            models.Index(
                fields=["provider", "unsold_offer"], name="record_without_plan", condition=~models.Q(unsold_offer="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.key}"
