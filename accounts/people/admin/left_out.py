"""Values that could not be used, as the console shows and filters them."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core import phrases
from core.console.facets import ConditionFilter
from core.console.links import NOTHING
from core.field_names import remote_label


class LeftOutFilter(ConditionFilter):
    """Rows whose column `left_out` names something; without that it is NULL, or an empty mapping."""

    title = _("left out")
    parameter_name = "left_out"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes"))]

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        is_nullable = rows.model._meta.get_field("left_out").null
        return rows.exclude(Q(left_out__isnull=True) if is_nullable else Q(left_out={}))


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
