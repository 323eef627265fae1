"""The outbox in the console, with buttons to retry, skip and undo a write."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people.admin.contact_history import shown_value
from accounts.people.admin.contacts import found, person_link
from accounts.people.admin.left_out import LeftOutFilter, left_out_lines
from core.console import attention, columns
from core.console.actions import Action, Answer, ReasonForm, Refused, Submission
from core.console.base import ReadOnlyAdmin
from core.console.format import folded, indented
from core.console.links import NOTHING, list_url, moment, row_link, shortened
from core.console.pruned import removed
from core.field_names import field_label
from core.money import money
from integrations import registry
from integrations.inbox.admin.filters import ProviderFilter
from integrations.inbox.admin.format import before_and_after
from integrations.outbox import repair
from integrations.outbox.models import OpportunityMapping, OutgoingWrite

WRITES = "admin:integrations_outgoingwrite"
Status, Kind = OutgoingWrite.Status, OutgoingWrite.Kind
_BADGES = {
    Status.PENDING: "pending",
    Status.DONE: "processed",
    Status.NOT_NEEDED: "past",
    Status.SKIPPED: "past",
    Status.FAILED: "failed",
}


@attention.source
def failed_writes() -> list[attention.Item]:
    return [
        attention.Item(
            key="failed_writes",
            label=gettext_lazy("Outgoing writes that failed"),
            rows=OutgoingWrite.objects.filter(status=Status.FAILED),
            occurred="finished_at",
            action=gettext_lazy("Retry or skip"),
            url=list_url(WRITES, status__exact=Status.FAILED.value),
            permission="integrations.view_outgoingwrite",
        )
    ]


def _may_be_retried(write: OutgoingWrite) -> bool:
    """Return whether a write failed, was skipped, or waits after an error, and no worker holds it now."""
    if write.status == Status.PENDING:
        return bool(write.failures or write.last_error) and not write.crashes
    return write.status in (Status.FAILED, Status.SKIPPED)


def _may_be_undone(write: OutgoingWrite) -> bool:
    was_written = write.status == Status.DONE and write.undone_at is None
    return (
        was_written
        and write.pruned_at is None
        and write.kind == Kind.CONTACT
        and write.operation == OutgoingWrite.Operation.UPDATE
    )


def _undo(write: OutgoingWrite, submission: Submission) -> Answer:
    were_two, newer = repair.taken_over(write), _newer(write)
    try:
        names = repair.undo(write, cause=submission.cause)
    except repair.CannotUndo as error:
        raise Refused(str(error)) from error
    if not names:
        text = _("The values were already what they had been before this write.")
        return Answer(text=newer or text, changed=True, level=messages.WARNING)
    listed = ", ".join(map(field_label, names))
    if were_two:
        text = _("The record is another person's again, with its own values: %(values)s.") % {"values": listed}
        return Answer(text=text, changed=True)
    text = _("Restored, and written to every provider: %(values)s.") % {"values": listed}
    return Answer(text=f"{text} {newer}".strip(), changed=True)


def _newer(write: OutgoingWrite) -> str:
    """Return which values an undo leaves as they are, as a sentence; "" where there are none."""
    names = repair.newer_values(write, write.contact) if write.contact else []
    if not names:
        return ""
    return _("Changed since, and left as they are: %(values)s.") % {"values": ", ".join(map(field_label, names))}


def _undo_preview(write: OutgoingWrite) -> str:
    values = (
        f"{field_label(name)}: {shortened(shown_value(write.after.get(name)))} → {shortened(shown_value(before))}"
        for name, before in write.before.items()
    )
    shown = f"{write.contact or write.external_id}: {'; '.join(values)}"
    if repair.taken_over(write):
        return f"{shown}. " + _(
            "This write put one person's name over another's: the two become two people again, each with their own"
            " values, and are not matched any more. Sync now, on the page of the first, creates a record of their own."
        )
    return f"{shown}. {_newer(write)}".removesuffix(". ")


@admin.register(OutgoingWrite)
class OutgoingWriteAdmin(ReadOnlyAdmin):
    audit_subject = "write"
    list_display = ("since", "provider", "target", "operation_shown", "state", "attempts", "error")
    list_filter = ("status", "kind", "operation", ProviderFilter, LeftOutFilter)
    list_select_related = ("contact", "policy")
    search_fields = ("external_id",)
    search_help_text = gettext_lazy(
        "Beginning of the contact's e-mail, name or phone number, a remote ID, or the number of the write"
    )
    fields = (
        ("state", "operation_shown"),
        "full_error",
        ("provider", "remote_id"),
        ("person", "policy_link"),
        "changed_values",
        "left_out_shown",
        "request_shown",
        "response_shown",
        ("cause", "staff"),
        ("since", "sent", "ended"),
        ("attempts", "due"),
        "issue_shown",
        "echoes",
        "undone",
    )
    readonly_fields = (
        *(
            "state",
            "operation_shown",
            "full_error",
            "remote_id",
            "person",
            "policy_link",
            "changed_values",
            "left_out_shown",
        ),
        *("request_shown", "response_shown", "since", "sent", "ended", "due", "undone", "issue_shown"),
    )
    row_actions = (
        Action(
            name="retry",
            label=gettext_lazy("retry"),
            done=ngettext_lazy("%(count)d write was queued again.", "%(count)d writes were queued again.", "count"),
            run=lambda write, submission: bool(repair.retry([write])),
            applies_to=_may_be_retried,
        ),
        Action(
            name="skip",
            label=gettext_lazy("skip"),
            explanation=gettext_lazy(
                "It is not written. The difference stays until something of the contact changes, or somebody presses"
                " sync now on its page."
            ),
            done=ngettext_lazy("%(count)d write was skipped.", "%(count)d writes were skipped.", "count"),
            run=lambda write, submission: repair.skip(write, cause=submission.cause),
            applies_to=lambda write: write.status in (Status.PENDING, Status.FAILED),
            form=ReasonForm,
        ),
        Action(
            name="undo",
            label=gettext_lazy("undo"),
            explanation=gettext_lazy(
                "The values that this write changed are restored: here, and at every provider where they differ."
                " Nothing else of the contact changes."
            ),
            done="",
            run=_undo,
            applies_to=_may_be_undone,
            form=forms.Form,  # nothing to answer, but something to read
            shown=_undo_preview,
            in_list=False,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutgoingWrite]:
        return super().get_queryset(request).defer("before", "after", "request", "response", "left_out")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> OutgoingWrite | None:
        if not object_id.isdecimal() or len(object_id) >= 19:
            return None
        rows = OutgoingWrite.objects.select_related("contact", "policy", "staff")
        return rows.filter(pk=int(object_id)).first()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OutgoingWrite], search_term: str
    ) -> tuple[QuerySet[OutgoingWrite], bool]:
        term = search_term.strip()
        return (queryset.filter(_matching(term)) if term else queryset), False

    issue_shown = columns.link("admin:integrations_issue", "issue", gettext_lazy("issue"))
    since = columns.moment("created_at", gettext_lazy("requested"))

    @admin.display(description=gettext_lazy("what"))
    def target(self, write: OutgoingWrite) -> str:
        return self.policy_link(write) if write.kind == Kind.OPPORTUNITY else self.person(write)

    @admin.display(description=gettext_lazy("contact"))
    def person(self, write: OutgoingWrite) -> str:
        return person_link(write.contact) if write.contact else write.external_id or NOTHING

    @admin.display(description=gettext_lazy("policy"))
    def policy_link(self, write: OutgoingWrite) -> str:
        return row_link("admin:accounts_policy", write.policy.pk, write.policy) if write.policy else NOTHING

    @admin.display(description=gettext_lazy("operation"))
    def operation_shown(self, write: OutgoingWrite) -> str:
        kind = write.get_kind_display()
        return f"{kind}: {write.get_operation_display()}" if write.operation else kind

    state = columns.badge("status", gettext_lazy("status"), kinds=_BADGES)
    error = columns.reason("last_error", gettext_lazy("error"), is_short=True)
    full_error = columns.reason("last_error", gettext_lazy("error"))
    remote_id = columns.text("external_id", gettext_lazy("remote ID"))

    @admin.display(description=gettext_lazy("values"))
    def changed_values(self, write: OutgoingWrite) -> str:
        if not write.after:
            return removed(write) or NOTHING
        changes = {name: (_shown(write, name, write.before), _shown(write, name, write.after)) for name in write.after}
        return before_and_after(changes, label=_("values"))

    left_out_shown = columns.attribute("left_out", gettext_lazy("left out"), show=left_out_lines)

    @admin.display(description=gettext_lazy("request"))
    def request_shown(self, write: OutgoingWrite) -> str:
        if not write.request:
            return removed(write) or NOTHING
        return folded(f"{write.request.get('method', '')} {write.request.get('path', '')}", indented(write.request))

    @admin.display(description=gettext_lazy("response"))
    def response_shown(self, write: OutgoingWrite) -> str:
        if write.response is None:
            return removed(write) or NOTHING
        return folded(_("Show"), indented(write.response))

    sent = columns.moment("requested_at", gettext_lazy("sent"))
    ended = columns.moment("finished_at", gettext_lazy("finished"))
    due = columns.moment("next_attempt_at", gettext_lazy("due"))

    @admin.display(description=gettext_lazy("undone"))
    def undone(self, write: OutgoingWrite) -> str:
        if write.undone_at is not None or write.status != Status.DONE:
            return moment(write.undone_at)
        if gone := removed(write):
            return gone
        if write.kind == Kind.OPPORTUNITY:
            return _("Not from here: correct the policy, or the opportunity at the provider.")
        if write.kind == Kind.MARK:
            return _("Not from here: the mark is taken away once the deleted record is there again.")
        if write.operation == OutgoingWrite.Operation.CREATE:
            return _("Not from here: the record was created by this write; delete it at the provider by hand.")
        return NOTHING


def _shown(write: OutgoingWrite, name: str, values: dict[str, Any]) -> Any:
    value = values.get(name)
    if name == "amount" and write.policy and isinstance(value, int):
        return money(value, write.policy.currency)
    return value


def _matching(term: str) -> Q:
    """Return the condition on writes of a contact or opportunity, or with a number of ours; each has an index."""
    condition = Q(contact__in=found(term))
    opportunities = OpportunityMapping.objects.filter(provider__in=list(registry.all_providers()), external_id=term)
    condition |= Q(policy__in=list(opportunities.values_list("policy", flat=True)))
    if term.isdecimal() and len(term) < 19:
        condition |= Q(pk=int(term))
    return condition
