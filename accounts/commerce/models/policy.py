"""Insurance policies and quotes, as a provider reported them. Money is an integer of minor units and a currency."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.people.models.contact import Contact
from core.provider_names import provider_title


class Policy(models.Model):
    """Written by `accounts.commerce.policies` alone.

    `external_id` is the provider's id, or `number:<number>` as long as only the number is known. `reported_times` says
    when each value was true there (Unix seconds), since reports overtake each other.
    """

    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="policies", verbose_name=_("contact"))
    provider = models.CharField(_("provider"), max_length=30)
    external_id = models.CharField(_("remote ID"), max_length=110)
    is_quote = models.BooleanField(_("only a quote"), default=False)
    number = models.CharField(_("number"), max_length=100, blank=True)
    line_of_business = models.CharField(_("line of business"), max_length=150, blank=True)
    status = models.CharField(_("status"), max_length=60, blank=True, help_text=_("in the provider's own word"))
    carrier = models.CharField(_("carrier"), max_length=150, blank=True)
    premium = models.BigIntegerField(_("premium"), null=True, blank=True, help_text=_("in minor units"))
    currency = models.CharField(_("currency"), max_length=3)
    effective_on = models.DateField(_("effective"), null=True, blank=True)
    expires_on = models.DateField(_("expires"), null=True, blank=True)
    reported_times = models.JSONField(default=dict, blank=True)
    reported_at = models.DateTimeField(_("reported"))

    NAMED_BY = ("line_of_business", "number", "external_id")

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        constraints = [models.UniqueConstraint(fields=["provider", "external_id"], name="a_policy_is_kept_once")]
        indexes = [
            models.Index(fields=["provider", "number"], name="policy_by_number"),
            models.Index(fields=["number"], name="policy_by_its_number"),
            models.Index(fields=["external_id"], name="policy_by_id"),
        ]

    def __str__(self) -> str:
        return f"{self.line_of_business or provider_title(self.provider)} {self.number or self.external_id}"
