"""Rows of a table that hold something of a person, and what each becomes when they are erased."""

from collections.abc import Iterable
from typing import Any

from django.db import models

from accounts.people.mentions import Mentions
from accounts.privacy.holdings import DELETED, Holding

READ_AT_ONCE = 500  # rows that are searched
BODIES_AT_ONCE = 50  # of rows with a body, which may be a mebibyte long


def matching_keys(holding: Holding, own: set[Any], mentions: Mentions) -> Iterable[Any]:
    """Return the keys of own rows and of rows that name the person, a page of the table in memory at a time."""
    if not holding.scans or not holding.texts:
        yield from sorted(own)
        return
    with_body = any(isinstance(column, models.BinaryField) for column in holding.model._meta.concrete_fields)
    size = BODIES_AT_ONCE if with_body else READ_AT_ONCE
    last: Any = None
    while True:
        rows = holding.rows.order_by("pk") if last is None else holding.rows.filter(pk__gt=last).order_by("pk")
        page = list(rows.values_list("pk", *holding.texts)[:size])
        for key, *values in page:
            if key in own or any(map(mentions.match, values)):
                yield key
        if len(page) < size:
            return
        last = page[-1][0]


def changes_of(holding: Holding, row: Any, mentions: Mentions, own: bool) -> dict[str, Any] | str:
    """Return the columns of a row that become something else, or DELETED."""
    wanted: dict[str, Any] = {}
    if holding.erase is not None:
        made = holding.erase(row, mentions, own)
        if isinstance(made, str):
            return made
        wanted |= made
    elif own and holding.becomes is None:
        return DELETED
    if own and holding.becomes is not None:
        wanted |= {name: value(row) if callable(value) else value for name, value in holding.becomes.items()}
    if holding.erase is None or holding.becomes is not None:
        wanted = _scrubbed(holding, row, mentions, own) | wanted
    return {name: value for name, value in wanted.items() if not _same(getattr(row, name), value)}


def _scrubbed(holding: Holding, row: Any, mentions: Mentions, own: bool) -> dict[str, Any]:
    found = {}
    for name in holding.texts:
        value = getattr(row, name)
        clean = mentions.scrubbed(value, own=own)
        if not _same(value, clean):
            found[name] = f"forgotten:{row.pk}" if name in _unique(holding.model) else clean
    return found


def _unique(model: type[models.Model]) -> set[str]:
    """Return the columns of which two rows may not have the same value, alone or with others."""
    alone = {column.attname for column in model._meta.concrete_fields if column.unique}
    together = {name for constraint in model._meta.total_unique_constraints for name in constraint.fields}
    return alone | together


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, memoryview):
        one = bytes(one)
    return type(one) is type(other) and bool(one == other) if isinstance(one, bool) else bool(one == other)
