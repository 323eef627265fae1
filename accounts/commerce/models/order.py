"""Orders and payments at a provider, as reported. Money is an integer of minor units and a currency."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.people.models.contact import Contact
from core.provider_names import provider_title


class Order(models.Model):
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="orders", verbose_name=_("contact"))
    provider = models.CharField(_("provider"), max_length=30)
    external_id = models.CharField(_("remote ID"), max_length=100)
    number = models.CharField(_("number"), max_length=50, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    total = models.BigIntegerField(_("total"), help_text=_("in minor units, with tax and discount"))
    tax = models.BigIntegerField(_("tax"), default=0)
    discount = models.BigIntegerField(_("discount"), default=0)
    placed_at = models.DateTimeField(_("placed"))

    NAMED_BY = ("provider", "number", "external_id")

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [models.UniqueConstraint(fields=["provider", "external_id"], name="an_order_is_kept_once")]
        indexes = [
            models.Index(fields=["number"], name="order_by_number"),
            models.Index(fields=["external_id"], name="order_by_id"),
        ]

    def __str__(self) -> str:
        return f"{provider_title(self.provider)} {self.number or self.external_id}"


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    external_id = models.CharField(_("remote ID"), max_length=100)
    title = models.CharField(_("what"), max_length=255, blank=True)
    offer_id = models.CharField(_("offer"), max_length=100, blank=True)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    total = models.BigIntegerField(_("total"), help_text=_("in minor units of the order's currency"))

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["order", "external_id"], name="an_order_line_is_kept_once")]

    def __str__(self) -> str:
        return self.title or self.offer_id or self.external_id


class Payment(models.Model):
    """One transaction at a provider: money that came, went back or is disputed. `amount` is negative where it left."""

    class Kind(models.TextChoices):
        CHARGE = "charge", _("charge")
        REFUND = "refund", _("refund")
        DISPUTE = "dispute", _("dispute")

    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="payments", verbose_name=_("contact"))
    provider = models.CharField(_("provider"), max_length=30)
    external_id = models.CharField(_("external transaction ID"), max_length=100)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=40, blank=True, help_text=_("in the provider's words"))
    amount = models.BigIntegerField(_("amount"), help_text=_("in minor units"))
    tax = models.BigIntegerField(_("tax"), default=0)
    currency = models.CharField(_("currency"), max_length=3)
    external_order_id = models.CharField(_("order"), max_length=100, blank=True)
    purchase_ids = models.JSONField(_("purchases"), default=list, blank=True)
    occurred_at = models.DateTimeField(_("happened"))

    NAMED_BY = ("provider", "external_id")

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="a_transaction_is_kept_once"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["charge", "refund", "dispute"]), name="payment_kind_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "-id"], name="payment_by_kind"),
            models.Index(fields=["external_id"], name="payment_by_id"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {provider_title(self.provider)} {self.external_id}"
