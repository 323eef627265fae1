"""Daily closes: days by providers with their equation, each figure a link to its rows, and the buttons to repair."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from core import phrases
from core.console import attention, columns
from core.console.actions import Action, Answer, Refused, Submission
from core.console.base import ReadOnlyAdmin
from core.console.links import EVENTS, NOTHING, list_url, row_link
from core.days import span_of
from core.provider_names import provider_title
from integrations import registry
from integrations.inbox.admin.filters import ProviderFilter
from integrations.inbox.models.event import Status
from integrations.operations import close_texts, closing
from integrations.operations.balance import Difference, State
from integrations.operations.models import DailyClose

CLOSES = "admin:integrations_dailyclose"
RUNS, FINDINGS = "admin:integrations_syncrun", "admin:integrations_syncfinding"
BADGES = {
    State.BALANCED.value: "processed",
    State.HEALED.value: "processed",
    State.UNKNOWN.value: "pending",
    State.DIFFERS.value: "failed",
}
_PARTS = (Status.PROCESSED, Status.IGNORED, Status.UNMATCHED, Status.FAILED, Status.PENDING)


@attention.source
def unbalanced_days() -> list[attention.Item]:
    return [
        attention.Item(
            key="unbalanced_days",
            label=gettext_lazy("Days that do not balance"),
            rows=DailyClose.objects.filter(state=State.DIFFERS.value),
            occurred="differed_at",
            action=gettext_lazy("Look and heal"),
            url=list_url(CLOSES, state__exact=State.DIFFERS.value),
            permission="integrations.view_dailyclose",
        )
    ]


class Confirmation(forms.Form):
    """Nothing to answer: staff read what will happen, and start it."""


def _heal(row: DailyClose, submission: Submission) -> Answer:
    healing = closing.heal(row, cause=submission.cause)
    said: list[Any] = []
    if healing.run is not None:
        link = row_link(RUNS, healing.run.pk, healing.run)
        said.append(format_html(_("The list is read again from the beginning of the day: {}."), link))
    if number := len(healing.retried):
        text = ngettext("%(count)d failed event is tried again.", "%(count)d failed events are tried again.", number)
        said.append(text % {"count": number})
    if not said:
        raise Refused(healing.problem or _("Nothing here can be repaired automatically."))
    said.append(healing.problem)
    return Answer(text=format_html_join(" ", "{}", ((one,) for one in said if one)), changed=True)


def _close_again(row: DailyClose, submission: Submission) -> bool:
    closing.close(registry.provider(row.provider), row.day)
    return True


@admin.register(DailyClose)
class DailyCloseAdmin(ReadOnlyAdmin):
    ordering = ("-day", "provider")  # type: ignore[assignment]
    list_display = ("day_text", "title", "badge", "equation", "comparison", "differences_text", "repair")
    list_filter = ("state", ProviderFilter)
    fields = (
        ("day_text", "title", "badge"),
        "equation",
        "reasons_text",
        "comparison",
        "differences_text",
        ("counted", "differed"),
        "explanation",
    )
    readonly_fields = (*list_display[:-1], "reasons_text", "counted", "differed", "explanation")
    row_actions = (
        Action(
            name="heal",
            label=gettext_lazy("heal"),
            explanation=gettext_lazy(
                "The provider's list is read again from the beginning of the day, and what is missing here is applied. "
                "Events of the day that failed are tried again. What is here already changes nothing."
            ),
            done="",
            run=_heal,
            applies_to=lambda row: not State(row.state).is_right or row.failed > 0,
            form=Confirmation,
            in_list=False,
        ),
        Action(
            name="count-again",
            label=gettext_lazy("count again"),
            done=ngettext_lazy("%(count)d day was counted again.", "%(count)d days were counted again.", "count"),
            run=_close_again,
        ),
    )

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        return self.list_display if self.may_run(request, self.row_actions[0]) else self.list_display[:-1]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"explanation": _explanation(), **(extra_context or {})})

    @admin.display(description=gettext_lazy("day"))
    def day_text(self, row: DailyClose) -> str:
        return date_format(row.day, "SHORT_DATE_FORMAT")

    title = columns.attribute("provider", gettext_lazy("provider"), show=provider_title)

    badge = columns.badge("state", gettext_lazy("status"), kinds=BADGES)
    counted = columns.moment("counted_at", gettext_lazy("counted"))
    differed = columns.moment("differed_at", gettext_lazy("differs since"))

    @admin.display(description=gettext_lazy("received = what became of it"))
    def equation(self, row: DailyClose) -> SafeString:
        """Return the equation of a day; a figure that was not counted says so."""
        begin, end = span_of(row.day)
        received = _("not known") if row.received is None else str(row.received)
        repeated = _("not counted") if row.repeated is None else str(row.repeated)
        links: list[tuple[Any, Any]] = [(_link(row, begin, end, status), status.label) for status in _PARTS]
        repetitions = _number(repeated, _repeated_url(row, begin, end), has_rows=bool(row.repeated))
        links.insert(2, (repetitions, _("duplicates")))
        if row.lost:
            links.append((format_html("<strong>{}</strong>", row.lost), _("not stored any more")))
        total = _number(received, _events_url(row, begin, end), has_rows=bool(row.events))
        return format_html(
            '<span class="equation">{} {} = {}</span>', total, _("received"), format_html_join(" + ", "{} {}", links)
        )

    @admin.display(description=gettext_lazy("ignored, by reason"))
    def reasons_text(self, row: DailyClose) -> SafeString | str:
        if not row.reasons:
            return NOTHING
        lines = (
            (_number(number, _reason_url(row, why), has_rows=True), phrases.shown(why)) for why, number in row.reasons
        )
        return format_html_join("", "<div>{} {}</div>", lines)

    @admin.display(description=gettext_lazy("compared with its own list"))
    def comparison(self, row: DailyClose) -> SafeString | str:
        text = close_texts.comparison(row)
        return row_link(RUNS, row.run_id, text) if row.run_id else text

    @admin.display(description=gettext_lazy("differences"))
    def differences_text(self, row: DailyClose) -> SafeString | str:
        texts = close_texts.differences(row)
        if not texts:
            return NOTHING
        urls = _difference_urls(row)
        lines = ((_number(text, urls.get(kind, ""), has_rows=True),) for kind, text in texts.items())
        return format_html_join("", "<div>{}</div>", lines)

    @admin.display(description=gettext_lazy("repair"))
    def repair(self, row: DailyClose) -> SafeString | str:
        heal = self.row_actions[0]
        if not heal.applies_to(row):
            return NOTHING
        url = reverse(f"{CLOSES}_act", args=[row.pk, heal.name])
        return format_html('<a href="{0}" aria-label="{1}: {2}">{1}…</a>', url, _("Heal"), row)

    @admin.display(description=gettext_lazy("How this is counted"))
    def explanation(self, row: DailyClose) -> SafeString:
        return _explanation()


def _explanation() -> SafeString:
    lines = (
        _("A day lasts from midnight to midnight in the time zone of the business, and is closed shortly afterwards."),
        _("Received are the deliveries that were accepted: each is an event of its own, or repeats an earlier one."),
        _("Refused deliveries are not received; the home page names the last one."),
        _("An event counts by what became of it until it was counted last, whenever that was."),
        _("Events are counted while they come. Where fewer are stored later, the others are named as lost."),
        _("A provider's own list shows what no webhook reported. A reading of the list applies it, and is named here."),
        _("Differences end by themselves once a reading of the list, an answer or a repair has settled them."),
    )
    return format_html(
        '<details class="explanation"><summary>{}</summary>{}</details>',
        _("How this is counted"),
        format_html_join("", "<p>{}</p>", ((line,) for line in lines)),
    )


def _number(text: Any, url: str, *, has_rows: bool) -> SafeString | str:
    return format_html('<a href="{}">{}</a>', url, text) if url and has_rows else text


def _events_url(row: DailyClose, begin: datetime, end: datetime, **query: str) -> str:
    window = {"received_at__gte": begin.isoformat(), "received_at__lt": end.isoformat()}
    return list_url(EVENTS, provider=row.provider, **window, **query)


def _reason_url(row: DailyClose, why: str) -> str:
    """Return the events that were ignored for this reason; "" where it stands for several reasons, or was cut."""
    if why in (closing.CONTRADICTS, closing.SET_ASIDE, closing.OTHER_REASONS) or len(why) >= closing.LONGEST_REASON:
        return ""
    return _events_url(row, *span_of(row.day), status__exact=Status.IGNORED.value, reason__exact=why)


def _repeated_url(row: DailyClose, begin: datetime, end: datetime) -> str:
    """Return the events that were repeated on the day, as far as none of them was repeated later again."""
    window = {"last_duplicate_at__gte": begin.isoformat(), "last_duplicate_at__lt": end.isoformat()}
    return list_url(EVENTS, provider=row.provider, **window)


def _link(row: DailyClose, begin: datetime, end: datetime, status: Status) -> SafeString | str:
    number = getattr(row, status.value)
    return _number(str(number), _events_url(row, begin, end, status__exact=status.value), has_rows=bool(number))


def _difference_urls(row: DailyClose) -> Mapping[str, str]:
    begin, end = span_of(row.day)
    started = {"run__started_at__gte": begin.isoformat(), "run__started_at__lt": end.isoformat()}
    try:
        runs = reverse(f"{RUNS}_change", args=[row.run_id]) if row.run_id else list_url(RUNS, provider=row.provider)
        findings = list_url(FINDINGS, status__exact="open", run__provider=row.provider, **started)
    except NoReverseMatch:
        return {}
    return {
        Difference.LOST.value: _events_url(row, begin, end),
        Difference.NOT_COMPARED.value: list_url(RUNS, provider=row.provider),
        Difference.NOT_APPLIED.value: runs,
        Difference.FINDINGS.value: findings,
    }
