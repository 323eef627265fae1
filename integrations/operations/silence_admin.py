"""Silences of providers: when they began, what was usual, and when the next event ended them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from core.console import attention, columns
from core.console.base import ReadOnlyAdmin
from core.console.links import EVENTS, badge, list_link, list_url
from core.provider_names import provider_title
from integrations.inbox.admin.filters import ProviderFilter
from integrations.operations import silence, silence_texts
from integrations.operations.models import Silence


@attention.source
def silences() -> list[attention.Item]:
    return [
        attention.Item(
            key="silences",
            label=_("Providers that are silent for longer than usual"),
            rows=Silence.objects.filter(ended_at=None),
            occurred="noticed_at",
            url=list_url("admin:integrations_silence", ended_at__isnull=True),
            permission="integrations.view_silence",
        )
    ]


@admin.register(Silence)
class SilenceAdmin(ReadOnlyAdmin):
    list_display = ("noticed", "title", "state", "sentence", "last_event", "ended")
    list_filter = (ProviderFilter,)
    fields = list_display
    readonly_fields = list_display

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        learning = [provider.title for provider in silence.still_learning()]
        return super().changelist_view(request, {"learning": learning, **(extra_context or {})})

    noticed = columns.moment("noticed_at", _("noticed"))
    last_event = columns.moment("since", _("last event before"))
    ended = columns.moment("ended_at", _("ended by the next event"))

    @admin.display(description=_("provider"))
    def title(self, row: Silence) -> Any:
        return list_link(EVENTS, provider_title(row.provider), provider=row.provider)

    @admin.display(description=_("status"))
    def state(self, row: Silence) -> str:
        return badge("failed", _("silent")) if row.ended_at is None else badge("processed", _("ended"))

    @admin.display(description=_("what is unusual"))
    def sentence(self, row: Silence) -> str:
        return silence_texts.sentence(row, provider_title(row.provider))
