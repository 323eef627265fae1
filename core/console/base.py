"""Base classes of the console's pages."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import ModelAdmin, ShowFacets, TabularInline
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import flatten_fieldsets, quote
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.contrib.auth import get_permission_codename
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import CharField, DateTimeField, JSONField, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.text import capfirst

from core.console import columns, facets
from core.console.actions import ActionsMixin
from core.console.csv_export import CsvExport
from core.console.links import row_url
from core.console.paging import PageByPage

_NOTES = "_search_notes"
AT_MOST = 50  # rows beneath another
OFFERED_LOOKUPS = {"exact", "isnull", "in", "gt", "gte", "lt", "lte", "year", "month", "day"}
_LOOKUPS = {*DateTimeField().get_lookups(), *CharField().get_lookups(), *JSONField().get_lookups()}


class ConsoleChangeList(ChangeList):
    """Refuses a filter by a value that no column can hold (the year 99999, an id of 30 digits) as any other wrong one.

    Django checks values where the query is made; these are found out when the database is asked.
    """

    notes: Sequence[Any] = ()  # beneath the search box

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = capfirst(str(self.opts.verbose_name_plural))  # Django's is a command: "Select contact to view"

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return self.model_admin.for_list(rows) if isinstance(self.model_admin, CsvExport) else rows

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
            if isinstance(self.paginator, PageByPage) and not self.multi_page:
                # It has read the only page, which Django would read again, whichever page the address asks for.
                self.result_list = self.paginator.page(1).object_list
            rows = list(self.result_list)  # others are not read yet
        except (OverflowError, ValueError, DataError) as error:
            raise IncorrectLookupParameters(error) from error
        if isinstance(self.model_admin, CsvExport):
            self.model_admin.complete(request, rows)
        self.notes = getattr(request, _NOTES, ())

    def url_for_result(self, result: Any) -> str:
        return row_url(f"admin:{self.opts.app_label}_{self.opts.model_name}", quote(getattr(result, self.pk_attname)))


class BoundedLists(ModelAdmin):
    """Lists that a hand-written address cannot break: every list of the console is one of these."""

    class Media:
        js = ("console/cards.js",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether a list may be narrowed so by its address: only by what our pages offer and link to.

        Django lets in every lookup of the model's own columns, regular expressions among them.
        """
        asked = {part for part in lookup.split(LOOKUP_SEP)[1:] if part in _LOOKUPS}
        return asked <= OFFERED_LOOKUPS and super().lookup_allowed(lookup, value, request)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns of the list, as people read them: moments in their short form as everywhere in lists."""
        return [self._as_read(name, is_list=True) for name in super().get_list_display(request)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [self._as_read(name) for name in super().get_readonly_fields(request, obj)]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of a row's page, with what nobody writes there as people read it."""
        parts = super().get_fieldsets(request, obj)
        if obj is not None and not self.has_change_permission(request, obj):
            written: set[Any] = set()
        else:
            written = set(flatten_fieldsets(parts)) - set(super().get_readonly_fields(request, obj))
        return [(title, part | {"fields": self._all_as_read(part["fields"], written)}) for title, part in parts]

    def _all_as_read(self, names: Sequence[Any], written: set[Any]) -> list[Any]:
        return [
            self._all_as_read(name, written)
            if isinstance(name, list | tuple)
            else name
            if name in written
            else self._as_read(name)
            for name in names
        ]

    def _as_read(self, name: Any, *, is_list: bool = False) -> Any:
        if not isinstance(name, str) or hasattr(self, name):
            return name
        field = next((field for field in self.opts.concrete_fields if field.name == name), None)
        return (columns.of_field(field, is_list=is_list) if field else None) or name

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show a row's page under the name of what it is; Django's heading says *Change* or *View* before it."""
        titled = {"title": capfirst(self.opts.verbose_name)} if object_id is not None else {}
        return super().changeform_view(request, object_id, form_url, titled | (extra_context or {}))

    def add_search_notes(self, request: HttpRequest, notes: Sequence[Any]) -> None:
        """Show texts beneath the search box: what a search did not look at."""
        setattr(request, _NOTES, [*getattr(request, _NOTES, ()), *notes])

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ConsoleChangeList


class ConsoleAdmin(CsvExport, ActionsMixin, BoundedLists):
    """Lists that stay fast with a million rows: newest first, no counting, no sorting by columns without an index."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # Django's count all rows; core/console/facets.py has ours
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-id",)
    sortable_by = ()

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [facets.filter_of(self.model, one) for one in super().get_list_filter(request)]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"csv_url": self.csv_url(request), **self.admin_site.list_context(request, self.opts.label_lower)}
        return super().changelist_view(request, context | (extra_context or {}))

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], per_page: int, *args: Any, **options: Any
    ) -> Paginator:
        """Return the pages of a list or, with `options`, of what a look-up field offers."""
        number = request.GET.get("page" if options else PAGE_VAR, "1")
        return PageByPage(queryset, per_page, page_number=int(number) if number.isdecimal() and len(number) < 7 else 1)


class NeverDeleted:
    """Rows that are kept: members, history, everything that explains what happened."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(NeverDeleted, ConsoleAdmin):
    """Rows that staff look at and run actions on, but never write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(NeverDeleted, TabularInline):
    """Rows beneath another that are shown to whoever may see that other row; without rows the section is folded."""

    template = "admin/edit_inline/read_only.html"
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class _NewestRows(BaseInlineFormSet):
    """Reads AT_MOST rows: somebody may have any number of them, and a page shows them all at once."""

    _newest: list[Any] | None = None

    def get_queryset(self) -> Any:
        if self._newest is None:
            self._newest = list(super().get_queryset()[:AT_MOST])
        return self._newest


class EditedInline(TabularInline):
    """Rows beneath another that staff edit: each field bears the name of its column, which stands above the table."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs["aria-label"] = capfirst(field.label)
        return field

    def get_formset(self, *args: Any, **kwargs: Any) -> Any:
        class Labelled(super().get_formset(*args, **kwargs)):  # type: ignore[misc]
            def add_fields(self, form: Any, index: Any) -> None:
                super().add_fields(form, index)
                if DELETION_FIELD_NAME in form.fields:
                    box = form.fields[DELETION_FIELD_NAME]
                    box.widget.attrs["aria-label"] = box.label

        return Labelled


class NewestInline(ReadOnlyInline):
    """The newest of what belongs to a row; its own list has the rest."""

    formset = _NewestRows
    ordering = ("-id",)


class SuperusersWrite:
    """Admin of rights: a permission lets somebody look, so that nobody gives themselves more."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        opts = self.opts  # type: ignore[attr-defined]
        return request.user.has_perm(f"{opts.app_label}.{get_permission_codename('view', opts)}")


def _is_superuser(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_superuser
