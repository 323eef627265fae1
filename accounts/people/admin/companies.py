"""Companies, who administers them, their contacts, and what is set up for them elsewhere."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people import companies, provisioning
from accounts.people.companies import AccountReport, InvalidAccount
from accounts.people.models import Company, ProvisioningStep
from core import phrases
from core.cause import Cause
from core.console import attention, columns
from core.console.actions import Action
from core.console.base import ReadOnlyAdmin, ReadOnlyInline
from core.console.links import EVENTS, NOTHING, badge, caused, list_link, list_url, row_link, shortened

STEPS = "admin:accounts_provisioningstep"
SHOWN = 20  # contacts on a company's page
_QUEUED = ngettext_lazy("%(count)d step was queued again.", "%(count)d steps were queued again.", "count")


@attention.source
def steps_that_failed() -> list[attention.Item]:
    failed = ProvisioningStep.objects.filter(status=ProvisioningStep.Status.FAILED)
    return [
        attention.Item(
            key="failed_steps",
            label=_("Provisioning of companies that failed"),
            rows=failed,
            occurred="finished_at",
            action=gettext_lazy("Run again"),
            url=list_url(STEPS, status__exact="failed"),
            permission="accounts.view_provisioningstep",
        )
    ]


class AddCompanyForm(forms.ModelForm):
    """A company for an account whose webhook was lost. Its other names follow from the account's number."""

    class Meta:
        model = Company
        fields = ("chatwoot_account_id", "name")

    def clean_chatwoot_account_id(self) -> str:
        try:
            return companies.account_id_of(self.cleaned_data["chatwoot_account_id"])
        except InvalidAccount as error:
            raise ValidationError(_("The number of the account, as in its address at the help desk.")) from error


class StepColumns:
    """Columns of a provisioning step, on its own page and its company's."""

    @admin.display(description=gettext_lazy("status"))
    def state(self, step: ProvisioningStep) -> str:
        return state_of(step)

    @admin.display(description=gettext_lazy("result"))
    def words(self, step: ProvisioningStep) -> str:
        return words_of(step)

    due = columns.moment("next_attempt_at", gettext_lazy("due"))
    finished = columns.moment("finished_at", gettext_lazy("finished"))


class StepInline(StepColumns, ReadOnlyInline):
    model = ProvisioningStep
    fields = readonly_fields = ("what", "state", "words", "attempts", "due", "finished")

    @admin.display(description=gettext_lazy("step"))
    def what(self, step: ProvisioningStep) -> str:
        return row_link(STEPS, step.pk, short_name(step))


@admin.register(Company)
class CompanyAdmin(ReadOnlyAdmin):
    list_display = ("company_id", "name", "account", "state", "created")
    list_filter = ("status", "created_at")
    search_fields = ("name", "company_id", "chatwoot_account_id")
    search_help_text = gettext_lazy("Name, company id or the number of the account")
    fields = (
        ("company_id", "state"),
        "name",
        "chatwoot_account_id",
        ("redis_prefix", "vectorstore_index"),
        ("created", "closed"),
        "made_by",
        "events",
        "members",
        "people",
    )
    readonly_fields = ("state", "created", "closed", "made_by", "events", "members", "people")
    inlines = (StepInline,)
    row_actions = (
        Action(
            name="provision",
            label=gettext_lazy("run what is not done"),
            done=ngettext_lazy("%(count)d company is provisioned.", "%(count)d companies are provisioned.", "count"),
            run=lambda company, submission: bool(provisioning.complete(company)),
            applies_to=lambda company: company.status == Company.Status.ACTIVE,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return True: a webhook that was lost is made up for by hand."""
        return request.user.has_perm("accounts.add_company")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if change else {"form": AddCompanyForm}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ("chatwoot_account_id", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: Company, form: Any, change: bool) -> None:
        report = AccountReport(
            occurred_at=timezone.now(), account_id=form.cleaned_data["chatwoot_account_id"], name=obj.name
        )
        made = companies.apply_report(report, cause=Cause.by_staff(request.user)).company
        obj.pk = made.pk
        obj.refresh_from_db()

    account = columns.attribute("chatwoot_account_id", gettext_lazy("account in Chatwoot"))
    state = columns.badge("status", gettext_lazy("status"))
    created = columns.moment("created_at", gettext_lazy("created"))
    closed = columns.moment("closed_at", gettext_lazy("closed"))

    @admin.display(description=gettext_lazy("source"))
    def made_by(self, company: Company) -> str:
        return caused(company.source, company.event_id) or NOTHING

    @admin.display(description=gettext_lazy("events"))
    def events(self, company: Company) -> str:
        return list_link(
            EVENTS, _("Events about this account"), q=company.chatwoot_account_id, provider=company.provider
        )

    @admin.display(description=gettext_lazy("administrators"))
    def members(self, company: Company) -> str:
        rows = ((one.get("name") or NOTHING, one.get("email") or NOTHING) for one in company.administrators)
        return format_html_join("", "<div>{} · {}</div>", rows) or NOTHING

    @admin.display(description=gettext_lazy("contacts"))
    def people(self, company: Company) -> str:
        """Return the newest ones, and a link to all of them."""
        newest = list(company.contacts.order_by("-pk")[: SHOWN + 1])
        if not newest:
            return NOTHING
        links = ((row_link("admin:accounts_contact", contact.pk, contact),) for contact in newest[:SHOWN])
        shown = format_html_join("", "<div>{}</div>", links)
        if len(newest) <= SHOWN:
            return shown
        everyone = list_link("admin:accounts_contact", _("and more: all contacts"), company__id__exact=company.pk)
        return format_html("{}<div>{}</div>", shown, everyone)


@admin.register(ProvisioningStep)
class ProvisioningStepAdmin(StepColumns, ReadOnlyAdmin):
    list_display = ("company", "what", "state", "words", "attempts", "due")
    list_filter = ("status",)
    list_select_related = ("company",)
    search_fields = ("company__company_id",)
    fields = (("owner", "state"), "step", "words", "error", ("attempts", "due", "finished"))
    readonly_fields = ("owner", "state", "words", "error", "due", "finished")
    error = columns.reason("last_error", gettext_lazy("error"))
    row_actions = (
        Action(
            name="run_again",
            label=gettext_lazy("run again"),
            done=_QUEUED,
            run=lambda step, submission: bool(provisioning.run_again([step])),
            applies_to=lambda step: step.status != ProvisioningStep.Status.PENDING or step.failures > 0,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProvisioningStep]:
        return super().get_queryset(request).select_related("company")

    @admin.display(description=gettext_lazy("company"))
    def owner(self, step: ProvisioningStep) -> str:
        return row_link("admin:accounts_company", step.company_id, step.company)

    @admin.display(description=gettext_lazy("step"))
    def what(self, step: ProvisioningStep) -> str:
        return short_name(step)


def short_name(step: ProvisioningStep) -> str:
    """Return the step as its module and function: "redis_prefix.check"."""
    return ".".join(step.step.split(".")[-2:])


def state_of(step: ProvisioningStep) -> str:
    return badge(step.status, step.get_status_display())


def words_of(step: ProvisioningStep) -> str:
    """Return the result of the step, or its last error."""
    return shortened(phrases.shown(step.result or step.last_error), 300) or NOTHING
