"""The audit log in the console: a list to search, and one entry with its values before and after."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import ForeignKey, Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.people.admin.filters import TypedFilter
from accounts.people.models import User
from accounts.staff.admin.audit_words import action_label, name_label, value_label
from accounts.staff.audit import masked_label
from accounts.staff.models.audit_entry import AuditEntry
from core.console import columns
from core.console.base import ReadOnlyAdmin
from core.console.facets import ColumnFilter
from core.console.format import block, indented
from core.console.links import NOTHING, badge, row_link, shortened
from core.console.names import Key, model_of, visible_names

FOUND_AT_MOST = 1000  # newest entries that a search looks at for each way to read its term
SUMMARY = 60  # characters
_NAMES = "_names"
_ROW = re.compile(r"([a-z_]{1,40}\.[a-z]{1,60}):(\w{1,40})")  # as audit.record writes a row among an entry's values
_BADGES = {"done": "processed", "failed": "unmatched", "denied": "failed"}


class ActionFilter(TypedFilter, ColumnFilter):
    """A whole action ("sign_in.failed"), or its first part for all of its kind ("sign_in"). The browser offers those
    that occur, with their numbers.
    """

    title = _("action")
    parameter_name = "action"

    def suggestions(self) -> list[tuple[str, Any]]:
        return sorted((code, f"{action_label(code)}: {number}") for code, number in self._numbers().items() if code)

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        wanted = (self.value() or "").strip()
        if not wanted or "." in wanted:
            return queryset.filter(action=wanted) if wanted else queryset
        kind = [action for action in self._numbers() if action and action.startswith(f"{wanted}.")]
        return queryset.filter(action__in=kind)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Each filter and each way of searching has an index; nothing is counted."""

    list_display = ("time", "what", "shown_outcome", "by", "about", "client", "summary")
    list_filter = (ActionFilter, "outcome", "recorded_at")
    list_select_related = ("actor",)
    search_fields = ("target_id",)
    search_help_text = _("E-mail of who did it or whom it concerns, id of the row, or client address")
    fields = (
        ("time", "what", "shown_outcome"),
        "action",
        ("by", "about", "client"),
        "values_before",
        "values_after",
        "details",
    )
    readonly_fields = (
        "time",
        "what",
        "shown_outcome",
        "by",
        "about",
        "client",
        "values_before",
        "values_after",
        "details",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return super().get_queryset(request).select_related("actor")

    def complete(self, request: HttpRequest, rows: Sequence[AuditEntry]) -> None:
        """Name what the entries are about, as far as the reader may see it: all of a page by one statement."""
        named = {entry.pk: {*_references(entry), (entry.target_type.lower(), entry.target_id)} for entry in rows}
        names = visible_names(request, {key for keys in named.values() for key in keys})
        for entry in rows:
            vars(entry)[_NAMES] = {key: names[key] for key in named[entry.pk] if key in names}

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> AuditEntry | None:
        entry: AuditEntry | None = super().get_object(request, object_id, from_field)
        self.complete(request, [entry] if entry else [])
        return entry

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

    what = columns.attribute("action", _("what was done"), show=action_label)

    @admin.display(description=_("outcome"))
    def shown_outcome(self, entry: AuditEntry) -> str:
        return badge(_BADGES.get(entry.outcome, "failed"), entry.get_outcome_display())

    @admin.display(description=_("by"))
    def by(self, entry: AuditEntry) -> str:
        if entry.actor_id is None:
            return value_label(None, "by", (entry.facts or {}).get("by")) or NOTHING
        if entry.actor is None:
            return _("deleted user %(id)d") % {"id": entry.actor_id}
        return row_link("admin:accounts_user", entry.actor_id, entry.actor)

    @admin.display(description=_("target"))
    def about(self, entry: AuditEntry) -> str:
        if not entry.target_type:
            return entry.target_label or NOTHING
        kind, key = entry.target_type, entry.target_id
        return row_link(f"admin:{kind.replace('.', '_')}", key, _called(entry, kind, key))

    client = columns.text("client_address", _("client"))

    @admin.display(description=_("what changed"))
    def summary(self, entry: AuditEntry) -> str:
        model = model_of(entry.target_type)
        named = (values for values in (entry.before, entry.after) if isinstance(values, dict))
        names = sorted({name_label(model, name) for values in named for name in values})
        other = {name: value for name, value in (entry.facts or {}).items() if name != "by"}
        facts = [f"{name}: {_line(value)}" for name, value in _read(entry, other).items()]
        return shortened("; ".join([", ".join(names), *facts] if names else facts), SUMMARY) or NOTHING

    @admin.display(description=_("before"))
    def values_before(self, entry: AuditEntry) -> str:
        return _shown(entry, entry.before)

    @admin.display(description=_("after"))
    def values_after(self, entry: AuditEntry) -> str:
        return _shown(entry, entry.after)

    @admin.display(description=_("details"))
    def details(self, entry: AuditEntry) -> str:
        return _shown(entry, entry.facts)


def _shown(entry: AuditEntry, values: Any) -> str:
    return block(indented(_read(entry, values))) if values is not None else NOTHING


def _called(entry: AuditEntry, label: str, key: str) -> str:
    """Return what a row is called: its model and its name, or its key where it has none or is gone."""
    model = model_of(label)
    return f"{model._meta.verbose_name if model else label} {_names(entry).get((label.lower(), key), key)}"


def _names(entry: AuditEntry) -> Mapping[Key, str]:
    found: Mapping[Key, str] = vars(entry).get(_NAMES, {})
    return found


def _references(entry: AuditEntry) -> Iterator[Key]:
    """Yield the rows that an entry's values name: "accounts.user:5", and the values of columns that lead to rows."""
    for values in (entry.before, entry.after, entry.facts):
        for text in _texts(values):
            if found := _ROW.fullmatch(text):
                yield found[1], found[2]
    for values in (entry.before, entry.after):
        yield from ((label, str(value)) for _name, label, value in _related(entry, values))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _related(entry: AuditEntry, values: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the columns of the target among `values` that lead to another row: their name, its model and its key."""
    model = model_of(entry.target_type)
    if model is None or not isinstance(values, dict):
        return
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey) and isinstance(values.get(field.name), int | str):
            yield field.name, field.related_model._meta.label_lower, values[field.name]


def _read(entry: AuditEntry, values: Any) -> Any:
    """Return values as people read them: names and words in their language, the names of rows in place of keys."""
    is_of_row = values is not entry.facts and (values is entry.before or values is entry.after)
    return _in_words(entry, values, model_of(entry.target_type) if is_of_row else None)


def _in_words(entry: AuditEntry, values: Any, model: type[Model] | None, name: str = "") -> Any:
    known = _names(entry)
    if isinstance(values, dict):
        related = {
            name: f"{known[label, str(key)]} ({key})"
            for name, label, key in (_related(entry, values) if model else ())
            if (label, str(key)) in known
        }
        return {
            name_label(model, name): related.get(name) or _in_words(entry, value, model, name)
            for name, value in values.items()
        }
    if isinstance(values, list):
        return [_in_words(entry, value, model, name) for value in values]
    found = _ROW.fullmatch(values) if isinstance(values, str) else None
    if found and (found[1], found[2]) in known:
        return _called(entry, found[1], found[2])
    return value_label(model, name, values)


def _line(value: Any) -> str:
    """Return a detail in a line: names and values without the marks of code."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_line(one)}" for name, one in value.items())
    return ", ".join(map(_line, value)) if isinstance(value, list) else str(value)
