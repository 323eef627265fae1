"""Admin of plans and the offers that sell them."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.memberships import plans
from accounts.memberships.admin.plan_mails import ALL_MAILS
from accounts.memberships.models import Plan, PlanOffer
from core.console import columns
from core.console.actions import ActionsMixin
from core.console.base import BoundedLists, EditedInline, NeverDeleted

WAITING_LIST = "waiting-offers"  # the datalist of templates/admin/accounts/plan/waiting_offers.html


class OfferInline(EditedInline):
    model = PlanOffer
    extra = 1

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "external_id" and field is not None:
            field.widget.attrs["list"] = WAITING_LIST
        return field


@admin.register(Plan)
class PlanAdmin(NeverDeleted, ActionsMixin, BoundedLists):
    list_display = ("name", "code", "partner", "price", "period_months")
    inlines = (OfferInline,)
    row_actions = (ALL_MAILS,)
    readonly_fields = ("in_settings",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the offers of settings where there are any: beside the others, which stand beneath."""
        fields = super().get_fields(request, obj)
        has_some = obj is not None and plans.offers_in_settings(obj)
        return fields if has_some else [name for name in fields if name != "in_settings"]

    @admin.display(description=gettext_lazy("offers mapped by settings"))
    def in_settings(self, plan: Plan) -> str:
        provider, _code, setting = plans.FROM_SETTINGS
        return _("%(provider)s: %(offers)s (setting %(name)s)") % {
            "provider": provider.value,
            "offers": ", ".join(plans.offers_in_settings(plan)),
            "name": setting,
        }

    price = columns.money("price_cents", gettext_lazy("price"))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        context["waiting_offers"] = plans.waiting_offers()
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        own = {"waiting_offers": plans.waiting_offers()}
        return super().changelist_view(request, own | (extra_context or {}))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        waiting = {(one.provider, one.offer): one.purchases for one in plans.waiting_offers()}
        super().save_formset(request, form, formset, change)
        if formset.model is not PlanOffer:
            return
        mapped = [*formset.new_objects, *(offer for offer, _names in formset.changed_objects)]
        if count := sum(waiting.get((offer.provider, offer.external_id), 0) for offer in mapped):
            text = ngettext(
                "%(count)d purchase that was read without a plan is read again in a minute. Its welcome is held back.",
                "%(count)d purchases that were read without a plan are read again in a minute. Their welcome is held"
                " back.",
                count,
            )
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
        if count := sum(map(plans.offer_mapped, mapped)):
            text = ngettext(
                "%(count)d event that waited for this plan is processed now.",
                "%(count)d events that waited for this plan are processed now.",
                count,
            )
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
