"""Subscriptions with their facts and their history, and what staff may do to them."""

from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.memberships import subscriptions
from accounts.memberships.models import Subscription, SubscriptionFact, SubscriptionTransition
from accounts.memberships.purchase_state import Status
from accounts.signin.admin.set_up_mail import send_set_up_mail
from core.cause import Cause
from core.console import columns
from core.console.actions import Action, ReasonForm, Submission
from core.console.base import ConsoleAdmin, NeverDeleted, ReadOnlyInline
from core.console.links import row_link, source_of


class LastDayField(forms.DateField):
    """A day in the future; gives the moment at which it ends."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "vDateInput"})
    input_formats = ("%Y-%m-%d",)

    def clean(self, value: Any) -> datetime:
        day = super().clean(value)
        end = timezone.make_aware(datetime.combine(day, time(23, 59, 59)))
        if end <= timezone.now():
            raise ValidationError(_("Choose a day that has not passed."))
        return end


class ExtendForm(ReasonForm):
    field_order = ("until", "reason")
    until = LastDayField(label=_("Last day of access"))


class GrantForm(forms.ModelForm):
    """A subscription by hand, for somebody who paid elsewhere or is to have it as a present."""

    until = LastDayField(label=_("Last day of access"))
    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Kept in the history, for whoever asks later."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )  # fmt: skip

    class Meta:
        model = Subscription
        fields = ("user", "plan")


class FactInline(ReadOnlyInline):
    model = SubscriptionFact
    fields = readonly_fields = ("kind", "occurred_at", "learned_at", "period_end", "source", "staff")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SubscriptionFact]:
        return super().get_queryset(request).select_related("staff")

    source = columns.of(source_of, _("source"))


class TransitionInline(ReadOnlyInline):
    model = SubscriptionTransition
    fields = readonly_fields = ("before", "after", "occurred_at", "learned_at", "source", "staff", "reason")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SubscriptionTransition]:
        return super().get_queryset(request).select_related("staff")

    @admin.display(description=_("from"))
    def before(self, transition: SubscriptionTransition) -> str:
        return transition.get_from_status_display()

    after = columns.badge("to_status", _("to"))
    source = columns.of(source_of, _("source"))


def _cancel(subscription: Subscription, submission: Submission) -> bool:
    return subscriptions.cancel(subscription, cause=submission.cause).transition is not None


def _expire(subscription: Subscription, submission: Submission) -> bool:
    return subscriptions.expire(subscription, cause=submission.cause).transition is not None


def _extend(subscription: Subscription, submission: Submission) -> bool:
    return not subscriptions.extend(subscription, until=submission.answers["until"], cause=submission.cause).known


@admin.register(Subscription)
class SubscriptionAdmin(NeverDeleted, ConsoleAdmin):
    """Nothing is edited: actions become facts, and the columns follow from the facts."""

    list_display = ("person", "plan", "state", "started_at", "current_period_end", "provider")
    list_filter = ("status", "plan")
    list_select_related = ("user", "plan")
    search_fields = ("user__email",)
    search_help_text = _("Beginning of the member's e-mail")
    raw_id_fields = ("user",)
    fields = (
        "user_link",
        "plan",
        "state",
        "started_at",
        "current_period_end",
        "canceled_at",
        "provider",
        "external_member_id",
        "external_offer_id",
        "external_purchase_id",
    )
    readonly_fields = ("user_link", "state")
    inlines = (TransitionInline, FactInline)
    row_actions = (
        Action(
            name="cancel",
            label=_("cancel"),
            explanation=_("The subscription ends with its paid period; access stays until then."),
            done=ngettext_lazy(
                "%(count)d subscription was canceled.", "%(count)d subscriptions were canceled.", "count"
            ),
            run=_cancel,
            applies_to=lambda subscription: subscription.status == Status.ACTIVE,
            form=ReasonForm,
        ),
        Action(
            name="expire",
            label=_("expire"),
            explanation=_("The subscription and its access end now."),
            done=ngettext_lazy("%(count)d subscription has expired.", "%(count)d subscriptions have expired.", "count"),
            run=_expire,
            applies_to=lambda subscription: subscription.status in (Status.ACTIVE, Status.CANCELED),
            form=ReasonForm,
        ),
        Action(
            name="extend",
            label=_("extend"),
            explanation=_("Access lasts until that day ends (UTC). What expired or was refunded is active again."),
            done=ngettext_lazy(
                "%(count)d subscription has a new end.", "%(count)d subscriptions have a new end.", "count"
            ),
            run=_extend,
            form=ExtendForm,
        ),
        send_set_up_mail(lambda subscription: subscription.user),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else _with_widgets(self, request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else [(None, {"fields": ("user", "plan", "until", "reason")})]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        staff: Any = request.user
        cause = Cause.by_staff(staff, form.cleaned_data["reason"])
        granted = subscriptions.grant(obj.user, obj.plan, until=form.cleaned_data["until"], cause=cause)
        obj.pk = granted.subscription.pk
        obj._state.adding = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Subscription], search_term: str
    ) -> tuple[QuerySet[Subscription], bool]:
        beginning = search_term.strip().lower()  # as e-mails are stored: a plain prefix, for which there is an index
        return (queryset.filter(user__email__startswith=beginning) if beginning else queryset), False

    person = columns.attribute("user.email", _("member"))

    @admin.display(description=_("member"))
    def user_link(self, subscription: Subscription) -> str:
        name = subscription.user.get_full_name()
        link = row_link("admin:accounts_user", subscription.user_id, subscription.user.email)
        return format_html("{} {}", link, f"({name})" if name else "")

    state = columns.badge("status", _("status"))


def _with_widgets(model_admin: SubscriptionAdmin, request: HttpRequest) -> type[forms.ModelForm]:
    def widget_of(db_field: Any, **kwargs: Any) -> forms.Field | None:
        return model_admin.formfield_for_dbfield(db_field, request=request, **kwargs)

    return forms.modelform_factory(Subscription, form=GrantForm, formfield_callback=widget_of)
