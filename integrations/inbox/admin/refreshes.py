"""Contact refreshes: when each contact was last read from its provider, and the buttons to read it again."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.people.models import Contact
from core.console import attention, columns
from core.console.actions import Action, add_action
from core.console.base import ReadOnlyAdmin
from core.console.links import badge, list_url, search_link
from integrations import registry
from integrations.inbox import refresh
from integrations.inbox.admin.filters import ProviderFilter
from integrations.inbox.models import ContactRefresh

Status = ContactRefresh.Status
_DONE = ngettext_lazy(
    "%(count)d person is read again in a moment.", "%(count)d people are read again in a moment.", "count"
)

add_action(
    Contact,
    Action(
        name="read-again",
        label=_("read again from the provider"),
        done=_DONE,
        run=lambda contact, submission: bool(refresh.enqueue_all(contact)),
        applies_to=lambda contact: bool(refresh.readable_ids(contact)),
    ),
)


@attention.source
def failed_refreshes() -> list[attention.Item]:
    return [
        attention.Item(
            key="failed_readings",
            label=_("Contacts that could not be read"),
            rows=ContactRefresh.objects.filter(status=Status.FAILED),
            occurred="finished_at",
            action=_("Read again"),
            url=list_url("admin:integrations_contactrefresh", status__exact=Status.FAILED.value),
            permission="integrations.view_contactrefresh",
        )
    ]


@admin.register(ContactRefresh)
class ContactRefreshAdmin(ReadOnlyAdmin):
    list_display = ("requested", "provider", "person", "state", "read", "attempts", "error")
    list_filter = ("status", ProviderFilter)
    search_fields = ("external_id",)
    search_help_text = _("The whole remote ID of the contact")
    fields = (
        ("state", "problem"),
        ("provider", "person"),
        ("requested", "read"),
        ("attempts", "next_attempt_at"),
        "issue_shown",
    )
    readonly_fields = ("state", "problem", "person", "requested", "read", "issue_shown")
    row_actions = (
        Action(
            name="read-now",
            label=_("read now"),
            done=_DONE,
            run=lambda row, submission: refresh.refresh_now(row),
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ContactRefresh], search_term: str
    ) -> tuple[QuerySet[ContactRefresh], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(provider__in=list(registry.all_providers()), external_id=term), False

    requested = columns.moment("last_requested_at", _("requested"))
    issue_shown = columns.link("admin:integrations_issue", "issue", _("issue"))

    @admin.display(description=_("remote contact"))
    def person(self, row: ContactRefresh) -> str:
        return search_link(row.external_id)

    @admin.display(description=_("status"))
    def state(self, row: ContactRefresh) -> str:
        badge_of: dict[Any, str] = {Status.DONE: "processed"}
        return badge(badge_of.get(row.status, row.status), row.get_status_display())

    read = columns.moment("read_at", _("read"))
    error = columns.reason("last_error", _("error"), is_short=True)
    problem = columns.reason("last_error", _("error"))
