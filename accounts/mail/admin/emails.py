"""E-mails in the console: pending, held, sent, bounced."""

import re
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.mail import emails, suppressions, undelivered
from accounts.mail.admin.suppressed_addresses import suppression_link
from accounts.mail.contexts import NotSendable, Obsolete, Withdrawn
from accounts.mail.deliver import compose
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from core.console import attention, columns
from core.console.actions import Action
from core.console.base import ReadOnlyAdmin
from core.console.facets import ConditionFilter
from core.console.format import block
from core.console.links import list_url
from core.console.pruned import removed
from core.text import InvalidAddress, normalise_email

# Why a mail is sent, by the beginning of its key. What is not here is said by its kind.
_REASONS = {
    emails.GREETING_PREFIX: gettext_lazy("purchase"),
    "back:": gettext_lazy("purchase"),
    "resumed:": gettext_lazy("purchase that goes on"),
    "payment-failed:": gettext_lazy("payment that failed"),
    "ends_soon:": gettext_lazy("access that ends soon"),
    "ended:": gettext_lazy("access that ended"),
    "refunded:": gettext_lazy("refund"),
    "resend:": gettext_lazy("resent by staff"),
    "staff-link:": gettext_lazy("requested by staff"),
    "link-request:": gettext_lazy("requested by the member"),
    "account-created:": gettext_lazy("completed course"),
    "completion:": gettext_lazy("completed course"),
    "bounced:": gettext_lazy("e-mail that bounced"),
    "alert:": gettext_lazy("alert"),
}
_OCCURRED = {
    EmailMessage.Status.PENDING: "created_at",
    EmailMessage.Status.FAILED: "finished_at",
    EmailMessage.Status.BOUNCED: "bounced_at",
}
_KEYS = {EmailMessage.Status.PENDING: "delayed"}
_TOKEN = re.compile(r"(token=)[^&\s]+")


@attention.source
def mails_that_did_not_arrive() -> list[attention.Item]:
    labels = {
        EmailMessage.Status.PENDING: _("E-mails that cannot be sent now"),
        EmailMessage.Status.FAILED: _("E-mails that failed"),
        EmailMessage.Status.BOUNCED: _("E-mails that bounced"),
    }
    held = EmailMessage.objects.filter(
        Exists(Subscription.objects.giving_access().filter(user=OuterRef("user"))),
        status=EmailMessage.Status.HELD,
        key__startswith=emails.GREETING_PREFIX,
    )
    waiting = attention.Item(
        key="held_greetings",
        label=_("Members who wait for their welcome, which is held back"),
        rows=held,
        occurred="created_at",
        action=gettext_lazy("Send or leave"),
        url=list_url("admin:accounts_emailmessage", status__exact=EmailMessage.Status.HELD.value),
        permission="accounts.view_emailmessage",
    )
    return [
        waiting,
        *_did_not_arrive(labels),
    ]


def _did_not_arrive(labels: Mapping[EmailMessage.Status, str]) -> list[attention.Item]:
    return [
        attention.Item(
            key=f"{_KEYS.get(status, status)}_emails",
            label=label,
            rows=undelivered.unresolved(status),
            occurred=_OCCURRED[status],
            action=_("See why") if status == EmailMessage.Status.PENDING else _("Correct and resend"),
            url=list_url("admin:accounts_emailmessage", unresolved=status.value),
            permission="accounts.view_emailmessage",
        )
        for status, label in labels.items()
    ]


def reason_of(message: EmailMessage) -> str:
    """Return the business reason of a mail in a word or two."""
    key = message.key.removeprefix("staff:")
    return str(next((text for start, text in _REASONS.items() if key.startswith(start)), message.get_kind_display()))


def _may_be_resent(message: EmailMessage) -> bool:
    """Return whether a mail was sent or failed, and what it says is still there."""
    waits = message.status in (EmailMessage.Status.PENDING, EmailMessage.Status.HELD)
    return not waits and message.pruned_at is None


def _may_be_sent_now(message: EmailMessage) -> bool:
    """Return whether a mail is held back, or waits after a failure."""
    is_delayed = message.status == EmailMessage.Status.PENDING and message.failures > 0
    return is_delayed or message.status == EmailMessage.Status.HELD


class UnresolvedFilter(ConditionFilter):
    title = gettext_lazy("did not arrive, and nothing since")
    parameter_name = "unresolved"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        status = EmailMessage.Status
        return [
            (status.BOUNCED.value, status.BOUNCED.label),
            (status.FAILED.value, status.FAILED.label),
            (status.PENDING.value, _("cannot be sent now")),
        ]

    def narrowed(self, rows: QuerySet[EmailMessage], value: str) -> QuerySet[EmailMessage]:
        return rows.filter(pk__in=undelivered.unresolved(value).values("pk"))


@admin.register(EmailMessage)
class EmailMessageAdmin(ReadOnlyAdmin):
    list_display = ("queued_since", "to", "kind", "state", "sent", "attempts", "error")
    list_filter = ("status", UnresolvedFilter, "kind", "created_at")
    list_select_related = ()
    search_fields = ("to",)
    search_help_text = gettext_lazy("The whole e-mail address")
    fields = (
        ("kind", "state"),
        ("to", "person"),
        "complaint",
        "language",
        "because",
        "full_error",
        ("created_at", "next_attempt_at", "attempts"),
        ("sent_at", "delivered_at", "bounced_at"),
        "provider_message_id",
        "location",
        "preview",
    )
    readonly_fields = ("state", "person", "complaint", "because", "full_error", "preview")
    row_actions = (
        Action(
            name="resend",
            label=gettext_lazy("resend"),
            done=ngettext_lazy(
                "%(count)d e-mail is sent again, as a new one.",
                "%(count)d e-mails are sent again, as new ones.",
                "count",
            ),
            run=lambda message, submission: bool(emails.resend(message)),
            applies_to=_may_be_resent,
        ),
        Action(
            name="send-now",
            label=gettext_lazy("send now"),
            done=ngettext_lazy(
                "%(count)d e-mail is on its way.",
                "%(count)d e-mails are on their way.",
                "count",
            ),
            run=lambda message, submission: emails.release(message) or emails.try_again(message),
            applies_to=_may_be_sent_now,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmailMessage]:
        return super().get_queryset(request).defer("context")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[EmailMessage], search_term: str
    ) -> tuple[QuerySet[EmailMessage], bool]:
        if not search_term.strip():
            return queryset, False
        try:
            return queryset.filter(to=normalise_email(search_term)), False
        except InvalidAddress:
            return queryset.none(), False

    queued_since = columns.moment("created_at", gettext_lazy("requested"))
    sent = columns.moment("sent_at", gettext_lazy("sent"))
    state = columns.badge("status", gettext_lazy("status"))
    error = columns.reason("last_error", gettext_lazy("error"), is_short=True)
    full_error = columns.reason("last_error", gettext_lazy("error"))
    person = columns.link("admin:accounts_user", "user", gettext_lazy("user"))

    @admin.display(description=gettext_lazy("sent because of"))
    def because(self, message: EmailMessage) -> str:
        return reason_of(message)

    @admin.display(description=gettext_lazy("complaint"))
    def complaint(self, message: EmailMessage) -> str:
        return suppression_link(suppressions.find(message.to))

    @admin.display(description=gettext_lazy("as it would read now"))
    def preview(self, message: EmailMessage) -> str:
        """Return subject and text. The link in it is made for this preview and loses its token before it is shown."""
        if gone := removed(message):
            return _("%(removed)s It cannot be sent again.") % {"removed": gone}
        try:
            mail: Any = compose(message)
        except (NotSendable, Obsolete, Withdrawn, TemplateDoesNotExist) as error:
            return str(error)
        text = _TOKEN.sub(r"\1•••", mail.body)
        return block(f"{mail.subject}\n\n{text}")
