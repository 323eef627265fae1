"""Rules of synced fields and pipelines in the console."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.console import columns
from core.console.audited import AuditedAdmin
from core.console.base import BoundedLists
from integrations.fields.admin.choices import offered_fields
from integrations.fields.admin.field_rule_forms import (
    FieldPlaceForm,
    FieldPlaces,
    FieldRuleForm,
    PipelineRuleForm,
    PolicyStatusRuleForm,
)
from integrations.fields.models import FieldPlace, FieldRule, PipelineRule, PolicyStatusRule

_HOLDS_FROM_NOW_ON = gettext_lazy(
    "A change here changes no contact by itself: it applies to whatever is received or written from now on. Press"
    " sync now on a contact's page to apply it at once."
)


class FieldPlaceInline(admin.StackedInline):
    model = FieldPlace
    form = FieldPlaceForm
    formset = FieldPlaces
    extra = 1


def _label_of(name: str) -> Any:
    field: Any = PipelineRule._meta.get_field(name)
    return field.verbose_name


@admin.register(FieldRule)
class FieldRuleAdmin(AuditedAdmin, BoundedLists):
    list_display = ("name", "authority_shown", "places_shown")
    fieldsets = ((None, {"fields": ("name", "authority"), "description": _HOLDS_FROM_NOW_ON}),)
    form = FieldRuleForm
    inlines = (FieldPlaceInline,)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("places")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        context["offered"] = offered_fields()
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=FieldRule._meta.get_field("authority").verbose_name)
    def authority_shown(self, rule: FieldRule) -> str:
        return rule.authority or _("the newest value")

    @admin.display(description=gettext_lazy("custom fields"))
    def places_shown(self, rule: FieldRule) -> str:
        return ", ".join(map(str, rule.places.all())) or _("standard field of every provider")


@admin.register(PipelineRule)
class PipelineRuleAdmin(AuditedAdmin, BoundedLists):
    list_display = ("line_of_business", "provider", "pipeline", "stage")
    form = PipelineRuleForm
    fieldsets = (
        (
            None,
            {
                "fields": ("provider", "line_of_business", "pipeline_id", "stage_id"),
                "description": gettext_lazy(
                    "For opportunities that are created from now on. Existing ones stay in their stage."
                ),
            },
        ),
    )
    ordering = ("provider", "line_of_business")

    pipeline = columns.of(lambda rule: rule.pipeline_name or rule.pipeline_id, _label_of("pipeline_id"))
    stage = columns.of(lambda rule: rule.stage_name or rule.stage_id, _label_of("stage_id"))

    def get_fieldsets(self, request: HttpRequest, obj: PipelineRule | None = None) -> Any:
        """Return the form, in which stages are chosen; whoever may only look reads their names."""
        if self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        return ((None, {"fields": self.list_display}),)

    def get_readonly_fields(self, request: HttpRequest, obj: PipelineRule | None = None) -> Any:
        shown = () if self.has_change_permission(request, obj) else self.list_display
        return (*super().get_readonly_fields(request, obj), *shown)


@admin.register(PolicyStatusRule)
class PolicyStatusRuleAdmin(AuditedAdmin, BoundedLists):
    list_display = ("policy_status", "result")
    form = PolicyStatusRuleForm
    fieldsets = (
        (
            None,
            {
                "fields": ("policy_status", "opportunity_status"),
                "description": gettext_lazy(
                    "A change of a policy's status sets the status of its opportunity, once. Without a rule: active,"
                    " bound, in force, issued, renewed and reinstated policies, bound and accepted quotes are won;"
                    " canceled, non-renewed, lapsed, declined and lost ones, and expired quotes, are lost; quotes are"
                    " open. Any other status leaves the opportunity as it is."
                ),
            },
        ),
    )
    ordering = ("policy_status",)

    result = columns.of(
        lambda rule: rule.get_opportunity_status_display(),
        PolicyStatusRule._meta.get_field("opportunity_status").verbose_name,
    )
