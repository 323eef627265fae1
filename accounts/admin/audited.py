"""Every change by a page of the console goes into the audit log, beside Django's own history of a row."""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from accounts.staff.audit import changed_values, record, values_of

_BEFORE = "_audit_before"


class AuditedAdmin(admin.ModelAdmin):
    """Django tells a ModelAdmin of what it did by its three `log_…` methods: so nothing is changed without an entry."""

    audit_subject = ""  # the first part of the action; default: the model's name
    audit_hidden: Iterable[str] = ()  # columns whose values never leave their table

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Remember the row's values before a form changes it in place."""
        row = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "POST":
            setattr(request, _BEFORE, (row._meta.label, row.pk, self._values(row)))
        return row

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        after = {name: value for name, value in self._values(obj).items() if value}
        self.record(request, obj, "added", after=after, **_beneath(message))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        before, after = changed_values(self._remembered(request, obj), self._values(obj))
        self.record(request, obj, "changed", before=before, after=after, **_beneath(message))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for row in queryset:
            self.record(request, row, "deleted", before=self._values(row))
        return super().log_deletions(request, queryset)

    def record(self, request: HttpRequest, row: Model, verb: str, **facts: Any) -> None:
        """Add an entry about a row of this page: `<subject>.<verb>`."""
        subject = self.audit_subject or row._meta.model_name
        record(f"{subject}.{verb.replace('-', '_')}", request=request, target=row, **facts)

    def _values(self, row: Any) -> dict[str, Any]:
        """The row's columns and, of forms that have them, its many-to-many values."""
        found = values_of(row)
        if row.pk is not None:
            for field in row._meta.many_to_many:
                related = getattr(row, field.name).all()
                name = "codename" if hasattr(field.related_model, "codename") else "name"
                found[field.name] = sorted(str(value) for value in related.values_list(name, flat=True))
        return {name: value for name, value in found.items() if name not in self.audit_hidden}

    def _remembered(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        label, key, values = getattr(request, _BEFORE, ("", None, {}))
        return values if (label, key) == (row._meta.label, row.pk) else {}


def _beneath(message: Any) -> dict[str, Any]:
    """What Django's message says of rows beneath this one; a text is a reason that somebody gave."""
    if isinstance(message, str) and not message.startswith("["):
        return {"note": message} if message else {}
    told = json.loads(message) if isinstance(message, str) else message
    rows = [
        {"verb": verb, "row": f"{said['name']}: {said.get('object', '')}", "fields": said.get("fields", [])}
        for one in told or []
        for verb, said in one.items()
        if "name" in said
    ]
    return {"rows": rows} if rows else {}
