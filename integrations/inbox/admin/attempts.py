"""The attempts at an event, and what they changed, on the event's page."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.console import columns, phrases
from core.console.base import ReadOnlyInline
from core.console.format import folded
from core.console.links import NOTHING, row_link
from integrations.inbox.models import Effect, InboxAttempt


class AttemptInline(ReadOnlyInline):
    model = InboxAttempt
    fields = readonly_fields = ("anchor", "started", "took", "outcome", "problem")

    @admin.display(description=gettext_lazy("attempt"))
    def anchor(self, attempt: InboxAttempt) -> str:
        """Return the number as a link to itself, for colleagues; it also lets the keyboard into a scrolling table."""
        return format_html('<a id="attempt-{0}" href="#attempt-{0}">{0}</a>', attempt.number)

    started = columns.moment("started_at", gettext_lazy("started"))

    @admin.display(description=gettext_lazy("took"))
    def took(self, attempt: InboxAttempt) -> str:
        return NOTHING if attempt.duration_ms is None else f"{attempt.duration_ms} ms"

    @admin.display(description=gettext_lazy("error"))
    def problem(self, attempt: InboxAttempt) -> str:
        trace = folded(_("Traceback"), attempt.traceback) if attempt.traceback else ""
        return format_html("{}{}", phrases.shown(attempt.error), trace) if attempt.error or trace else NOTHING


class EffectInline(ReadOnlyInline):
    model = Effect
    fields = readonly_fields = ("what", "link")
    what = columns.reason("description", gettext_lazy("what"))

    @admin.display(description=gettext_lazy("on"))
    def link(self, effect: Effect) -> str:
        # By type and key: fetching every target for its name would be a query a row.
        kind = effect.content_type.model_class()
        if kind is None:
            return NOTHING
        text = f"{kind._meta.verbose_name} {effect.object_id}"
        return row_link(f"admin:{kind._meta.app_label}_{kind._meta.model_name}", effect.object_id, text)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Effect]:
        return super().get_queryset(request).select_related("content_type")
