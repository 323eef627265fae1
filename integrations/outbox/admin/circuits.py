"""Circuits in the console, with buttons to pause and close one."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from core.console import attention, columns
from core.console.actions import Action, ReasonForm
from core.console.base import ReadOnlyAdmin
from core.console.links import badge, list_link, list_url
from core.insert_once import insert_once
from integrations.outbox import circuits
from integrations.outbox.admin.writes import WRITES
from integrations.outbox.enqueue import mirrored_providers, opportunity_providers
from integrations.outbox.models import Circuit, OutgoingWrite

CIRCUITS = "admin:integrations_circuit"


@attention.source
def open_circuits() -> list[attention.Item]:
    return [
        attention.Item(
            key="open_circuits",
            label=gettext_lazy("Providers that are not written to at present"),
            count=attention.capped(Circuit.objects.exclude(opened_at=None)),
            url=list_url(CIRCUITS, state="open"),
            permission="integrations.view_circuit",
        )
    ]


class OpenFilter(SimpleListFilter):
    title = gettext_lazy("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("open")), ("closed", _("closed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Circuit]) -> QuerySet[Circuit]:
        return queryset.filter(opened_at__isnull=self.value() == "closed") if self.value() else queryset


def _is_paused(circuit: Circuit) -> bool:
    return circuit.opened_at is not None and circuit.trial_at is None


@admin.register(Circuit)
class CircuitAdmin(ReadOnlyAdmin):
    list_display = ("name", "state_shown", "failures", "since", "trial", "error", "waiting")
    list_filter = (OpenFilter,)
    fields = (("name", "state_shown"), "failures", ("since", "trial"), "full_error", "waiting", "changed")
    readonly_fields = ("name", "state_shown", "since", "trial", "full_error", "waiting", "changed")
    row_actions = (
        Action(
            name="pause",
            label=gettext_lazy("pause"),
            explanation=gettext_lazy(
                "Nothing is written to this provider until somebody presses close now. Pending writes wait; nothing"
                " is lost. Its events are processed as always."
            ),
            done=ngettext_lazy("%(count)d provider is paused.", "%(count)d providers are paused.", "count"),
            run=lambda circuit, submission: circuits.pause(circuit),
            applies_to=lambda circuit: not _is_paused(circuit),
            form=ReasonForm,
        ),
        Action(
            name="close",
            label=gettext_lazy("close now"),
            done=ngettext_lazy(
                "%(count)d provider is written to again.", "%(count)d providers are written to again.", "count"
            ),
            run=lambda circuit, submission: circuits.close(circuit),
            applies_to=lambda circuit: circuit.opened_at is not None,
        ),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show a circuit for each provider that is written to, so that one can be paused before anything failed."""
        known = set(Circuit.objects.values_list("provider", flat=True))
        for key in {*mirrored_providers(), *opportunity_providers()} - known:
            insert_once(Circuit(provider=key))
        return super().changelist_view(request, extra_context)

    name = columns.attribute("provider", gettext_lazy("provider"))

    @admin.display(description=gettext_lazy("status"))
    def state_shown(self, circuit: Circuit) -> str:
        if _is_paused(circuit):
            return badge("canceled", _("paused by staff"))
        state = circuit.state
        if state == "closed":
            return badge("processed", _("closed"))
        return badge("failed", _("open")) if state == "open" else badge("unmatched", _("half-open: a trial is due"))

    since = columns.moment("opened_at", gettext_lazy("open since"))
    trial = columns.moment("trial_at", gettext_lazy("next trial"))
    error = columns.text("last_error", gettext_lazy("error"), is_short=True)
    full_error = columns.text("last_error", gettext_lazy("error"))

    @admin.display(description=gettext_lazy("waiting"))
    def waiting(self, circuit: Circuit) -> str:
        pending = OutgoingWrite.Status.PENDING.value
        return list_link(WRITES, _("pending writes"), provider=circuit.provider, status__exact=pending)

    changed = columns.moment("changed_at", gettext_lazy("changed"))
