"""Numbers of rows by what the filters of a list mean, all of a page in one statement.

The values of a column are found by a step of its index for each, and rows are counted to MOST by the same index, so
that a page reads as much with a million rows as with a hundred thousand. Numbers are of the whole table, whatever else
is filtered: those of combinations would need an index for each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Model, QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format

MOST = 1000  # rows of a value are counted no further
VALUES = 100  # of a column
_ASKED = "_facets"


class Source(Protocol):
    """The rows that one filter counts."""

    def part(self, place: int) -> tuple[str, str, list[Any]]:
        """Return the recursive table that the statement needs ("" for none), its part of a union and the parameters.

        The rows of the part are `place`, a value as text, how many there are, and how many rows were read for that
        (NULL: as many), MOST + 1 for more.
        """


@dataclass(frozen=True, kw_only=True)
class Column:
    """Rows by the values of an indexed column; with `of` those of another table, by their column of that name."""

    model: type[Model]
    name: str
    of: str = ""

    def part(self, place: int) -> tuple[str, str, list[Any]]:
        quote = connection.ops.quote_name
        field: Any = self.model._meta.get_field(self.name)
        table, column, values = quote(self.model._meta.db_table), quote(field.column), f"facet_{place}"
        text = "CAST(value AS INTEGER)" if isinstance(field, BooleanField) else "value"
        if isinstance(field, BooleanField):  # PostgreSQL has no smallest truth value
            steps = "SELECT 1 = 0 UNION ALL SELECT 1 = 1"
        else:
            # The recursion ends with the first value after the last: NULL.
            steps = (
                f"SELECT MIN({column}) FROM {table} UNION ALL SELECT (SELECT MIN({column}) FROM {table}"  # noqa: S608
                f" WHERE {column} > {values}.value) FROM {values} WHERE {values}.value IS NOT NULL"
            )
        value = f"all_{place}.value"
        own = f", {quote(self.of)} AS own" if self.of else ""
        # Not `WHERE column = value`: PostgreSQL does not know how many rows a value has while it plans, hopes for many
        # and reads a whole table in search of a rare one. In the order of the index it begins at the value.
        rows = (
            f"SELECT {column} AS found{own} FROM {table} WHERE {column} >= {value}"  # noqa: S608
            f" ORDER BY {column} LIMIT {MOST + 1}"
        )
        all_of_it = f"FROM ({rows}) AS read_{place} WHERE found = {value}"
        count, read = f"(SELECT COUNT(*) {all_of_it})", "CAST(NULL AS INTEGER)"
        if self.of:
            count, read = f"(SELECT COUNT(DISTINCT own) {all_of_it})", count
        part = (
            f"SELECT {place}, CAST({text} AS VARCHAR(400)), {count}, {read}"  # noqa: S608
            f" FROM (SELECT value FROM {values} WHERE value IS NOT NULL LIMIT {VALUES}) AS all_{place}"
        )
        return f"{values}(value) AS ({steps})", part, []


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditions:
    """Rows by conditions that an index serves, by the value of the filter that means each."""

    lists: Mapping[str, QuerySet[Any]]

    def part(self, place: int) -> tuple[str, str, list[Any]]:
        parts, params = [], []
        for value, rows in self.lists.items():
            try:
                sql, own = rows.order_by().values_list("pk")[: MOST + 1].query.sql_with_params()
            except EmptyResultSet:
                continue
            parts.append(f"SELECT {place}, %s, COUNT(*), CAST(NULL AS INTEGER) FROM ({sql}) AS one_{place}")  # noqa: S608
            params += [value, *own]
        return "", " UNION ALL ".join(parts), params


@dataclass(frozen=True, kw_only=True)
class Short:
    """Rows by the values of a column without an index, of a table that has at most MOST rows; those of a longer one
    are not counted: every number is then one of "more"."""

    model: type[Model]
    name: str

    def part(self, place: int) -> tuple[str, str, list[Any]]:
        quote = connection.ops.quote_name
        field: Any = self.model._meta.get_field(self.name)
        table, column = quote(self.model._meta.db_table), quote(field.column)
        text = "CAST(value AS INTEGER)" if isinstance(field, BooleanField) else "value"
        part = (
            f"SELECT {place}, CAST({text} AS VARCHAR(400)), COUNT(*), CAST(SUM(COUNT(*)) OVER () AS INTEGER)"  # noqa: S608
            f" FROM (SELECT {column} AS value FROM {table} LIMIT {MOST + 1}) AS all_{place} GROUP BY value"
        )
        return "", part, []


@dataclass(frozen=True, kw_only=True, eq=False)
class Spans:
    """Rows by spans of an indexed column of moments or days, each from its begin up to its end.

    One read for all: of the newest MOST + 1 rows within them. A span that goes on before the oldest of these has more.
    """

    model: type[Model]
    name: str
    spans: Mapping[str, tuple[date, date]]

    def part(self, place: int) -> tuple[str, str, list[Any]]:
        name, (begins, ends) = self.name, zip(*self.spans.values(), strict=True)
        rows = self.model._default_manager.filter(**{f"{name}__gte": min(begins), f"{name}__lt": max(ends)})
        read, params = rows.order_by(f"-{name}").values_list(name)[: MOST + 1].query.sql_with_params()
        field: Any = self.model._meta.get_field(name)
        column = connection.ops.quote_name(field.column)
        spans = " UNION ALL ".join(["SELECT CAST(%s AS VARCHAR(400)) AS value, %s AS begins, %s AS ends"] * len(begins))
        part = (
            f"SELECT {place}, value, SUM(CASE WHEN {column} >= begins AND {column} < ends THEN 1 ELSE 0 END),"  # noqa: S608
            f" CASE WHEN MIN({column}) >= begins THEN COUNT(*) ELSE 0 END"
            f" FROM ({read}) AS read_{place}, ({spans}) AS spans_{place} GROUP BY value, begins"
        )
        own = [
            one
            for value, span in self.spans.items()
            for one in (value, *(field.get_db_prep_value(moment, connection) for moment in span))
        ]
        return "", part, [*params, *own]


@dataclass(frozen=True, kw_only=True)
class Number:
    """How many rows there are, or of how many at least."""

    count: int
    is_more: bool

    def __str__(self) -> str:
        return number_format(self.count, force_grouping=True) + "+" * self.is_more


class Facets:
    """Numbers that the filters of one request show; asked for by all of them before the first reads it."""

    def __init__(self) -> None:
        self._sources: list[Source] = []
        self._numbers: list[dict[str, Number]] | None = None

    def add(self, source: Source) -> Callable[[], dict[str, Number]]:
        """Return a function that returns the numbers of `source` by value."""
        place, self._numbers = len(self._sources), None
        self._sources.append(source)
        return lambda: self._read()[place]

    def _read(self) -> list[dict[str, Number]]:
        if self._numbers is None:
            self._numbers = [{} for _source in self._sources]
            tables, parts, params = [], [], []
            for place, source in enumerate(self._sources):
                table, part, own = source.part(place)
                tables += [table] if table else []
                parts += [part] if part else []
                params += own
            if parts:
                recursive = f"WITH RECURSIVE {', '.join(tables)} " if tables else ""
                with connection.cursor() as cursor:
                    cursor.execute(recursive + " UNION ALL ".join(parts), params)
                    for place, value, count, read in cursor.fetchall():
                        number = Number(count=min(count, MOST), is_more=(count if read is None else read) > MOST)
                        self._numbers[place][value] = number
        return self._numbers


def of_request(request: HttpRequest) -> Facets:
    """Return the facets of a page."""
    found: Facets = getattr(request, _ASKED, None) or Facets()
    setattr(request, _ASKED, found)
    return found
