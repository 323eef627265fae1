"""Any list as a CSV file: the rows that its filters and its search leave, with the columns that it shows.

It is UTF-8 with a byte order mark, by which spreadsheets know that; texts that would be formulas are made to be none.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import display_for_field, label_for_field, lookup_field
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone, translation
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.console.links import NOTHING
from core.console.site import ConsoleSite
from core.tables.cells import neutral
from core.web import access

MOST = 50_000  # rows of a file
AT_ONCE = 500  # rows in memory
_TIME = re.compile(r'<time datetime="([^"]*)"[^>]*>.*?</time>', re.DOTALL)
_SIGHTLESS = re.compile(r'<span class="visually-hidden">.*?</span>', re.DOTALL)


class _Line:
    """Takes what the CSV writer writes, a line at a time."""

    def write(self, line: str) -> str:
        return line


class CsvExport(ModelAdmin):
    """Adds *Export as CSV* to a list, for whoever may see the list and may download lists."""

    admin_site: ConsoleSite
    exports_csv = True

    def get_urls(self) -> list[URLPattern]:
        own = [path("csv/", self.admin_site.admin_view(self.csv_view), name=self._csv_name())]
        return [*own, *super().get_urls()] if self.exports_csv else super().get_urls()

    def for_list(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return rows of the list, or of its file, with what its columns show and without what only a row's own page
        shows.
        """
        return rows

    def complete(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Add to rows of the list, or of its file, what is read for all of them at once."""

    def csv_url(self, request: HttpRequest) -> str:
        """Return the address of the file of the list as it is filtered; "" for who may not download it."""
        if not self.exports_csv or not access.may(request.user, f"admin:{self._csv_name()}"):
            return ""
        query = request.GET.copy()
        query.pop(PAGE_VAR, None)
        return reverse(f"admin:{self._csv_name()}") + (f"?{query.urlencode()}" if query else "")

    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        shown_list = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect(f"{shown_list}?e=1")
        keys = list(changelist.queryset.values_list("pk", flat=True)[: MOST + 1])
        if len(keys) > MOST:
            text = _("A file has at most %(count)s rows, and this list has more: narrow it by its filters.")
            self.message_user(request, text % {"count": f"{MOST:,}"}, messages.ERROR)
            return redirect(f"{shown_list}?{request.GET.urlencode()}")
        filters = {name: value for name, value in request.GET.items() if value}
        self.admin_site.record(
            "list.exported", request=request, target=None, list=self.opts.label_lower, rows=len(keys), filters=filters
        )
        rows = self.for_list(changelist.apply_select_related(self.get_queryset(request)))
        lines = self._lines(request, rows, keys, translation.get_language())
        name = f"{self.opts.model_name}-{timezone.localtime():%Y-%m-%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)

    def _csv_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_csv"

    def _lines(
        self, request: HttpRequest, rows: QuerySet[Any], keys: Sequence[Any], language: str | None
    ) -> Iterator[str]:
        columns = [name for name in self.get_list_display(request) if name != "action_checkbox"]
        writer = csv.writer(_Line())
        with translation.override(language):
            heads = [capfirst(_text(label_for_field(name, self.model, self))) for name in columns]
        yield "\ufeff" + writer.writerow(["ID", *map(neutral, heads)])
        for start in range(0, len(keys), AT_ONCE):
            part = keys[start : start + AT_ONCE]
            # The request's middleware, which knew the language, is done by now.
            with translation.override(language):
                found = {row.pk: row for row in rows.filter(pk__in=part).order_by()}
                self.complete(request, list(found.values()))
                lines = [
                    writer.writerow([key, *(neutral(self._cell(name, found[key])) for name in columns)])
                    for key in part
                    if key in found
                ]
            yield "".join(lines)

    def _cell(self, name: Any, row: Any) -> str:
        try:
            field, _attribute, value = lookup_field(name, row, self)
        except ObjectDoesNotExist:
            return ""
        if field is None:
            return _text(value)
        if hasattr(value, "isoformat"):
            return str(value.isoformat())
        return _text(display_for_field(value, field, "") if field.flatchoices else "" if value is None else str(value))


def _text(value: Any) -> str:
    """Return what a column shows as a text: moments whole, links by their words, nothing for a dash."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, SafeString):
        text = _SIGHTLESS.sub("", _TIME.sub(r"\1", text)).replace("<br>", " ").replace("</li>", " ")
        text = unescape(strip_tags(text))
    text = " ".join(text.split())
    return "" if text == NOTHING else text
