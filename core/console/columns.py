"""Columns of the console that show an attribute of the row: made where an admin class would hold a one-line method.

    class OrderAdmin(ReadOnlyAdmin):
        list_display = ("placed", "status")
        placed = columns.moment("placed_at", _("placed"))

`name` is the attribute's, with dots for one of a related row ("user.email"); `label` the heading.
"""

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.db.models import CharField, DateTimeField, TextField

from core import phrases
from core.console import links
from core.money import money as as_money
from core.provider_names import provider_title

Column = Callable[[Any, Any], Any]


def of(show: Callable[[Any], Any], label: Any) -> Column:
    """Return a column that shows what `show` makes of the row."""

    @admin.display(description=label)
    def column(_admin: Any, row: Any) -> Any:
        return show(row)

    return column


def attribute(name: str, label: Any, *, show: Callable[[Any], Any] = lambda value: value) -> Column:
    """Return a column of an attribute, or of what `show` makes of it."""
    value_of = attrgetter(name)
    return of(lambda row: show(value_of(row)), label)


def moment(name: str, label: Any) -> Column:
    """Return a column of a moment; a dash where there is none."""
    return attribute(name, label, show=links.moment)


# Fields whose stored values are shown in other words, by their names.
_SHOWN: Mapping[str, Callable[[str], str]] = {
    "provider": provider_title,
    "cause": phrases.shown,
    "reason": phrases.shown,
    "source": phrases.shown,
}


@cache
def of_field(field: Any, *, is_list: bool) -> Callable[[Any], Any] | None:
    """Return a column, which no admin class holds, of a model's own field that Django would show in another form.

    These are stored texts and keys of providers and, in lists, moments; None for any other.
    """
    if is_list and isinstance(field, DateTimeField):
        return _of_field(field.name, field.verbose_name, links.moment)
    if field.name in _SHOWN and isinstance(field, CharField | TextField):
        show = _SHOWN[field.name]
        return _of_field(field.name, field.verbose_name, lambda value: show(value or "") or links.NOTHING)
    return None


def _of_field(name: str, label: Any, show: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @admin.display(description=label, ordering=name)
    def column(row: Any) -> Any:
        return show(getattr(row, name))

    column.__name__ = name  # by which the page names its cells
    return column


def text(name: str, label: Any, *, is_short: bool = False) -> Column:
    """Return a column of a text, a dash for an empty one; one shortened line of it where `is_short`."""
    show = links.shortened if is_short else str
    return attribute(name, label, show=lambda value: show(value or "") or links.NOTHING)


def reason(name: str, label: Any, *, is_short: bool = False) -> Column:
    """Return a column of a stored reason or error, in the reader's language; a dash for an empty one."""
    show = links.shortened if is_short else str
    return attribute(name, label, show=lambda value: show(phrases.shown(value or "")) or links.NOTHING)


def badge(name: str, label: Any, *, kinds: Mapping[Any, str] | None = None) -> Column:
    """Return a column of a field with choices, as a badge; `kinds` maps values to badges, by default to themselves."""

    def show(row: Any) -> Any:
        value = getattr(row, name)
        return links.badge(kinds[value] if kinds else value, getattr(row, f"get_{name}_display")())

    return of(show, label)


def link(url: str, name: str, label: Any) -> Column:
    """Return a column that links to a related row's page (`url`: "admin:accounts_user"); a dash where there is none."""

    def show(row: Any) -> Any:
        other = getattr(row, name)
        return links.row_link(url, other.pk, other) if other else links.NOTHING

    return of(show, label)


def money(name: str, label: Any, *, currency: str = "currency") -> Column:
    """Return a column of an amount in the currency that another attribute names."""
    amount_of, currency_of = attrgetter(name), attrgetter(currency)
    return of(lambda row: as_money(amount_of(row), currency_of(row)), label)
