"""Reconciliations and their findings, with the buttons to stop, resume and settle them."""

from typing import Any

from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.memberships.purchase_state import status_label
from core import phrases
from core.console import attention, columns
from core.console.actions import Action, Answer, ReasonForm, Refused, Submission
from core.console.base import ReadOnlyAdmin
from core.console.facets import ConditionFilter
from core.console.format import folded, indented
from core.console.links import NOTHING, badge, list_link, list_url, row_link
from core.console.pruned import removed
from integrations.contracts.exceptions import Permanent, Retryable, Unmatched
from integrations.inbox.admin.filters import ProviderFilter
from integrations.reconcile import access_audit, missing_plans, runs, subscription_check
from integrations.reconcile.findings import current_findings
from integrations.reconcile.models import SyncFinding, SyncRun
from integrations.reconcile.models.sync_run import RunStatus

RUNS = "admin:integrations_syncrun"
FINDINGS = "admin:integrations_syncfinding"
_BADGES = {
    RunStatus.PENDING: "pending",
    RunStatus.STOPPED: "unmatched",
    RunStatus.DONE: "processed",
    RunStatus.FAILED: "failed",
}

# Beside those of Django's: what our pages link to.
_LOOKUPS = {"run__id__exact", "run__provider", *(f"run__started_at__{name}" for name in ("gt", "gte", "lt"))}


@attention.source
def runs_and_findings() -> list[attention.Item]:
    """Count each provider's newest run where it failed or is stopped, and the open findings."""
    kinds = [
        ("failed_runs", gettext_lazy("Reconciliations that failed"), RunStatus.FAILED, "finished_at"),
        ("stopped_runs", gettext_lazy("Reconciliations that are stopped"), RunStatus.STOPPED, "started_at"),
    ]
    items = [
        attention.Item(
            key=key,
            label=label,
            rows=newest_runs().filter(status=status),
            occurred=occurred,
            action=gettext_lazy("Resume"),
            url=list_url(RUNS, newest=status.value),
            permission="integrations.view_syncrun",
        )
        for key, label, status, occurred in kinds
    ]
    differences = attention.Item(
        key="differences",
        label=gettext_lazy("Differences that a reconciliation found"),
        rows=open_findings(),
        occurred="run__started_at",
        action=gettext_lazy("Apply or set aside"),
        url=list_url(FINDINGS, status__exact="open"),
        permission="integrations.view_syncfinding",
    )
    waiting = missing_plans.offers()
    unsold = attention.Item(
        key="offers_without_plan",
        label=gettext_lazy("Offers that no plan sells, while purchases that were read wait for one"),
        state=" ".join(f"{one.provider}:{one.offer}" for one in waiting),
        count=len(waiting),
        action=gettext_lazy("Choose their plan"),
        url=reverse("admin:accounts_plan_changelist"),
        permission="accounts.view_plan",
    )
    return [*items, differences, unsold]


def open_findings() -> QuerySet[SyncFinding]:
    return current_findings(SyncFinding.objects.filter(status=SyncFinding.Status.OPEN))


def newest_runs() -> QuerySet[SyncRun]:
    """Return the newest run of each provider."""
    newest = SyncRun.objects.order_by().values("provider").annotate(newest=Max("pk")).values("newest")
    return SyncRun.objects.filter(pk__in=newest)


class NewestFilter(ConditionFilter):
    title = gettext_lazy("newest run of each provider")
    parameter_name = "newest"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(status.value, status.label) for status in (RunStatus.FAILED, RunStatus.STOPPED, RunStatus.DONE)]

    def narrowed(self, rows: QuerySet[SyncRun], value: str) -> QuerySet[SyncRun]:
        return rows.filter(status=value, pk__in=newest_runs().values("pk"))


def _resume(run: SyncRun, submission: Submission) -> bool:
    try:
        return runs.resume(run)
    except runs.AlreadyOpen as error:
        raise Refused(str(error)) from error


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    list_display = ("started", "provider", "kind", "state", "pages", "seen", "changed", "healed", "errors", "why")
    list_filter = ("status", NewestFilter, "kind", ProviderFilter)
    fields = (
        ("state", "kind", "provider"),
        ("window_from", "window_to"),
        ("stage", "page", "pages"),
        ("seen", "changed", "healed", "unmatched", "errors"),
        "notes_text",
        "change_lines",
        "healed_lines",
        "problem_lines",
        "findings_link",
        ("cause", "staff"),
        ("started_at", "finished_at", "next_attempt_at"),
        "error",
    )
    readonly_fields = ("state", "error", "notes_text", "change_lines", "healed_lines", "problem_lines", "findings_link")
    row_actions = (
        Action(
            name="stop",
            label=gettext_lazy("stop"),
            done=ngettext_lazy(
                "%(count)d reconciliation was stopped.", "%(count)d reconciliations were stopped.", "count"
            ),
            run=lambda run, submission: runs.stop(run),
            applies_to=lambda run: run.status == RunStatus.PENDING,
        ),
        Action(
            name="resume",
            label=gettext_lazy("resume"),
            done=ngettext_lazy(
                "%(count)d reconciliation was resumed.", "%(count)d reconciliations were resumed.", "count"
            ),
            run=_resume,
            applies_to=lambda run: run.status in (RunStatus.STOPPED, RunStatus.FAILED),
        ),
    )

    started = columns.moment("started_at", gettext_lazy("started"))
    state = columns.badge("status", gettext_lazy("status"), kinds=_BADGES)
    why = columns.reason("last_error", gettext_lazy("error"), is_short=True)
    error = columns.reason("last_error", gettext_lazy("error"))

    @admin.display(description=gettext_lazy("notes"))
    def notes_text(self, run: SyncRun) -> str:
        return " ".join(map(phrases.shown, run.notes)) or NOTHING

    @admin.display(description=gettext_lazy("what changed"))
    def change_lines(self, run: SyncRun) -> str:
        return removed(run) or _folded_lines(run.changes_listed)

    @admin.display(description=gettext_lazy("what webhooks missed"))
    def healed_lines(self, run: SyncRun) -> str:
        return removed(run) or _folded_lines(run.healed_listed)

    @admin.display(description=gettext_lazy("problems"))
    def problem_lines(self, run: SyncRun) -> str:
        return removed(run) or _folded_lines(run.problems)

    @admin.display(description=gettext_lazy("differences"))
    def findings_link(self, run: SyncRun) -> str:
        count = run.findings.count()
        return list_link(FINDINGS, count, run__id__exact=run.pk) if count else NOTHING


def value_shown(finding: SyncFinding, text: str) -> str:
    """Return a finding's value on one side in the reader's language."""
    if finding.kind == SyncFinding.Kind.CONTACT_DIFFERS:
        return phrases.VALUES.shown(text)
    return phrases.shown(text) or NOTHING


def _outcome(text: str) -> str:
    """Return what staff wrote, or the statuses before and after, in the reader's language."""
    return " → ".join(map(status_label, text.split(" → ")))


def _folded_lines(lines: list[Any]) -> str:
    shown = [
        {name: phrases.shown(text) if isinstance(text, str) else text for name, text in line.items()} for line in lines
    ]
    return folded(len(lines), indented(shown)) if lines else NOTHING


def _apply(finding: SyncFinding, submission: Submission) -> Answer:
    try:
        outcome = subscription_check.apply_finding(finding, cause=submission.cause)
    except (Retryable, Permanent, Unmatched) as error:
        raise Refused(str(error)) from error
    changed = finding.settle(SyncFinding.Status.APPLIED, outcome=outcome, staff=submission.staff)
    return Answer(text=_("Applied: %(outcome)s.") % {"outcome": _outcome(outcome)}, changed=changed)


@admin.register(SyncFinding)
class SyncFindingAdmin(ReadOnlyAdmin):
    list_display = ("kind", "person_link", "plan", "there", "here", "what_to_do", "state")
    list_filter = ("status", "kind", "plan")
    list_select_related = ("user", "plan", "run", "contact")
    search_fields = ("person",)
    search_help_text = gettext_lazy("Beginning of the person's e-mail")
    fields = (
        ("kind", "state"),
        ("person_link", "person_id", "purchase_id"),
        "plan",
        "there",
        "here",
        "what_to_do",
        ("outcome_shown", "staff", "settled_at"),
        "run_link",
    )
    readonly_fields = ("state", "person_link", "there", "here", "what_to_do", "outcome_shown", "run_link")
    there = columns.of(lambda row: value_shown(row, row.remote_value), gettext_lazy("at the provider"))
    here = columns.of(lambda row: value_shown(row, row.local_value), gettext_lazy("here"))
    what_to_do = columns.reason("remedy", gettext_lazy("remedy"))
    outcome_shown = columns.of(lambda row: _outcome(row.outcome) or NOTHING, gettext_lazy("outcome"))
    row_actions = (
        Action(
            name="apply",
            label=gettext_lazy("apply"),
            done="",
            run=_apply,
            applies_to=lambda finding: (
                finding.status == SyncFinding.Status.OPEN and finding.kind in access_audit.APPLICABLE
            ),
            calls_out=True,
        ),
        Action(
            name="set-aside",
            label=gettext_lazy("set aside"),
            explanation=gettext_lazy("No action is needed. The next audit lists it again if it still differs."),
            done=ngettext_lazy("%(count)d difference was set aside.", "%(count)d differences were set aside.", "count"),
            run=lambda finding, submission: finding.settle(
                SyncFinding.Status.SET_ASIDE, outcome=submission.answers["reason"], staff=submission.staff
            ),
            applies_to=lambda finding: finding.status == SyncFinding.Status.OPEN,
            form=ReasonForm,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncFinding]:
        """Limit the list to current findings, unless a run is named; a row's page shows every finding."""
        findings = super().get_queryset(request)
        is_list = request.resolver_match is not None and request.resolver_match.url_name == (
            "integrations_syncfinding_changelist"
        )
        return current_findings(findings) if is_list and "run__id__exact" not in request.GET else findings

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in _LOOKUPS or super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SyncFinding], search_term: str
    ) -> tuple[QuerySet[SyncFinding], bool]:
        term = search_term.strip().lower()
        return (queryset.filter(person__startswith=term) if term else queryset), False

    @admin.display(description=gettext_lazy("person"))
    def person_link(self, finding: SyncFinding) -> str:
        if finding.user:
            return row_link("admin:accounts_user", finding.user.pk, finding.user.email)
        if finding.contact:
            return row_link("admin:accounts_contact", finding.contact.pk, finding.contact)
        return finding.person or finding.person_id or NOTHING

    @admin.display(description=gettext_lazy("status"))
    def state(self, finding: SyncFinding) -> str:
        name = "unmatched" if finding.status == SyncFinding.Status.OPEN else "processed"
        return badge(name, finding.get_status_display())

    @admin.display(description=gettext_lazy("reconciliation"))
    def run_link(self, finding: SyncFinding) -> str:
        return row_link(RUNS, finding.run_id, finding.run)
