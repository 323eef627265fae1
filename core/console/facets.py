"""Filters of lists that show the values that occur, each with its number of rows.

All filters of a page ask in one statement. The values of a column are found by a step of its index for each, and rows
are counted to MOST by the same index, so that a page reads as much with a million rows as with a hundred thousand.
Numbers are of the whole table, whatever else is filtered: those of combinations would need an index for each.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.contrib.admin import (
    BooleanFieldListFilter,
    ChoicesFieldListFilter,
    FieldListFilter,
    RelatedFieldListFilter,
    SimpleListFilter,
)
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, ForeignKey, Model, QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.html import format_html

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


def filter_of(model: type[Model], name: Any) -> Any:
    """Return an entry of `list_filter` with numbers, where it names an indexed column whose values are few."""
    if not isinstance(name, str) or "__" in name:
        return name
    field: Any = model._meta.get_field(name)
    if not is_indexed(model, name):
        return name
    if field.flatchoices:
        return name, _ChoicesFacet
    kinds = {BooleanField: _BooleanFacet, ForeignKey: _RelatedFacet}
    return next(((name, facet) for kind, facet in kinds.items() if isinstance(field, kind)), name)


def is_indexed(model: type[Model], name: str) -> bool:
    """Return whether an index of all rows begins with this column."""
    field: Any = model._meta.get_field(name)
    lists = [index.fields for index in model._meta.indexes if not index.condition]
    lists += [one.fields for one in model._meta.constraints if getattr(one, "fields", ()) and not one.condition]  # type: ignore[attr-defined]
    return field.db_index or field.unique or any(columns and columns[0].lstrip("-") == name for columns in lists)


def _shown(text: Any, number: Number | None) -> Any:
    return format_html('{} <span class="facet">{}</span>', text, number) if number and number.count else text


class _Counted(FieldListFilter):
    """One of Django's filters of a column, whose choices are those that occur."""

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        self._numbers = of_request(request).add(Column(model=model, name=field.name))

    def values(self) -> Sequence[Any]:
        """Return the value of each choice after "All", in the order in which they are shown."""
        raise NotImplementedError

    def choices(self, changelist: Any) -> Iterator[Any]:
        every, *others = super().choices(changelist)
        yield every
        numbers, values = self._numbers(), [*self.values(), *([None] * len(others))]
        for value, choice in zip(values, others, strict=False):
            number = numbers.get(str(value))
            # An empty value is no value of the column: it is shown without a number.
            if number and number.count or value is None or choice["selected"]:
                yield {**choice, "display": _shown(choice["display"], number)}


class _ChoicesFacet(_Counted, ChoicesFieldListFilter):
    def values(self) -> Sequence[Any]:
        return [value for value, _label in self.field.flatchoices]


class _BooleanFacet(_Counted, BooleanFieldListFilter):
    def values(self) -> Sequence[Any]:
        return ["1", "0"]


class _RelatedFacet(_Counted, RelatedFieldListFilter):
    def values(self) -> Sequence[Any]:
        return [key for key, _label in self.lookup_choices]


class ColumnFilter(SimpleListFilter):
    """A filter by a column of texts whose values only the rows know. `source` returns what it counts."""

    column = ""  # default: the name of the parameter

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self._numbers = of_request(request).add(self.source(model))

    def source(self, model: type[Model]) -> Source:
        return Column(model=model, name=self.column or str(self.parameter_name))

    def label_of(self, value: str) -> Any:
        """Return the text of a choice."""
        return value

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
        return ()  # they are read with those of all filters

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{self.column or str(self.parameter_name): value}) if value else queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        numbers, chosen = self._numbers(), self.value()
        labels = {value: self.label_of(value) for value in numbers if value}
        labels |= {chosen: self.label_of(chosen)} if chosen else {}
        self.lookup_choices = sorted(labels.items(), key=lambda one: str(one[1]).lower())
        every, *others = super().choices(changelist)
        yield every
        for (value, _label), choice in zip(self.lookup_choices, others, strict=True):
            yield {**choice, "display": _shown(choice["display"], numbers.get(value))}


class ConditionFilter(SimpleListFilter):
    """A filter whose choices are conditions, each of which an index serves."""

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        rows = model._default_manager.all()
        lists = {value: self.narrowed(rows, value) for value, _label in self.lookup_choices}
        self._numbers = of_request(request).add(Conditions(lists=lists))

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return those of `rows` that a choice means."""
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        known = value in dict(self.lookup_choices)
        return self.narrowed(queryset, value) if value and known else queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        numbers = self._numbers()
        every, *others = super().choices(changelist)
        yield every
        for (value, _label), choice in zip(self.lookup_choices, others, strict=True):
            number = numbers.get(value)
            if choice["selected"] or number and number.count:
                yield {**choice, "display": _shown(choice["display"], number)}
