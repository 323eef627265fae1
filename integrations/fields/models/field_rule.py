"""Settings of synced fields: the authority for each, and custom fields that are one."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.provider_names import provider_title


class FieldRule(models.Model):
    """A value of contacts, by our name: a column ("phone"), or else the name of a custom field of ours.

    `authority` is the provider whose value wins a conflict; "" lets the newest value win.
    """

    name = models.CharField(
        _("field"),
        max_length=100,
        unique=True,
        help_text=_("a standard field, such as phone or first_name, or a name of your own for a custom field"),
    )
    authority = models.CharField(_("authority in a conflict"), max_length=30, blank=True)

    NAMED_BY = ("name",)

    class Meta:
        verbose_name = _("rule for a field")
        verbose_name_plural = _("rules for fields")

    def __str__(self) -> str:
        return self.name


class FieldPlace(models.Model):
    """A custom field of ours at one provider; with places at two providers, both are kept equal."""

    rule = models.ForeignKey(FieldRule, on_delete=models.CASCADE, related_name="places")
    provider = models.CharField(_("provider"), max_length=30)
    remote_name = models.CharField(
        _("remote name or ID"),
        max_length=150,
        help_text=_("the label or ID of the custom field, as the provider has it"),
    )

    class Meta:
        verbose_name = _("custom field at a provider")
        verbose_name_plural = _("custom fields at providers")
        constraints = [
            models.UniqueConstraint(fields=["provider", "remote_name"], name="a_custom_field_is_one_of_ours"),
            models.UniqueConstraint(fields=["rule", "provider"], name="a_rule_has_one_place_at_a_provider"),
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {self.remote_name}"


class PipelineRule(models.Model):
    """The first stage of a new policy's or quote's opportunity, by its line of business.

    The names are those of when the stage was chosen, "" where the provider did not tell them: the ids alone count.
    """

    provider = models.CharField(_("provider"), max_length=30)
    line_of_business = models.CharField(
        _("line of business"), max_length=150, help_text=_("as the policy has it, such as Auto; * for every other")
    )
    pipeline_id = models.CharField(_("pipeline"), max_length=100)
    stage_id = models.CharField(_("stage"), max_length=100)
    pipeline_name = models.CharField(_("pipeline"), max_length=200, blank=True)
    stage_name = models.CharField(_("stage"), max_length=200, blank=True)

    NAMED_BY = ("provider", "line_of_business")

    class Meta:
        verbose_name = _("pipeline for policies")
        verbose_name_plural = _("pipelines for policies")
        constraints = [
            models.UniqueConstraint(fields=["provider", "line_of_business"], name="a_line_of_business_has_one_pipeline")
        ]

    def __str__(self) -> str:
        return self.line_of_business


class PolicyStatusRule(models.Model):
    """The status of a policy's or quote's opportunity, by the status of the policy; it goes before the defaults."""

    class Result(models.TextChoices):
        OPEN = "open", _("open")
        WON = "won", _("won")
        LOST = "lost", _("lost")
        ABANDONED = "abandoned", _("abandoned")
        UNCHANGED = "", _("as it is")

    policy_status = models.CharField(
        _("status of the policy"),
        max_length=60,
        unique=True,
        help_text=_("as the policy has it, such as Canceled; begin with Quote or Policy for one of the two alone"),
    )
    opportunity_status = models.CharField(
        _("status of the opportunity"), max_length=20, choices=Result.choices, blank=True
    )

    NAMED_BY = ("policy_status",)

    class Meta:
        verbose_name = _("status of opportunities")
        verbose_name_plural = _("statuses of opportunities")

    def __str__(self) -> str:
        return self.policy_status
