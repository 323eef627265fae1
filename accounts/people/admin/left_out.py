"""Values that could not be used, as the console shows and filters them."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core import phrases
from core.console.links import NOTHING
from core.field_names import remote_label


class LeftOutFilter(SimpleListFilter):
    """Rows whose column `left_out` names something; without that it is NULL, or an empty mapping."""

    title = _("left out")
    parameter_name = "left_out"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        is_nullable = queryset.model._meta.get_field("left_out").null
        without = Q(left_out__isnull=True) if is_nullable else Q(left_out={})
        return queryset.exclude(without) if self.value() else queryset


def left_out_lines(left_out: Mapping[str, Any] | None) -> str:
    """Return a line for each value that was left out: its name and why. A reason may stand beside its value."""
    lines = [
        (
            remote_label(name),
            f"{one['value']} {phrases.shown(one['reason'])}".strip() if isinstance(one, dict) else phrases.shown(one),
        )
        for name, one in sorted((left_out or {}).items())
    ]
    return format_html_join(SafeString("<br>"), "<b>{}</b> {}", lines) or NOTHING
