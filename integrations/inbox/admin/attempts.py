"""The attempts at an event, and what they changed, on the event's page."""

from django.contrib import admin
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.models import PossibleDuplicate
from core import phrases
from core.console import columns
from core.console.base import ReadOnlyInline
from core.console.format import folded
from core.console.links import NOTHING, row_link, shortened
from integrations.inbox.models import Effect, InboxAttempt
from integrations.outbox.models import OutgoingWrite


class AttemptInline(ReadOnlyInline):
    model = InboxAttempt
    fields = readonly_fields = ("anchor", "started", "took", "outcome", "problem")

    @admin.display(description=gettext_lazy("attempt"))
    def anchor(self, attempt: InboxAttempt) -> str:
        """Return the number as a link to itself, for colleagues; it also lets the keyboard into a scrolling table."""
        return format_html('<a id="attempt-{0}" href="#attempt-{0}">{0}</a>', attempt.number)

    started = columns.moment("started_at", gettext_lazy("started"))

    @admin.display(description=gettext_lazy("took"))
    def took(self, attempt: InboxAttempt) -> str:
        return NOTHING if attempt.duration_ms is None else f"{attempt.duration_ms} ms"

    @admin.display(description=gettext_lazy("error"))
    def problem(self, attempt: InboxAttempt) -> str:
        trace = folded(_("Traceback"), attempt.traceback) if attempt.traceback else ""
        return format_html("{}{}", phrases.shown(attempt.error), trace) if attempt.error or trace else NOTHING


class EffectInline(ReadOnlyInline):
    model = Effect
    fields = readonly_fields = ("what", "link")
    what = columns.reason("description", gettext_lazy("what"))

    @admin.display(description=gettext_lazy("on"))
    def link(self, effect: Effect) -> str:
        kind = effect.content_type.model_class()
        if kind is None:
            return NOTHING
        name = effect.object_id if effect.target is None else shortened(str(effect.target))
        text = f"{capfirst(kind._meta.verbose_name)}: {name}"
        return row_link(f"admin:{kind._meta.app_label}_{kind._meta.model_name}", effect.object_id, text)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Effect]:
        # With their targets, by a query for each type; some are named by other rows, which are read with them.
        targets = GenericPrefetch(
            "target",
            [
                Subscription.objects.select_related("user", "plan"),
                PossibleDuplicate.objects.select_related("contact", "other"),
                EmailMessage.objects.defer("context"),
                OutgoingWrite.objects.select_related("contact", "policy").defer(
                    "before", "after", "request", "response"
                ),
            ],
        )
        return super().get_queryset(request).select_related("content_type").prefetch_related(targets)
