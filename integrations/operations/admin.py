"""The page of metrics, the alerts and the messages to Slack."""

from collections.abc import Mapping
from math import nan
from typing import Any

from django.contrib import admin
from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

import integrations.operations.home  # noqa: F401 (registered by its import)
from core.console import attention, columns, tools
from core.console.actions import Action, Submission
from core.console.base import ReadOnlyAdmin
from core.console.links import NOTHING, badge, list_url
from core.queue.wakeup import wake_on_commit
from integrations.operations.alerts import RULES, Rule, Verdict, subject_label
from integrations.operations.measures import Measured, Reader
from integrations.operations.models import AlertState, Notice

_RULES = {rule.name: rule for rule in RULES}


@attention.source
def raised_alerts() -> list[attention.Item]:
    return [
        attention.Item(
            key="raised_alerts",
            label=gettext("Alerts"),
            rows=AlertState.objects.filter(is_raised=True),
            occurred="since",
            url=list_url("admin:integrations_alertstate", is_raised__exact=1),
            permission="integrations.view_alertstate",
        )
    ]


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Show what every rule measures now, for each provider."""
    states: dict[str, dict[str, AlertState]] = {rule.name: {} for rule in RULES}
    for state in AlertState.objects.filter(rule__in=states):
        states[state.rule][state.subject] = state
    reader = Reader()
    rows = [row for rule in RULES for row in _rows(rule, states[rule.name], reader)]
    context = {**site.each_context(request), "title": gettext("Metrics"), "rows": rows}
    return TemplateResponse(request, "admin/metrics.html", context)


def _rows(rule: Rule, states: Mapping[str, AlertState], reader: Reader) -> list[dict[str, Any]]:
    by_subject = {measured.subject: measured for measured in rule.measure(reader, rule.window)}
    rows = []
    for subject in sorted(states.keys() | by_subject.keys()) or [""]:
        measured, state = by_subject.get(subject), states.get(subject)
        rows.append(
            {
                "rule": rule,
                "hours": rule.window.total_seconds() / 3600,
                "subject": subject_label(subject),
                "value": _format_value(rule, measured),
                "sample": measured.sample if measured else 0,
                "state": _badges(rule, measured, is_raised=state is not None and state.is_raised),
            }
        )
    return rows


def _format_value(rule: Rule, measured: Measured | None) -> str:
    """Return the value for people; a number of nothing is 0."""
    return rule.format_value(measured.value if measured else None if rule.unit else 0)


def _badges(rule: Rule, measured: Measured | None, *, is_raised: bool) -> str:
    """Return badges for the verdict on the value, and for an alert, which lasts until the value is good again."""
    verdict = rule.verdict(measured)
    if is_raised and verdict is Verdict.BAD:
        return badge("failed", _("alert"))
    labels = {
        Verdict.GOOD: ("processed", _("as it should be")),
        Verdict.BAD: ("failed", _("outside its limit")),
        Verdict.UNKNOWN: ("pending", _("not enough data")),
    }
    verdict_badge = badge(*labels[verdict])
    return format_html("{} {}", verdict_badge, badge("failed", _("alert"))) if is_raised else verdict_badge


def _last_measured(state: AlertState) -> Measured | None:
    """Return the last stored measurement of a rule, None where it had no rows."""
    if not state.sample:
        return None
    return Measured(subject=state.subject, value=nan if state.value is None else state.value, sample=state.sample)


tools.register(tools.Tool(name="metrics", label=_("Metrics"), path="metrics/", view=metrics_page))


@admin.register(AlertState)
class AlertStateAdmin(ReadOnlyAdmin):
    list_display = ("measure", "of_what", "state", "value_text", "since_text")
    list_filter = ("is_raised",)
    fields = (*list_display, "sample", "changes", "evaluated_at")
    readonly_fields = list_display

    of_what = columns.attribute("subject", _("of"), show=subject_label)

    @admin.display(description=_("measure"))
    def measure(self, state: AlertState) -> str:
        return str(_RULES[state.rule].title) if state.rule in _RULES else state.rule

    @admin.display(description=_("status"))
    def state(self, state: AlertState) -> str:
        rule = _RULES.get(state.rule)
        if rule is None:  # of an earlier version
            return badge("failed", _("alert")) if state.is_raised else NOTHING
        return _badges(rule, _last_measured(state), is_raised=state.is_raised)

    @admin.display(description=_("value"))
    def value_text(self, state: AlertState) -> str:
        rule = _RULES.get(state.rule)
        if rule is not None:
            return _format_value(rule, _last_measured(state))
        return NOTHING if state.value is None else f"{state.value:g}"

    since_text = columns.moment("since", _("since"))


def _post_again(notice: Notice, submission: Submission) -> bool:
    notice.requeue()
    wake_on_commit(notice)
    return True


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "text", "status", "attempts")
    list_filter = ("status",)
    fields = (*list_display, "next_attempt_at", "finished_at", "error")
    readonly_fields = fields
    error = columns.reason("last_error", _("error"))
    row_actions = (
        Action(
            name="post-again",
            label=_("post again"),
            done=ngettext_lazy("%(count)d message is posted again.", "%(count)d messages are posted again.", "count"),
            run=_post_again,
            applies_to=lambda notice: notice.status == Notice.Status.FAILED,
        ),
    )
