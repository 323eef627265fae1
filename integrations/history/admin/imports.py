"""Console pages of historical imports: the preview of every row, open decisions, and the progress."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from accounts.mail.models import EmailMessage
from core import phrases
from core.console import attention, columns
from core.console.actions import Action
from core.console.base import ReadOnlyAdmin
from core.console.links import NOTHING, badge, list_link, list_url, moment
from integrations.history import actions
from integrations.history.admin.rows import IMPORTS, ROW_BADGES, ROWS, decisions, kind_of, results
from integrations.history.models import HistoryImport, HistoryStage, HistoryStatus, RowOutcome
from integrations.history.work import LONG_AGO

_BADGES = {
    HistoryStatus.PENDING: "pending",
    HistoryStatus.READY: "unmatched",
    HistoryStatus.STOPPED: "unmatched",
    HistoryStatus.DONE: "processed",
    HistoryStatus.FAILED: "failed",
    HistoryStatus.DISCARDED: "ignored",
}


@attention.source
def attention_items() -> list[attention.Item]:
    """Return imports that need review, and set-up mails that are held back until staff release them."""
    waiting = HistoryImport.objects.filter(
        status__in=[HistoryStatus.READY, HistoryStatus.STOPPED, HistoryStatus.FAILED]
    )
    held = EmailMessage.objects.filter(status=EmailMessage.Status.HELD)
    return [
        attention.Item(
            key="history_imports",
            label=gettext_lazy("Historical imports that need your decision"),
            rows=waiting,
            occurred="created_at",
            action=gettext_lazy("Decide"),
            url=list_url(IMPORTS, status__in="ready,stopped,failed"),
            permission="integrations.view_historyimport",
        ),
        attention.Item(
            key="held_emails",
            label=gettext_lazy("Set-up e-mails that are held back"),
            rows=held,
            occurred="created_at",
            action=gettext_lazy("Send or leave"),
            url=list_url("admin:accounts_emailmessage", status__exact=EmailMessage.Status.HELD.value),
            permission="accounts.view_emailmessage",
        ),
    ]


class ConfirmForm(forms.Form):
    sends_mails = forms.BooleanField(
        label=gettext_lazy("Send set-up e-mails"),
        required=False,
        help_text=gettext_lazy(
            "To those who have access now and no password yet, one a second. Otherwise the e-mails are held back until "
            "you send them."
        ),
    )


@admin.register(HistoryImport)
class HistoryImportAdmin(ReadOnlyAdmin):
    list_display = ("uploaded", "file_name", "kind_shown", "state", "total", "progress")
    list_filter = ("status",)
    fields = (
        ("state", "kind_shown", "file_name"),
        "progress",
        "counts",
        "problem",
        "remarks",
        ("exported", "mails"),
        ("staff", "created_at"),
        ("confirmed_at", "finished_at"),
    )
    readonly_fields = ("state", "kind_shown", "progress", "counts", "problem", "remarks", "exported", "mails")
    row_actions = (
        Action(
            name="confirm",
            label=gettext_lazy("confirm"),
            explanation=gettext_lazy("What the preview shows is done now, in the background. It can be stopped."),
            done=ngettext_lazy("%(count)d import is applied now.", "%(count)d imports are applied now.", "count"),
            run=lambda history, submission: actions.confirm(history, sends_mails=submission.answers["sends_mails"]),
            applies_to=actions.can_be_confirmed,
            form=ConfirmForm,
            in_list=False,
        ),
        Action(
            name="stop",
            label=gettext_lazy("stop"),
            done=ngettext_lazy("%(count)d import rests.", "%(count)d imports rest.", "count"),
            run=lambda history, submission: actions.stop(history),
            applies_to=lambda history: history.status == HistoryStatus.PENDING,
        ),
        Action(
            name="resume",
            label=gettext_lazy("resume"),
            done=ngettext_lazy("%(count)d import goes on.", "%(count)d imports go on.", "count"),
            run=lambda history, submission: actions.resume(history),
            applies_to=lambda history: history.status in (HistoryStatus.STOPPED, HistoryStatus.FAILED),
        ),
        Action(
            name="apply-rest",
            label=gettext_lazy("try questions and errors again"),
            done=ngettext_lazy("%(count)d import goes on.", "%(count)d imports go on.", "count"),
            run=lambda history, submission: actions.apply_rest(history),
            applies_to=lambda history: history.status == HistoryStatus.DONE and history.pruned_at is None,
        ),
        Action(
            name="discard",
            label=gettext_lazy("discard"),
            done=ngettext_lazy(
                "The rows of %(count)d file were removed.", "The rows of %(count)d files were removed.", "count"
            ),
            run=lambda history, submission: actions.discard(history),
            applies_to=lambda history: history.status not in (HistoryStatus.PENDING, HistoryStatus.DISCARDED),
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        views = {"columns": self.columns_view, "offers": self.offers_view, "results": self.results_view}
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"integrations_historyimport_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def columns_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Assign headings to our columns; the preview is made anew."""
        history = self._get_or_404(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        kind = kind_of(history)
        if kind is None:
            raise Http404
        chosen = {name: request.POST.get(name, "") for name in kind.columns}
        places = {
            name: int(place)
            for name, place in chosen.items()
            if place.isdecimal() and len(place) < 4 and int(place) < len(history.headings)
        }
        if actions.choose_columns(history, places):
            self.record(request, history, "columns_chosen", columns=places)
            messages.success(request, _("The preview is made anew with these columns."))
        else:
            messages.error(request, _("Columns can be chosen while the import waits for its confirmation."))
        return redirect(f"{IMPORTS}_change", history.pk)

    def offers_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Map offers of the file to plans."""
        history = self._get_or_404(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        pairs = zip(request.POST.getlist("offer"), request.POST.getlist("plan"), strict=False)
        chosen = {offer[:100]: plan[:20] for offer, plan in pairs if plan}
        if count := actions.map_offers(history, chosen):
            self.record(request, history, "offers_mapped", offers=chosen)
            text = ngettext("%(count)d offer is mapped.", "%(count)d offers are mapped.", count)
            messages.success(request, text % {"count": count})
        else:
            messages.warning(request, _("No offer was mapped: choose a plan for one."))
        return redirect(f"{IMPORTS}_change", history.pk)

    def results_view(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Return the outcome of each row as a CSV file; no cell of it calculates."""
        history = self._get_or_404(request, object_id)
        self.record(request, history, "results_downloaded", rows=history.total)
        headers = {
            "Content-Disposition": f'attachment; filename="import-{history.pk}.csv"',
            "Cache-Control": "no-store",
        }
        return StreamingHttpResponse(results(history), content_type="text/csv; charset=utf-8", headers=headers)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        history = self.get_object(request, unquote(object_id))
        context = decisions(history, request.user) if history is not None else {}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def _get_or_404(self, request: HttpRequest, object_id: str) -> HistoryImport:
        history = self.get_object(request, unquote(object_id))
        if not isinstance(history, HistoryImport):
            raise Http404
        return history

    uploaded = columns.moment("created_at", gettext_lazy("uploaded"))

    @admin.display(description=gettext_lazy("what it holds"))
    def kind_shown(self, history: HistoryImport) -> str:
        kind = kind_of(history)
        return str(kind.title) if kind else history.kind

    state = columns.badge("status", gettext_lazy("status"), kinds=_BADGES)

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, history: HistoryImport) -> str:
        text = _("%(stage)s: %(done)d of %(total)d rows")
        stage = HistoryStage(history.stage).label
        return text % {"stage": stage, "done": min(history.done, history.total), "total": history.total}

    @admin.display(description=gettext_lazy("rows by outcome"))
    def counts(self, history: HistoryImport) -> str:
        counted = history.rows.exclude(outcome="").values("outcome").annotate(count=Count("pk")).order_by()
        counts = {row["outcome"]: row["count"] for row in counted}
        links = (
            (
                badge(ROW_BADGES[outcome], outcome.label),
                list_link(ROWS, counts[outcome], history__id__exact=history.pk, outcome__exact=outcome.value),
            )
            for outcome in RowOutcome
            if outcome in counts
        )
        return format_html_join(" ", "<span>{} {}</span>", links) or NOTHING

    problem = columns.reason("last_error", gettext_lazy("problem"))

    @admin.display(description=gettext_lazy("notes"))
    def remarks(self, history: HistoryImport) -> str:
        return " ".join(map(phrases.shown, history.notes)) or NOTHING

    @admin.display(description=gettext_lazy("set-up e-mails"))
    def mails(self, history: HistoryImport) -> str:
        return str(history.greeted if history.confirmed_at else actions.count_set_up_mails(history))

    @admin.display(description=gettext_lazy("the file is of"))
    def exported(self, history: HistoryImport) -> str:
        return moment(history.exported_at) if history.exported_at != LONG_AGO else NOTHING
