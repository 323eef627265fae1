"""Connections (circuits) in the console, with buttons to pause writing and to resume it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from core.console import attention, columns
from core.console.actions import Action, ReasonForm
from core.console.base import ReadOnlyAdmin
from core.console.facets import ConditionFilter
from core.console.links import badge, list_link, list_url
from core.console.one_statement import AT_MOST
from core.insert_once import insert_once
from core.provider_names import provider_title
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
            rows=Circuit.objects.exclude(opened_at=None),
            occurred="opened_at",
            action=gettext_lazy("Resume writing"),
            url=list_url(CIRCUITS, state="open"),
            permission="integrations.view_circuit",
        )
    ]


class OpenFilter(ConditionFilter):
    title = gettext_lazy("status")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("paused")), ("closed", _("not paused"))]

    def narrowed(self, rows: QuerySet[Circuit], value: str) -> QuerySet[Circuit]:
        return rows.filter(opened_at__isnull=value == "closed")


def _waiting(circuit: Circuit) -> str:
    """Return what resuming would write: the number of writes that wait for the provider."""
    rows = OutgoingWrite.objects.filter(provider=circuit.provider, status=OutgoingWrite.Status.PENDING)
    number = rows[: AT_MOST + 1].count()
    text = ngettext("%(provider)s: %(count)s write waits", "%(provider)s: %(count)s writes wait", number)
    shown = f"{AT_MOST}+" if number > AT_MOST else str(number)
    return text % {"provider": provider_title(circuit.provider), "count": shown}


@admin.register(Circuit)
class CircuitAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "resource_shown",
        "state_shown",
        "missing",
        "failures",
        "since",
        "trial",
        "error",
        "waiting",
    )
    list_filter = (OpenFilter,)
    fields = (
        ("name", "resource_shown", "state_shown"),
        "missing",
        "failures",
        ("since", "trial"),
        "full_error",
        "waiting",
        "changed",
    )
    readonly_fields = (
        *("name", "resource_shown", "state_shown", "missing", "since", "trial", "full_error", "waiting", "changed"),
    )
    row_actions = (
        Action(
            name="pause",
            label=gettext_lazy("pause writing"),
            explanation=gettext_lazy(
                "Nothing of it is written until somebody presses resume writing. Pending writes wait; nothing is lost."
                " Events are processed as always."
            ),
            done=ngettext_lazy("%(count)d provider is paused.", "%(count)d providers are paused.", "count"),
            run=lambda circuit, submission: circuits.pause(circuit),
            applies_to=lambda circuit: not circuit.is_paused,
            form=ReasonForm,
        ),
        Action(
            name="close",
            label=gettext_lazy("resume writing"),
            explanation=gettext_lazy("What waits is written now, one after the other, and every later change at once."),
            form=forms.Form,  # it asks nothing but whether: what is written there cannot be taken back
            shown=_waiting,
            done=ngettext_lazy(
                "%(count)d provider is written to again.", "%(count)d providers are written to again.", "count"
            ),
            run=lambda circuit, submission: circuits.close(circuit),
            applies_to=lambda circuit: circuit.opened_at is not None,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Circuit]:
        return super().get_queryset(request).order_by("provider", "resource")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show a circuit for each provider that is written to, so that one can be paused before anything failed."""
        known = set(Circuit.objects.filter(resource=circuits.WHOLE).values_list("provider", flat=True))
        for key in {*mirrored_providers(), *opportunity_providers()} - known:
            insert_once(Circuit(provider=key))
        return super().changelist_view(request, extra_context)

    name = columns.attribute("provider", gettext_lazy("provider"), show=provider_title)

    @admin.display(description=gettext_lazy("resource"), ordering="resource")
    def resource_shown(self, circuit: Circuit) -> str:
        return circuit.resource or _("all of it")

    missing = columns.attribute("permission", gettext_lazy("missing permission"))

    @admin.display(description=gettext_lazy("status"))
    def state_shown(self, circuit: Circuit) -> str:
        if circuit.is_paused:
            return badge("canceled", _("paused by staff"))
        state = circuit.state
        if state == "closed":
            return badge("processed", _("written to"))
        is_open = state == "open"
        return badge("failed", _("paused after errors")) if is_open else badge("unmatched", _("being tried again"))

    since = columns.moment("opened_at", gettext_lazy("paused since"))
    trial = columns.moment("trial_at", gettext_lazy("tried again"))
    error = columns.reason("last_error", gettext_lazy("error"), is_short=True)
    full_error = columns.reason("last_error", gettext_lazy("error"))

    @admin.display(description=gettext_lazy("waiting"))
    def waiting(self, circuit: Circuit) -> str:
        pending = OutgoingWrite.Status.PENDING.value
        return list_link(WRITES, _("pending writes"), provider=circuit.provider, status__exact=pending)

    changed = columns.moment("changed_at", gettext_lazy("changed"))
