"""Filters of lists that show the values that occur, each with its number of rows (`counting`)."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.admin import (
    BooleanFieldListFilter,
    ChoicesFieldListFilter,
    DateFieldListFilter,
    FieldListFilter,
    RelatedFieldListFilter,
    SimpleListFilter,
)
from django.db.models import BooleanField, DateField, ForeignKey, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from core.console.counting import Column, Conditions, Number, Short, Source, Spans, of_request


def filter_of(model: type[Model], name: Any) -> Any:
    """Return an entry of `list_filter` with numbers, where it names a column whose values, or spans, are few."""
    if not isinstance(name, str) or "__" in name:
        return name
    field: Any = model._meta.get_field(name)
    if field.flatchoices:
        return name, _ChoicesFacet
    kinds: dict[type[Any], type[FieldListFilter]] = {BooleanField: _BooleanFacet, ForeignKey: _RelatedFacet}
    if is_indexed(model, name):
        kinds[DateField] = _SpansFacet
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
        source = Column if is_indexed(model, field.name) else Short
        self._is_short = source is Short
        self._numbers = of_request(request).add(source(model=model, name=field.name))

    def values(self) -> Sequence[Any]:
        """Return the value of each choice after "All", in the order in which they are shown."""
        raise NotImplementedError

    def choices(self, changelist: Any) -> Iterator[Any]:
        every, *others = super().choices(changelist)
        yield every
        numbers, values = self._numbers(), [*self.values(), *([None] * len(others))]
        if self._is_short and any(number.is_more for number in numbers.values()):
            yield from others  # a table too long to be counted without an index
            return
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


class _SpansFacet(DateFieldListFilter):
    """Django's spans of a column of moments or days, those that have rows."""

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        since, until = self.lookup_kwarg_since, self.lookup_kwarg_until
        spans: Any = {
            str(place): (link[since], link[until]) for place, (_, link) in enumerate(self.links) if since in link
        }
        self._places = set(spans)
        self._numbers = of_request(request).add(Spans(model=model, name=field.name, spans=spans))

    def choices(self, changelist: Any) -> Iterator[Any]:
        numbers = self._numbers()
        for place, choice in enumerate(super().choices(changelist)):
            number = numbers.get(str(place))
            if number and number.count or str(place) not in self._places or choice["selected"]:
                yield {**choice, "display": _shown(choice["display"], number)}


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
