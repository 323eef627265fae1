"""Issues in the console: failures by cause and changed payloads, what is left of each, and the decisions of staff."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from core.console import attention, columns
from core.console.actions import Action, ReasonForm, Submission
from core.console.base import NewestInline, ReadOnlyAdmin
from core.console.links import EVENTS, NOTHING, list_link, list_url, row_link
from core.phrases import shown
from core.provider_names import provider_title
from integrations.inbox.admin.filters import ProviderFilter
from integrations.issues import failed
from integrations.issues.models import Issue
from integrations.operations.drift import drifts, texts
from integrations.operations.models import FieldDrift

Status = Issue.Status
DRIFT = Issue.Kind.DRIFT
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


@attention.source
def changed_payloads() -> list[attention.Item]:
    return [
        attention.Item(
            key="drift",
            label=_("Types of events whose fields have changed"),
            rows=Issue.objects.filter(kind=DRIFT, status=Status.OPEN),
            occurred="changed_at",
            url=list_url("admin:integrations_issue", kind__exact=DRIFT, status__exact=Status.OPEN),
            permission="integrations.view_issue",
        )
    ]


class ChangedFields(NewestInline):
    """The fields of an issue about changed payloads: before, now, since when, and an event as an example."""

    model = FieldDrift
    fields = ("path", "was", "is_now", "began", "share", "example", "ended")
    readonly_fields = fields

    began = columns.moment("since", _("since"))
    ended = columns.moment("ended_at", _("ended"))
    is_now = columns.of(texts.now, _("now"))

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).select_related("event")

    @admin.display(description=_("before"))
    def was(self, row: FieldDrift) -> str:
        count = ngettext("in %(count)d event", "in %(count)d events", row.events_before)
        return f"{texts.typed(row.before)}, {count % {'count': row.events_before}}"

    @admin.display(description=_("events"))
    def share(self, row: FieldDrift) -> str:
        return _("%(lost)d of %(of)d") % {"lost": row.lost, "of": row.of}

    @admin.display(description=_("example"))
    def example(self, row: FieldDrift) -> str:
        return row_link(EVENTS, row.event_id, row.event_id) if row.event_id else NOTHING


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
    readonly_fields = ("what", "state", "left", "first_seen", "last_seen", "changed", "examples", "sentences")
    inlines = (ChangedFields,)
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
        Action(
            name="accept",
            label=_("accept the new structure"),
            done=_CHANGED,
            run=lambda issue, submission: drifts.accept(issue, cause=submission.cause),
            form=ReasonForm,
            explanation=_(
                "This is right now: the fields are learnt anew from the events that come, and the issue ends."
            ),
            applies_to=lambda issue: issue.kind == DRIFT and issue.status != Status.RESOLVED,
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

    def get_fields(self, request: HttpRequest, obj: Issue | None = None) -> Any:
        if obj is None or obj.kind != DRIFT:
            return self.fields
        return [one for one in self.fields if one not in {("failures", "left"), "examples"}] + ["sentences"]

    def get_inlines(self, request: HttpRequest, obj: Issue | None) -> Any:
        return self.inlines if obj is not None and obj.kind == DRIFT else ()

    @admin.display(description=_("what has changed"))
    def sentences(self, issue: Issue) -> str:
        """Return a sentence for each field that is not as it was, now."""
        rows = [row for row in drifts.of_issue(issue) if row.ended_at is None][: drifts.MOST_NAMED]
        lines = ((f"{provider_title(issue.provider)}: {issue.type}: {texts.sentence(row)}",) for row in rows)
        return format_html_join(mark_safe("<br>"), "{}", lines) if rows else NOTHING

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
