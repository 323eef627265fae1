"""Companies: the accounts of a help desk, each a tenant with names of its own in the stores that tenants share."""

from typing import Any

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.prefix import PrefixIndex
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index


def _follows_from_the_account(field: str, *, after: str = "") -> Q:
    ending = [Value(after)] if after else []
    return Q(**{field: Concat(Value("chatwoot_"), F("chatwoot_account_id"), *ending)})


class Company(models.Model):
    """One account at the help desk. Written by `accounts.people.companies` alone.

    `company_id`, `redis_prefix` and `vectorstore_index` follow from the account's id, and the database sees to it: what
    is kept under these names is never another company's. `named_at` and `administrators_at` say when the name and the
    list were true there, so that reports may overtake each other. A closed company stays closed.

    Table and columns are named as the documents of those who read them with SQL name them.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        CLOSED = "closed", _("closed")

    company_id = models.CharField(_("company id"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=255, blank=True, db_column="company_name")
    chatwoot_account_id = models.CharField(_("account in Chatwoot"), max_length=50, unique=True)
    redis_prefix = models.CharField(_("prefix in Redis"), max_length=80, unique=True)
    vectorstore_index = models.CharField(_("vector index"), max_length=80, unique=True)
    administrators = models.JSONField(
        _("administrators"), default=list, blank=True, help_text=_("as Chatwoot names them: id, name, e-mail")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.ACTIVE)
    event_id = models.BigIntegerField(
        _("event"), null=True, blank=True, help_text=_("the event that made it, where one did")
    )
    source = models.CharField(_("source"), max_length=200, blank=True)
    named_at = models.DateTimeField(null=True, blank=True)
    administrators_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    NAMED_BY = ("name", "company_id")

    class Meta:
        db_table = "companies"
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        constraints = [
            models.CheckConstraint(condition=Q(status__in=["active", "closed"]), name="company_status_is_known"),
            models.CheckConstraint(
                condition=_follows_from_the_account("company_id")
                & _follows_from_the_account("redis_prefix", after=":")
                & _follows_from_the_account("vectorstore_index", after="_documents"),
                name="company_names_follow_from_its_account",
            ),
        ]
        indexes = [PrefixIndex(fields=["name"], name="company_by_name")]

    def __str__(self) -> str:
        return self.name or self.company_id

    @property
    def provider(self) -> str:
        """Return the key of the provider whose account it is, with which its names begin."""
        return self.company_id.partition("_")[0]


class ProvisioningStep(Delivery):
    """Something to be set up elsewhere for a company: one row for each pair, done by a worker, repeated until it is.

    `step` is the dotted path of the function, `result` its own words.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        DONE = "done", _("done")
        SKIPPED = "skipped", _("not needed")
        FAILED = "failed", _("failed")

    company: Any = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="steps", verbose_name=_("company"))
    step = models.CharField(_("step"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    result = models.CharField(_("result"), max_length=300, blank=True)

    objects = DeliveryQuerySet.as_manager()

    NAMED_BY = ("company__name", "step")

    class Meta:
        verbose_name = _("provisioning step")
        verbose_name_plural = _("provisioning")
        constraints = [
            models.UniqueConstraint(fields=["company", "step"], name="a_company_has_a_step_once"),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "done", "skipped", "failed"]), name="step_status_is_known"
            ),
        ]
        indexes = [sweep_index("step_to_be_woken"), models.Index(fields=["status", "-id"], name="step_by_status")]

    def __str__(self) -> str:
        return f"{self.company_id} {self.step}"
