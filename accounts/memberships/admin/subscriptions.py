"""Subscriptions with their facts and their history, and what staff may do to them."""

from datetime import datetime
from typing import Any

from dateutil.relativedelta import relativedelta
from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.memberships import access_span, explain, staff_actions
from accounts.memberships.admin.forms import ExtendForm, GrantForm, ShortenForm
from accounts.memberships.models import Purchase, Subscription, SubscriptionFact, SubscriptionTransition
from accounts.memberships.purchase_state import Status
from accounts.signin.admin.set_up_mail import send_set_up_mail
from core import dates
from core.cause import Cause
from core.console import columns
from core.console.actions import Action, ReasonForm, Refused, Submission
from core.console.base import ConsoleAdmin, NeverDeleted, ReadOnlyInline
from core.console.links import NOTHING, row_link, source_of
from core.money import money


class PurchaseInline(ReadOnlyInline):
    model = Purchase
    fields = readonly_fields = (
        "name",
        "state",
        "started_at",
        "paid_until",
        "access_until",
        "billing",
        "quantity",
        "price",
        "returned",
    )

    @admin.display(description=_("purchase"))
    def name(self, purchase: Purchase) -> str:
        """Link to its facts; a table that scrolls needs something that takes the focus."""
        url = reverse("admin:accounts_subscriptionfact_changelist")
        return format_html('<a href="{}?purchase__id__exact={}">{}</a>', url, purchase.pk, purchase)

    state = columns.badge("status", _("status"))
    price = columns.of(lambda purchase: _amount(purchase, purchase.amount), _("price"))
    returned = columns.of(lambda purchase: _amount(purchase, purchase.refunded or None), _("refunded"))


def _amount(purchase: Purchase, amount: int | None) -> str:
    """Return an amount in the plan's currency: no event names another one."""
    return NOTHING if amount is None else money(amount, purchase.subscription.plan.currency)


class FactInline(ReadOnlyInline):
    model = SubscriptionFact
    fields = readonly_fields = (
        "kind",
        "occurred_at",
        "learned_at",
        "period_end",
        "purchase",
        "rule",
        "question",
        "source",
        "staff",
        "why",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SubscriptionFact]:
        return super().get_queryset(request).select_related("staff", "purchase")

    source = columns.of(source_of, _("source"))
    why = columns.reason("reason", _("reason"))


class TransitionInline(ReadOnlyInline):
    model = SubscriptionTransition
    fields = readonly_fields = ("before", "after", "occurred_at", "learned_at", "source", "staff", "why")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SubscriptionTransition]:
        return super().get_queryset(request).select_related("staff")

    @admin.display(description=_("from"))
    def before(self, transition: SubscriptionTransition) -> str:
        return transition.get_from_status_display() or NOTHING

    after = columns.badge("to_status", _("to"))
    source = columns.of(source_of, _("source"))
    why = columns.reason("reason", _("reason"))


def _cancel(subscription: Subscription, submission: Submission) -> bool:
    return staff_actions.cancel(subscription, cause=submission.cause).transition is not None


def _expire(subscription: Subscription, submission: Submission) -> bool:
    return staff_actions.expire(subscription, cause=submission.cause).transition is not None


def _extend(subscription: Subscription, submission: Submission) -> bool:
    by, until = submission.answers["by"], submission.answers["until"]
    if by != "day":
        step = relativedelta(months=1) if by == "month" else relativedelta(years=1)
        present = (_shown_end(subscription) if subscription.has_access else None) or timezone.now()
        until = present + step
        if subscription.has_access and (last := subscription.access_until) and until <= last:
            until = last + step  # the days of grace are longer than the step
    try:
        return not staff_actions.extend(subscription, until=until, cause=submission.cause).known
    except ValueError as error:
        text = _("%(present)s: that is later already. To end it earlier, use “end on a day”.")
        raise Refused(text % {"present": _with_end(subscription)}) from error


def _shorten(subscription: Subscription, submission: Submission) -> bool:
    until = submission.answers["until"]
    try:
        return staff_actions.shorten(subscription, until=until, cause=submission.cause).changed
    except ValueError as error:
        raise Refused(_("%(member)s: access does not last that long.") % {"member": subscription.user}) from error


def _shown_end(subscription: Subscription) -> datetime | None:
    ends = {"paid_until": subscription.current_period_end, "access_until": subscription.access_until}
    return access_span.shown_end(**ends, now=timezone.now())


def _with_end(subscription: Subscription) -> str:
    """Describe a subscription with its present end, as the forms of its actions show it."""
    if not subscription.has_access:
        return _("%(name)s: no access now") % {"name": subscription}
    until = _shown_end(subscription)
    if until is None:
        return _("%(name)s: access without an end") % {"name": subscription}
    end = date_format(dates.last_day(until), "DATE_FORMAT")
    return _("%(name)s: access until %(end)s") % {"name": subscription, "end": end}


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
        "why",
        "started_at",
        "current_period_end",
        "access_until",
        "canceled_at",
        "provider",
        "external_member_id",
        "external_offer_id",
        "external_purchase_id",
    )
    readonly_fields = ("user_link", "state", "why")
    inlines = (PurchaseInline, FactInline, TransitionInline)
    row_actions = (
        Action(
            name="cancel",
            label=_("cancel"),
            explanation=_("The subscription ends with its paid period; access stays until then."),
            done=ngettext_lazy(
                "%(count)d subscription was canceled.", "%(count)d subscriptions were canceled.", "count"
            ),
            run=_cancel,
            applies_to=lambda subscription: subscription.has_access and subscription.status != Status.CANCELED,
            form=ReasonForm,
            shown=_with_end,
        ),
        Action(
            name="expire",
            label=_("expire"),
            explanation=_("The subscription and its access end now."),
            done=ngettext_lazy("%(count)d subscription has expired.", "%(count)d subscriptions have expired.", "count"),
            run=_expire,
            applies_to=lambda subscription: subscription.has_access or subscription.status == Status.SCHEDULED,
            form=ReasonForm,
            shown=_with_end,
        ),
        Action(
            name="extend",
            label=_("extend"),
            explanation=_("Access is given beside what was bought, and never ends earlier than it does now."),
            done=ngettext_lazy(
                "%(count)d subscription has a new end.", "%(count)d subscriptions have a new end.", "count"
            ),
            run=_extend,
            applies_to=lambda subscription: not (subscription.has_access and subscription.access_until is None),
            form=ExtendForm,
            shown=_with_end,
        ),
        Action(
            name="shorten",
            label=_("end on a day"),
            explanation=_("All access to this plan ends with that day, whatever was paid. It can be extended again."),
            done=ngettext_lazy(
                "%(count)d subscription has a new end.", "%(count)d subscriptions have a new end.", "count"
            ),
            run=_shorten,
            applies_to=lambda subscription: subscription.has_access,
            form=ShortenForm,
            shown=_with_end,
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
        granted = staff_actions.grant(obj.user, obj.plan, until=form.cleaned_data["until"], cause=cause)
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

    @admin.display(description=_("why"))
    def why(self, subscription: Subscription) -> str:
        """Return the sentence that explains the state, with a link to each question that is open."""
        found = explain.of_subscription(subscription)
        links = [
            row_link("admin:accounts_subscriptionfact", fact.pk, f"{fact.get_kind_display()}: {question}")
            for fact in found.questions
            if (question := fact.get_question_display())
        ]
        return format_html("{}{}", found.sentence, format_html_join("", "<br>{}", ((link,) for link in links)))


def _with_widgets(model_admin: SubscriptionAdmin, request: HttpRequest) -> type[forms.ModelForm]:
    def widget_of(db_field: Any, **kwargs: Any) -> forms.Field | None:
        return model_admin.formfield_for_dbfield(db_field, request=request, **kwargs)

    return forms.modelform_factory(Subscription, form=GrantForm, formfield_callback=widget_of)
