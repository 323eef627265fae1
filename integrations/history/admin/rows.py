"""Console pages of an import's rows: their list, their part of the import's page, and their download."""

import csv
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from accounts.memberships.models import Plan
from core import phrases
from core.console import columns
from core.console.base import ReadOnlyAdmin
from core.console.links import NOTHING, badge, list_url, search_link, shortened
from core.tables.cells import neutral
from core.web import access
from integrations import registry
from integrations.contracts.history import FileKind
from integrations.history import actions
from integrations.history.columns import missing_columns
from integrations.history.models import HistoryImport, HistoryRow, HistoryStatus, RowOutcome

IMPORTS = "admin:integrations_historyimport"
ROWS = "admin:integrations_historyrow"
SHOWN = 50  # rows on the import's own page, and offers
ROW_BADGES = {
    RowOutcome.NEW: "processed",
    RowOutcome.CHANGED: "processed",
    RowOutcome.NOTHING: "ignored",
    RowOutcome.SKIPPED: "ignored",
    RowOutcome.QUESTION: "unmatched",
    RowOutcome.ERROR: "failed",
}


@admin.register(HistoryRow)
class HistoryRowAdmin(ReadOnlyAdmin):
    """List of all rows of an import, linked from its page."""

    list_display = ("line", "state", "who", "offer_title", "what")
    list_filter = ("outcome",)
    fields = ("history", "line", "state", "who", "offer_title", "offer_key", "detail_text", "cells")
    readonly_fields = ("state", "who", "detail_text")
    detail_text = columns.reason("detail", gettext_lazy("what it does"))
    ordering = ("id",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "history__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[HistoryRow]:
        return super().get_queryset(request).defer("cells")

    @admin.display(description=gettext_lazy("outcome"))
    def state(self, row: HistoryRow) -> str:
        return _state(row)

    @admin.display(description=gettext_lazy("person"))
    def who(self, row: HistoryRow) -> str:
        return search_link(row.person) if row.person else NOTHING

    @admin.display(description=gettext_lazy("what it does"))
    def what(self, row: HistoryRow) -> str:
        return shortened(phrases.shown(row.detail), 200) or NOTHING


def kind_of(history: HistoryImport) -> FileKind | None:
    """Return the kind of the file; None where no provider reads such files any more."""
    provider = registry.all_providers().get(history.provider)
    return provider.history.kinds.get(history.kind) if provider and provider.history else None


def _state(row: HistoryRow) -> str:
    return badge(ROW_BADGES[RowOutcome(row.outcome)], row.get_outcome_display()) if row.outcome else NOTHING


def decisions(history: HistoryImport, user: Any) -> dict[str, Any]:
    """Return the template context of an import: open decisions, its columns, and the rows that matter most."""
    kind = kind_of(history)
    is_ready = history.status == HistoryStatus.READY
    offers = actions.questions_by_offer(history) if is_ready or history.status == HistoryStatus.DONE else {}
    lacking = missing_columns(kind, history.columns) if kind else []
    columns = [
        {
            "name": name,
            "title": column.title,
            "needed": column.required,
            "lacks": name in lacking,
            "place": history.columns.get(name, ""),
        }
        for name, column in (kind.columns.items() if kind else ())
    ]
    taken = set(history.columns.values())
    return {
        "offers": [
            {"key": key, "title": title or key, "count": count} for key, (title, count) in islice(offers.items(), SHOWN)
        ],
        "plans": Plan.objects.all(),
        "no_membership": actions.NO_MEMBERSHIP,
        "columns": columns,
        "headings": list(enumerate(history.headings)),
        "unused": [heading for place, heading in enumerate(history.headings) if place not in taken and heading],
        "may_choose": is_ready and access.may(user, f"{IMPORTS}_columns", "POST"),
        "may_map": access.may(user, f"{IMPORTS}_offers", "POST"),
        "is_missing": bool(lacking and history.headings),
        "sample": _sample(history),
        "all_rows": list_url(ROWS, history__id__exact=history.pk),
        "results_url": reverse(f"{IMPORTS}_results", args=[history.pk]),
        "is_running": history.status == HistoryStatus.PENDING,
    }


def _sample(history: HistoryImport) -> list[dict[str, Any]]:
    """Return the first rows, those that need review before the others."""
    sample: list[HistoryRow] = []
    for outcomes in ([RowOutcome.ERROR, RowOutcome.QUESTION], [*RowOutcome.values[:4], ""]):
        rows = history.rows.filter(outcome__in=outcomes).defer("cells").order_by("line")
        sample += rows[: (SHOWN - len(sample))]
    return [
        {
            "line": row.line,
            "state": _state(row),
            "person": row.person or NOTHING,
            "detail": phrases.shown(row.detail) or NOTHING,
        }
        for row in sample
    ]


class _Echo:
    """File-like object for a CSV writer that returns each line."""

    def write(self, text: str) -> str:
        return text


def results(history: HistoryImport) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(["line", "outcome", "person", "offer", "what it does"])
    rows = history.rows.order_by("line").values_list("line", "outcome", "person", "offer_title", "detail")
    for row in rows.iterator(chunk_size=2000):
        yield writer.writerow([neutral(value) for value in row])
