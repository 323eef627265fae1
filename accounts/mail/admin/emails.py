"""E-mails in the console: pending, held, sent, bounced."""

import re
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.mail import emails, suppressions
from accounts.mail.admin.suppressed_addresses import suppression_link
from accounts.mail.contexts import NotSendable, Obsolete, Withdrawn
from accounts.mail.deliver import compose
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from core.console import attention, columns
from core.console.actions import Action
from core.console.base import ReadOnlyAdmin
from core.console.links import list_url
from core.console.pruned import removed
from core.text import InvalidAddress, normalise_email

_TOKEN = re.compile(r"(token=)[^&\s]+")


@attention.source
def mails_that_did_not_arrive() -> list[attention.Item]:
    labels = {
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
        count=attention.capped(held),
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
            key=f"{status}_emails",
            label=label,
            count=attention.capped(EmailMessage.objects.filter(status=status)),
            url=list_url("admin:accounts_emailmessage", status__exact=status.value),
            permission="accounts.view_emailmessage",
        )
        for status, label in labels.items()
    ]


def _may_be_resent(message: EmailMessage) -> bool:
    """Return whether a mail was sent or failed, and what it says is still there."""
    waits = message.status in (EmailMessage.Status.PENDING, EmailMessage.Status.HELD)
    return not waits and message.pruned_at is None


@admin.register(EmailMessage)
class EmailMessageAdmin(ReadOnlyAdmin):
    list_display = ("queued_since", "to", "kind", "state", "sent", "attempts", "error")
    list_filter = ("status", "kind", "created_at")
    list_select_related = ()
    search_fields = ("to",)
    search_help_text = gettext_lazy("The whole e-mail address")
    fields = (
        ("kind", "state"),
        ("to", "person"),
        "complaint",
        "language",
        "key",
        "error",
        ("created_at", "next_attempt_at", "attempts"),
        ("sent_at", "delivered_at", "bounced_at"),
        "provider_message_id",
        "location",
        "preview",
    )
    readonly_fields = ("state", "person", "complaint", "error", "preview")
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
                "%(count)d e-mail that was held back is on its way.",
                "%(count)d e-mails that were held back are on their way.",
                "count",
            ),
            run=lambda message, submission: emails.release(message),
            applies_to=lambda message: message.status == EmailMessage.Status.HELD,
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

    queued_since = columns.moment("created_at", gettext_lazy("queued since"))
    sent = columns.moment("sent_at", gettext_lazy("sent"))
    state = columns.badge("status", gettext_lazy("status"))
    error = columns.text("last_error", gettext_lazy("error"), is_short=True)
    person = columns.link("admin:accounts_user", "user", gettext_lazy("user"))

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
        return format_html('<pre class="text">{}\n\n{}</pre>', mail.subject, _TOKEN.sub(r"\1•••", mail.body))
