"""Replays: how far each has come, and the buttons to stop it and to go on."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from core.console import attention, columns
from core.console.actions import Action
from core.console.base import ReadOnlyAdmin
from core.console.facets import ConditionFilter
from core.console.links import EVENTS, NOTHING, list_link, list_url
from integrations.inbox.admin.replay_plan import REPLAYS, url_of
from integrations.inbox.models import Replay
from integrations.inbox.replays import actions
from integrations.inbox.replays.criteria import Criteria

Status = Replay.Status
_BADGES = {
    Status.PENDING: "pending",
    Status.STOPPED: "unmatched",
    Status.DONE: "processed",
    Status.FAILED: "failed",
}


@attention.source
def replays_with_failures() -> list[attention.Item]:
    return [
        attention.Item(
            key="failed_replays",
            label=gettext_lazy("Replays that ended with failures"),
            rows=Replay.objects.with_failures(),
            occurred="finished_at",
            action=gettext_lazy("Look at their events"),
            url=list_url(REPLAYS, ended="failures"),
            permission="integrations.view_replay",
        )
    ]


class EndedFilter(ConditionFilter):
    title = gettext_lazy("ended")
    parameter_name = "ended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("failures", _("with failures"))]

    def narrowed(self, rows: QuerySet[Replay], value: str) -> QuerySet[Replay]:
        return rows & Replay.objects.with_failures()


@admin.register(Replay)
class ReplayAdmin(ReadOnlyAdmin):
    list_display = ("started", "state", "filter", "progress", "changed", "unsettled", "staff")
    list_filter = ("status", EndedFilter)
    list_select_related = ("staff",)
    fields = (
        ("state", "progress"),
        ("changed", "not_processed"),
        "filter",
        "problem",
        ("pace", "cause"),
        ("started", "finished"),
    )
    readonly_fields = ("state", "filter", "progress", "not_processed", "problem", "started", "finished")
    row_actions = (
        Action(
            name="stop",
            label=gettext_lazy("stop"),
            done=ngettext_lazy("%(count)d replay was stopped.", "%(count)d replays were stopped.", "count"),
            run=lambda replay, submission: actions.stop(replay),
            applies_to=lambda replay: replay.status == Status.PENDING,
        ),
        Action(
            name="resume",
            label=gettext_lazy("resume"),
            done=ngettext_lazy("%(count)d replay goes on.", "%(count)d replays go on.", "count"),
            run=lambda replay, submission: actions.resume(replay),
            applies_to=lambda replay: replay.status in (Status.STOPPED, Status.FAILED),
        ),
    )

    started = columns.moment("created_at", gettext_lazy("started"))
    finished = columns.moment("finished_at", gettext_lazy("finished"))
    state = columns.badge("status", gettext_lazy("status"), kinds=_BADGES)
    problem = columns.reason("last_error", gettext_lazy("error"))

    @admin.display(description=gettext_lazy("filter"))
    def filter(self, replay: Replay) -> str:
        criteria = Criteria.of(replay)
        return format_html('<a href="{}">{}</a>', url_of(criteria.stated), criteria.shown or NOTHING)

    @admin.display(description=Replay._meta.get_field("unsettled").verbose_name)
    def not_processed(self, replay: Replay) -> str:
        """Return the number, linked to the events: a replay before they were remembered has none."""
        if not replay.unsettled_events.exists():
            return str(replay.unsettled)
        return list_link(EVENTS, replay.unsettled, replays=replay.pk)

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, replay: Replay) -> str:
        text = _("%(done)d of %(total)d events") % {"done": replay.done, "total": replay.total}
        return format_html(
            '<progress max="{}" value="{}" aria-label="{}"></progress> {}', replay.total, replay.done, text, text
        )

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        replay = kwargs.get("obj")
        context["is_running"] = replay is not None and replay.status == Status.PENDING
        return super().render_change_form(request, context, *args, **kwargs)
