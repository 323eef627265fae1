"""Plans, and the offers of providers that sell them."""

from datetime import timedelta

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.memberships.terms import Billing, Disputes, EarlyPayments, Interval, PartialRefunds, PlanTerms
from accounts.people.models.user import User
from core.provider_names import provider_title


class Plan(models.Model):
    code = models.SlugField(_("code"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=200)
    partner = models.CharField(_("partner"), max_length=100, blank=True, help_text=_("For example NSSA."))
    price_cents = models.PositiveIntegerField(_("price in cents"), default=0)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    period_months = models.PositiveSmallIntegerField(
        _("period in months"), default=12, validators=[MinValueValidator(1)], help_text=_("What one payment pays for.")
    )

    billing = models.CharField(
        _("billing"),
        max_length=20,
        choices=Billing.choices,
        default=Billing.SUBSCRIPTION,
        help_text=_("Where a purchase does not say it itself."),
    )
    trial_days = models.PositiveSmallIntegerField(_("trial days"), default=0)
    grace_days = models.PositiveSmallIntegerField(
        _("grace days"),
        default=3,
        help_text=_("How long access lasts after a paid period, while the next payment is awaited."),
    )
    early_payments = models.CharField(
        _("payments in the middle of a period"),
        max_length=20,
        choices=EarlyPayments.choices,
        default=EarlyPayments.LAST_QUARTER,
    )
    partial_refunds = models.CharField(
        _("partial refunds"), max_length=20, choices=PartialRefunds.choices, default=PartialRefunds.KEEP
    )
    disputes = models.CharField(_("disputes"), max_length=20, choices=Disputes.choices, default=Disputes.SUSPEND)

    NAMED_BY = ("name",)

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=models.Q(period_months__gte=1), name="plan_period_is_positive")]

    def __str__(self) -> str:
        return self.name

    @property
    def terms(self) -> PlanTerms:
        return PlanTerms(
            interval=Interval(count=self.period_months),
            billing=self.billing,
            trial_days=self.trial_days,
            grace=timedelta(days=self.grace_days),
            partial_refunds=self.partial_refunds,
            disputes=self.disputes,
            early_payments=self.early_payments,
            price=self.price_cents or None,
        )


class PlanOffer(models.Model):
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="offers", verbose_name=_("plan"))
    provider = models.CharField(_("provider"), max_length=30, default=User.AuthProvider.KAJABI)
    external_id = models.CharField(_("offer or product id"), max_length=100)

    class Meta:
        verbose_name = _("offer of a plan")
        verbose_name_plural = _("offers of plans")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                name="offer_sells_one_plan",
                violation_error_message=_("This offer is already mapped to a plan."),
            )
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {self.external_id} → {self.plan}"
