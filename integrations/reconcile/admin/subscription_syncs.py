"""Syncs of members' subscriptions that staff requested, with their progress and outcome."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.memberships.purchase_state import status_label
from core import phrases
from core.console import columns
from core.console.base import ReadOnlyAdmin
from core.console.links import NOTHING, badge, row_link
from integrations.inbox.admin.filters import ProviderFilter
from integrations.reconcile import syncs
from integrations.reconcile.models import SubscriptionSync

Status = SubscriptionSync.Status


@admin.register(SubscriptionSync)
class SubscriptionSyncAdmin(ReadOnlyAdmin):
    list_display = ("requested", "provider", "member", "state", "led_to", "attempts", "error")
    list_filter = ("status", ProviderFilter)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    search_help_text = _("Beginning of the member's e-mail")
    fields = (
        ("state", "led_to"),
        "error_text",
        ("provider", "member"),
        ("requested", "cause"),
        ("attempts", "due"),
    )
    readonly_fields = ("state", "led_to", "error_text", "member", "requested", "due")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SubscriptionSync], search_term: str
    ) -> tuple[QuerySet[SubscriptionSync], bool]:
        term = search_term.strip().lower()
        return (queryset.filter(user__email__startswith=term) if term else queryset), False

    requested = columns.moment("requested_at", _("requested"))
    due = columns.moment("next_attempt_at", _("due"))

    @admin.display(description=_("user"))
    def member(self, sync: SubscriptionSync) -> str:
        return row_link("admin:accounts_user", sync.user_id, sync.user.email)

    @admin.display(description=_("status"))
    def state(self, sync: SubscriptionSync) -> str:
        badges: dict[Any, str] = {Status.DONE: "processed"}
        return badge(badges.get(sync.status, sync.status), sync.get_status_display())

    @admin.display(description=_("led to"))
    def led_to(self, sync: SubscriptionSync) -> str:
        if sync.status != Status.DONE:
            return NOTHING
        change = " → ".join(map(status_label, (sync.old_status, sync.new_status)))
        return change if sync.outcome == SubscriptionSync.Outcome.SYNCED else f"{change} ({sync.get_outcome_display()})"

    error = columns.reason("last_error", _("error"), is_short=True)

    @admin.display(description=_("error"))
    def error_text(self, sync: SubscriptionSync) -> str:
        return (
            syncs.failure_message(sync) if sync.status == Status.FAILED else phrases.shown(sync.last_error)
        ) or NOTHING
