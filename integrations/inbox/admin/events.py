"""Events: each with its attempts and effects, and the buttons to repair it."""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from core import phrases
from core.console import attention, columns
from core.console.actions import Action, ReasonForm
from core.console.base import ReadOnlyAdmin
from core.console.format import block, folded, indented
from core.console.links import EVENTS, NOTHING, badge, list_url, search_link, shortened
from core.console.pruned import removed
from core.web import access
from integrations import registry
from integrations.inbox import process, questions
from integrations.inbox.admin import find, replay_plan
from integrations.inbox.admin.attempts import AttemptInline, EffectInline
from integrations.inbox.admin.choose_member import CHOOSE_MEMBER
from integrations.inbox.admin.choose_plan import CHOOSE_PLAN
from integrations.inbox.admin.filters import AskedFilter, ProviderFilter, TypeFilter, WaitingFilter, late
from integrations.inbox.admin.format import readable
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status

SOON = timedelta(seconds=10)


@attention.source
def open_events() -> list[attention.Item]:
    rows = InboxEvent.objects.all()
    failed = rows.filter(status=Status.FAILED)
    waiting = [
        (
            "failed_events",
            _("Events that failed"),
            failed,
            {"status__exact": "failed"},
            "finished_at",
            _("Retry or ignore"),
        ),
        (
            "unmatched_events",
            _("Purchases or messages without plan or member"),
            questions.about_the_rest(),
            {"asks": "rest"},
            "finished_at",
            _("Decide"),
        ),
        (
            "repeated_ids",
            _("Purchases or messages with an ID that two people claim"),
            questions.about_ids(),
            {"asks": "ids"},
            "finished_at",
            _("Decide"),
        ),
        (
            "unreadable_dates",
            _("Purchases or messages with a date in doubt"),
            questions.about_dates(),
            {"asks": "dates"},
            "finished_at",
            _("Decide"),
        ),
        (
            "late_events",
            _("Events that no worker takes"),
            late(rows),
            {"waiting": "late"},
            "next_attempt_at",
            _("Look at them"),
        ),
    ]
    return [
        attention.Item(
            key=key,
            label=label,
            rows=events,
            occurred=occurred,
            action=action,
            url=list_url(EVENTS, **query),
            permission="integrations.view_inboxevent",
        )
        for key, label, events, query, occurred, action in waiting
    ]


def _may_be_retried(event: InboxEvent) -> bool:
    """Return whether it failed, is unmatched, or waits for its next attempt after a failed one."""
    ended = event.status in (Status.FAILED, Status.UNMATCHED)
    is_waiting = event.status == Status.PENDING and (event.failures > 0 or bool(event.awaits))
    return (ended or is_waiting) and _is_handled(event)


def _is_handled(event: InboxEvent) -> bool:
    """Return whether events of this type are handled and this one can be read."""
    provider = registry.all_providers().get(event.provider)
    return provider is not None and event.event_type in provider.handled and event.payload is not None


def _is_running(event: InboxEvent) -> bool:
    """Return whether a worker has the event or is about to: then its page is worth watching."""
    if event.status != Status.PENDING:
        return False
    return event.crashes > 0 or (event.next_attempt_at or timezone.now()) <= timezone.now() + SOON


def _plan_of(keys: Sequence[Any]) -> str:
    return replay_plan.url_of({"ids": ",".join(map(str, keys))})


@admin.register(InboxEvent)
class InboxEventAdmin(ReadOnlyAdmin):
    audit_subject = "event"
    list_display = ("received", "provider", "event_type", "state", "person", "attempts", "repeated", "why")
    list_filter = ("status", ProviderFilter, TypeFilter, WaitingFilter, AskedFilter, "received_at")
    search_fields = ("person_email",)
    search_help_text = gettext_lazy(
        "The whole e-mail address, the remote ID, the key or our number of the event. Or what it contains: a text"
        " anywhere (purchase_99), the value at the end of a path (member.email=jane@example.com), how it begins"
        ' (member.email=jane*). In quotation marks "a=b" is a text.'
    )
    fields = (
        ("state", "reason_shown"),
        ("event_type", "provider", "endpoint"),
        ("external_id", "key"),
        ("person", "source_address"),
        ("received_at", "next_attempt_at", "finished_at"),
        ("attempts", "repeated", "last_duplicate_at"),
        "issue_shown",
        "payload_shown",
        "body_shown",
        "headers_shown",
    )
    readonly_fields = (
        *("state", "reason_shown", "person", "repeated", "issue_shown"),
        *("payload_shown", "body_shown", "headers_shown"),
    )
    inlines = (EffectInline, AttemptInline)
    row_actions = (
        CHOOSE_PLAN,
        CHOOSE_MEMBER,
        Action(
            name="retry",
            label=gettext_lazy("retry"),
            applies_to=_may_be_retried,
            opens=_plan_of,
            in_list=False,
        ),
        Action(
            name="replay",
            label=gettext_lazy("replay"),
            opens=_plan_of,
            applies_to=lambda event: event.status in (Status.PROCESSED, Status.IGNORED) and _is_handled(event),
        ),
        Action(
            name="ignore",
            label=gettext_lazy("ignore"),
            explanation=gettext_lazy("It stays stored, but nobody needs to act on it. It can be replayed later."),
            done=ngettext_lazy("%(count)d event was set aside.", "%(count)d events were set aside.", "count"),
            run=lambda event, submission: bool(
                process.ignore([event], reason=submission.answers["reason"], cause=submission.cause)
            ),
            applies_to=lambda event: event.status not in (Status.PROCESSED, Status.IGNORED),
            form=ReasonForm,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxEvent]:
        return super().get_queryset(request).defer("body", "payload", "headers")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> InboxEvent | None:
        if not object_id.isdecimal():
            return None
        return self.model.objects.filter(pk=int(object_id)).first() if len(object_id) < 19 else None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InboxEvent], search_term: str
    ) -> tuple[QuerySet[InboxEvent], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = find.found(request, term)
        self.add_search_notes(request, found.notes)
        return queryset.filter(pk__in=found.keys), False

    def get_urls(self) -> list[URLPattern]:
        body, plan = self.admin_site.admin_view(self.body_view), self.admin_site.admin_view(replay_plan.page)
        own = [
            path("replay/", plan, name="integrations_inboxevent_replay"),
            path("<path:object_id>/body/", body, name="integrations_inboxevent_body"),
        ]
        return [*own, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        event = kwargs.get("obj")
        context["is_running"] = event is not None and _is_running(event)
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        own: dict[str, Any] = {}
        if access.may(request.user, replay_plan.NAME, "POST"):
            filters = replay_plan.filters_of(request.GET.dict(), keys_of=lambda term: find.found(request, term).keys)
            if filters is not None:
                own = {"replay_url": replay_plan.url_of(filters), "is_filtered": bool(filters)}
        return super().changelist_view(request, own | (extra_context or {}))

    def body_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return the raw body as a file: a browser must never show it as the type that it claims to be."""
        event = self.get_object(request, unquote(object_id))
        if event is None:
            raise Http404
        if not self.has_view_permission(request, event):
            raise PermissionDenied
        if gone := removed(event):
            return HttpResponse(gone, status=HTTPStatus.GONE, content_type="text/plain; charset=utf-8")
        headers = {"Content-Disposition": f'attachment; filename="event-{event.pk}.bin"'}
        return HttpResponse(bytes(event.body), content_type="application/octet-stream", headers=headers)

    received = columns.moment("received_at", gettext_lazy("received"))
    state = columns.badge("status", gettext_lazy("status"))

    @admin.display(description=gettext_lazy("why"))
    def why(self, event: InboxEvent) -> str:
        return shortened(phrases.shown(event.reason or event.last_error)) or NOTHING

    @admin.display(description=gettext_lazy("why"))
    def reason_shown(self, event: InboxEvent) -> str:
        return phrases.shown(event.reason or event.last_error) or NOTHING

    issue_shown = columns.link("admin:integrations_issue", "issue", gettext_lazy("issue"))

    @admin.display(description=gettext_lazy("person"))
    def person(self, event: InboxEvent) -> str:
        if not event.person_email:
            return NOTHING
        return search_link(event.person_email)

    @admin.display(description=gettext_lazy("repeated"))
    def repeated(self, event: InboxEvent) -> str:
        if not event.conflicts:
            return str(event.duplicates)
        text = ngettext("%(count)d contradicts", "%(count)d contradict", event.conflicts)
        return format_html("{} ({})", event.duplicates, badge("conflict", text % {"count": event.conflicts}))

    @admin.display(description=gettext_lazy("payload"))
    def payload_shown(self, event: InboxEvent) -> str:
        if gone := removed(event):
            return _("%(removed)s It cannot be processed again.") % {"removed": gone}
        if event.payload is None:
            return _("It could not be read; see the raw body.")
        return block(indented(event.payload))

    @admin.display(description=gettext_lazy("raw body"))
    def body_shown(self, event: InboxEvent) -> str:
        if gone := removed(event):
            return gone
        body = bytes(event.body)
        summary = ngettext("%(count)d byte", "%(count)d bytes", len(body)) % {"count": len(body)}
        url = reverse(f"{EVENTS}_body", args=[event.pk])
        return format_html('{} <a href="{}" download>{}</a>', folded(summary, readable(body)), url, _("Download"))

    @admin.display(description=gettext_lazy("headers"))
    def headers_shown(self, event: InboxEvent) -> str:
        if gone := removed(event):
            return gone
        lines = "\n".join(f"{name}: {value}" for name, value in event.headers.items())
        return folded(_("Headers, without secrets"), lines)
