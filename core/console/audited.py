"""Every change by a page of the console goes into the audit log, beside Django's own history of a row."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from core.console.site import ConsoleSite
from core.console.values import changed_values, values_of

_BEFORE = "_audit_before"
_BENEATH = "_audit_beneath"


class AuditedAdmin(admin.ModelAdmin):
    """Django calls the three `log_…` methods of a ModelAdmin for each change: so nothing changes without an entry."""

    admin_site: ConsoleSite
    audit_subject = ""  # the first part of the action; default: the model's name
    audit_hidden: Iterable[str] = ()  # columns whose values never leave their table

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Remember the row's values before a form changes it in place."""
        row = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "POST":
            setattr(request, _BEFORE, (row._meta.label, row.pk, self._values(row)))
        return row

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Remember what is done to rows beneath this one: they go into its entry."""
        gone = [one.instance for one in formset.deleted_forms if one.instance.pk is not None]
        deleted = [{"verb": "deleted", "row": _named(row), "before": values_of(row)} for row in gone]
        super().save_formset(request, form, formset, change)
        initial = {one.instance.pk: one.initial for one in formset.forms}
        rows = [{"verb": "added", "row": _named(row), "after": values_of(row)} for row in formset.new_objects]
        for row, names in formset.changed_objects:
            before = {name: initial.get(row.pk, {}).get(name) for name in names}
            rows.append({"verb": "changed", "row": _named(row), "before": before, "after": values_of(row, only=names)})
        setattr(request, _BENEATH, [*getattr(request, _BENEATH, []), *rows, *deleted])

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        after = {name: value for name, value in self._values(obj).items() if value}
        self.record(request, obj, "added", after=after, **_facts(request, message))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        before, after = changed_values(self._remembered(request, obj), self._values(obj))
        self.record(request, obj, "changed", before=before, after=after, **_facts(request, message))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for row in queryset:
            self.record(request, row, "deleted", before=self._values(row))
        return super().log_deletions(request, queryset)

    def record(self, request: HttpRequest, row: Model, verb: str, **facts: Any) -> None:
        """Add an entry about a row of this page."""
        self.admin_site.record(self.audit_code(verb), request=request, target=row, **facts)

    def audit_code(self, verb: str) -> str:
        """Return the code of what is done to a row of this page: `<subject>.<verb>`."""
        return f"{self.audit_subject or self.opts.model_name}.{verb.replace('-', '_')}"

    def _values(self, row: Any) -> dict[str, Any]:
        """Return the row's columns and, of forms that have them, its many-to-many values."""
        found = values_of(row)
        if row.pk is not None:
            for field in filter(lambda one: one.editable, row._meta.many_to_many):
                related = getattr(row, field.name).all()
                name = "codename" if hasattr(field.related_model, "codename") else "name"
                found[field.name] = sorted(str(value) for value in related.values_list(name, flat=True))
        return {name: value for name, value in found.items() if name not in self.audit_hidden}

    def _remembered(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        label, key, values = getattr(request, _BEFORE, ("", None, {}))
        return values if (label, key) == (row._meta.label, row.pk) else {}


def _facts(request: HttpRequest, message: Any) -> dict[str, Any]:
    """Return what else there is to say: rows beneath this one, or the reason that a page of ours gives as a text."""
    facts: dict[str, Any] = {}
    if rows := getattr(request, _BENEATH, []):
        facts["rows"] = rows
    if isinstance(message, str) and message and not message.startswith("["):
        facts["note"] = message
    return facts


def _named(row: Model) -> str:
    return f"{row._meta.label_lower}:{row.pk}"
