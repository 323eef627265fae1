"""Addresses that get no mail because their owner complained about one."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.mail import suppressions
from accounts.mail.models import SuppressedAddress
from core.console import attention, columns
from core.console.actions import Action, ReasonForm
from core.console.base import ReadOnlyAdmin
from core.console.facets import ConditionFilter
from core.console.links import NOTHING, badge, list_link, list_url, row_link, shortened
from core.text import InvalidAddress, normalise_email

_ONLY_PASSWORD, _EVERY_MAIL = gettext_lazy("mails about the password only"), gettext_lazy("gets every mail")


@attention.source
def staff_without_notifications() -> list[attention.Item]:
    """Return an item where a complaint from a mailbox of staff ended their alerts."""
    return [
        attention.Item(
            key="suppressed_staff",
            label=gettext_lazy("Addresses of ADMIN_EMAIL that get no notifications, since they complained"),
            rows=suppressions.of(settings.ADMIN_EMAIL),
            occurred="complained_at",
            url=list_url("admin:accounts_suppressedaddress", state="suppressed"),
            permission="accounts.view_suppressedaddress",
        )
    ]


def suppression_link(row: SuppressedAddress | None) -> str:
    """Return since when and why an address gets no mail, linked to its row; a dash where it gets all of them."""
    if row is None:
        return NOTHING
    sentence = _("gets mails about the password only, since %(date)s: %(reason)s")
    text = sentence % {
        "date": date_format(timezone.localtime(row.complained_at), "SHORT_DATE_FORMAT"),
        "reason": shortened(row.reason),
    }
    return row_link("admin:accounts_suppressedaddress", row.pk, text)


class StateFilter(ConditionFilter):
    """Suppressed now, or lifted."""

    title = gettext_lazy("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("suppressed", _ONLY_PASSWORD), ("lifted", _EVERY_MAIL)]

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(lifted_at__isnull=value == "suppressed")


@admin.register(SuppressedAddress)
class SuppressedAddressAdmin(ReadOnlyAdmin):
    list_display = ("email", "state", "complained", "why")
    list_filter = (StateFilter,)
    empty_value_display = NOTHING
    list_select_related = ()
    search_fields = ("email",)
    search_help_text = gettext_lazy("The whole e-mail address")
    fields = ("email", "state", ("complained", "full_reason"), "about", "mails", ("lifted", "lifted_by"), "lift_reason")
    readonly_fields = ("state", "complained", "full_reason", "about", "mails", "lifted")
    row_actions = (
        Action(
            name="lift",
            label=gettext_lazy("send mails again"),
            explanation=gettext_lazy(
                "Only where the person wants mails again: a second complaint harms the delivery of everybody's mails."
                " What was not sent meanwhile is sent by “resend” on its page."
            ),
            done=ngettext_lazy(
                "%(count)d address gets every mail again.", "%(count)d addresses get every mail again.", "count"
            ),
            run=lambda row, submission: suppressions.lift(
                row, staff=submission.staff, reason=submission.answers["reason"]
            ),
            applies_to=lambda row: row.is_active,
            form=ReasonForm,
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SuppressedAddress], search_term: str
    ) -> tuple[QuerySet[SuppressedAddress], bool]:
        if not search_term.strip():
            return queryset, False
        try:
            return queryset.filter(email=normalise_email(search_term)), False
        except InvalidAddress:
            return queryset.none(), False

    @admin.display(description=gettext_lazy("status"))
    def state(self, row: SuppressedAddress) -> str:
        if row.is_active:
            return badge("suppressed", _ONLY_PASSWORD)
        return badge("done", _EVERY_MAIL)

    complained = columns.moment("complained_at", gettext_lazy("complained"))

    why = columns.reason("reason", gettext_lazy("what was reported"), is_short=True)
    full_reason = columns.reason("reason", gettext_lazy("what was reported"))
    about = columns.link("admin:accounts_emailmessage", "message", gettext_lazy("about the mail"))

    @admin.display(description=gettext_lazy("see also"))
    def mails(self, row: SuppressedAddress) -> str:
        links: tuple[Any, ...] = (
            list_link("admin:accounts_emailmessage", _("e-mails to this address"), q=row.email),
            list_link("admin:accounts_user", _("users with this address"), q=row.email),
        )
        return format_html("{} · {}", *links)

    lifted = columns.moment("lifted_at", gettext_lazy("lifted"))
