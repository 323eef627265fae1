"""Issues in the console: failures by cause, with what is left of each, and the decisions of staff."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from core.console import columns
from core.console.actions import Action, ReasonForm, Submission
from core.console.base import ReadOnlyAdmin
from core.console.links import NOTHING, list_link, row_link
from core.console.phrases import shown
from integrations.inbox.admin.filters import ProviderFilter
from integrations.issues import failed
from integrations.issues.models import Issue

Status = Issue.Status
SHOWN = 5  # examples
_BADGES = {
    Status.OPEN: "failed",
    Status.ACKNOWLEDGED: "pending",
    Status.RESOLVED: "processed",
    Status.IGNORED: "ignored",
}
_CHANGED = ngettext_lazy("%(count)d issue was changed.", "%(count)d issues were changed.", "count")


def _decision(name: str, label: Any, status: Issue.Status, explanation: Any, *, of: tuple[Issue.Status, ...]) -> Action:
    def run(issue: Issue, submission: Submission) -> bool:
        return failed.decide(issue, status, cause=submission.cause)

    form = None if status == Status.OPEN else ReasonForm
    return Action(
        name=name,
        label=label,
        done=_CHANGED,
        run=run,
        form=form,
        explanation=explanation,
        applies_to=lambda issue: issue.status in of,
    )


@admin.register(Issue)
class IssueAdmin(ReadOnlyAdmin):
    list_display = ("what", "provider", "type", "state", "failures", "left", "last_seen", "first_seen")
    list_filter = ("status", ProviderFilter, "kind")
    ordering = ("-last_seen_at",)
    fields = (
        ("state", "changed", "reason", "staff"),
        ("provider", "kind", "type"),
        "what",
        ("failures", "left"),
        ("first_seen", "last_seen"),
        "examples",
    )
    readonly_fields = ("what", "state", "left", "first_seen", "last_seen", "changed", "examples")
    row_actions = (
        _decision(
            "acknowledge",
            _("acknowledge"),
            Status.ACKNOWLEDGED,
            _("Somebody works on it. Further failures are counted, and nobody gets a mail."),
            of=(Status.OPEN,),
        ),
        _decision(
            "resolve",
            _("resolve"),
            Status.RESOLVED,
            _("What failed stays as it is. The next failure opens it again, with a mail."),
            of=(Status.OPEN, Status.ACKNOWLEDGED, Status.IGNORED),
        ),
        _decision(
            "set-aside",
            _("ignore"),
            Status.IGNORED,
            _("Further failures are counted, and nobody gets a mail, until somebody opens it again."),
            of=(Status.OPEN, Status.ACKNOWLEDGED),
        ),
        _decision("open-again", _("open again"), Status.OPEN, "", of=(Status.RESOLVED, Status.IGNORED)),
    )

    what = columns.reason("cause", _("cause"))
    state = columns.badge("status", _("status"), kinds=_BADGES)
    first_seen = columns.moment("first_seen_at", _("first seen"))
    last_seen = columns.moment("last_seen_at", _("last seen"))
    changed = columns.moment("changed_at", _("since"))

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return failed.with_left(super().get_queryset(request)).select_related("staff")

    @admin.display(description=_("still failed"))
    def left(self, issue: Any) -> str:
        return list_link(_rows_page(issue), issue.left, issue=issue.pk) if issue.left else "0"

    @admin.display(description=_("newest"))
    def examples(self, issue: Issue) -> str:
        """Return the newest rows, with their errors."""
        rows = failed.rows_of(issue).order_by("-pk")[:SHOWN]
        lines = ((row_link(_rows_page(issue), row.pk, row), shown(row.last_error)) for row in rows)
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: {}</li>", lines)) if rows else NOTHING


def _rows_page(issue: Issue) -> str:
    return f"admin:integrations_{failed.MODELS[Issue.Kind(issue.kind)]._meta.model_name}"
