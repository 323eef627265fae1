"""The audit log in the console: a list to search, and one entry with its values before and after."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.people.admin.filters import TypedFilter, distinct_values
from accounts.people.models import User
from accounts.staff.audit import masked_label
from accounts.staff.models.audit_entry import AuditEntry
from core.console import columns
from core.console.base import ReadOnlyAdmin
from core.console.format import block, indented
from core.console.links import NOTHING, badge, row_link, shortened

FOUND_AT_MOST = 1000  # newest entries that a search looks at for each way to read its term
SUMMARY = 60  # characters
_BADGES = {"done": "processed", "failed": "unmatched", "denied": "failed"}


class ActionFilter(TypedFilter):
    """A whole action ("sign_in.failed"), or its first part for all of its kind ("sign_in")."""

    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(action, action) for action in distinct_values(AuditEntry, "action")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        wanted = (self.value() or "").strip()
        if not wanted or "." in wanted:
            return queryset.filter(action=wanted) if wanted else queryset
        kind = [action for action, _label in self.lookup_choices if action.startswith(f"{wanted}.")]
        return queryset.filter(action__in=kind)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Each filter and each way of searching has an index; nothing is counted."""

    list_display = ("time", "action", "shown_outcome", "by", "about", "client", "summary")
    list_filter = (ActionFilter, "outcome", "recorded_at")
    list_select_related = ("actor",)
    search_fields = ("target_id",)
    search_help_text = _("E-mail of who did it or whom it concerns, id of the row, or client address")
    fields = (
        ("time", "action", "shown_outcome"),
        ("by", "about", "client"),
        "values_before",
        "values_after",
        "details",
    )
    readonly_fields = ("time", "shown_outcome", "by", "about", "client", "values_before", "values_after", "details")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return super().get_queryset(request).select_related("actor")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if "@" in term:
            users = list(User.objects.filter(email__startswith=term.lower()).values_list("pk", flat=True)[:50])
            ways: list[dict[str, Any]] = [
                {"actor__in": users},
                {"about_user__in": users},
                {"target_label": masked_label(term.lower())},
            ]
        else:
            kind, _colon, key = term.rpartition(":")
            ways = [{"target_id": key, "target_type": kind.lower()} if kind else {"target_id": term}]
            ways += [{"client_address": term}, {"target_label": term}]
        newest = (queryset.filter(**way).order_by("-id").values_list("pk", flat=True)[:FOUND_AT_MOST] for way in ways)
        return queryset.filter(pk__in={key for keys in newest for key in keys}), False

    time = columns.moment("recorded_at", _("time"))

    @admin.display(description=_("outcome"))
    def shown_outcome(self, entry: AuditEntry) -> str:
        return badge(_BADGES.get(entry.outcome, "failed"), entry.get_outcome_display())

    @admin.display(description=_("by"))
    def by(self, entry: AuditEntry) -> str:
        if entry.actor_id is None:
            return (entry.facts or {}).get("by") or NOTHING
        if entry.actor is None:
            return _("deleted user %(id)d") % {"id": entry.actor_id}
        return row_link("admin:accounts_user", entry.actor_id, entry.actor)

    @admin.display(description=_("target"))
    def about(self, entry: AuditEntry) -> str:
        if not entry.target_type:
            return entry.target_label or NOTHING
        kind = entry.target_type
        name = apps.get_model(kind)._meta.verbose_name if _is_kind(kind) else kind
        return row_link(f"admin:{kind.replace('.', '_')}", entry.target_id, f"{name} {entry.target_id}")

    client = columns.text("client_address", _("client"))

    @admin.display(description=_("what changed"))
    def summary(self, entry: AuditEntry) -> str:
        names = sorted({name for values in (entry.before, entry.after) if isinstance(values, dict) for name in values})
        facts = [f"{name}: {value}" for name, value in (entry.facts or {}).items() if name != "by"]
        return shortened("; ".join([", ".join(names), *facts] if names else facts), SUMMARY) or NOTHING

    @admin.display(description=_("before"))
    def values_before(self, entry: AuditEntry) -> str:
        return _shown(entry.before)

    @admin.display(description=_("after"))
    def values_after(self, entry: AuditEntry) -> str:
        return _shown(entry.after)

    @admin.display(description=_("details"))
    def details(self, entry: AuditEntry) -> str:
        return _shown(entry.facts)


def _shown(values: Any) -> str:
    return block(indented(values)) if values is not None else NOTHING


def _is_kind(name: str) -> bool:
    """Return whether `name` is a model, as "accounts.contact"."""
    app, _dot, model = name.lower().partition(".")
    return app in apps.app_configs and model in apps.all_models[app]
