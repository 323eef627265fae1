"""Counts of many lists in one statement: a page that shows twenty figures asks the database once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, QuerySet

AT_MOST = 100  # rows are counted no further: on a large table an exact count is slow, and past this it changes nothing


@dataclass(frozen=True, kw_only=True)
class Counted:
    """`number` of rows, AT_MOST + 1 for more; `key` is the smallest of those counted, None where there is none."""

    number: int = 0
    key: int | None = None


def count_all(lists: Sequence[QuerySet[Any]]) -> list[Counted]:
    """Return the count of each list, in their order. A list that is sliced already keeps its order and its limit."""
    counted = [Counted()] * len(lists)
    parts: list[str] = []
    values: list[Any] = []
    for place, rows in enumerate(lists):
        keys = rows if rows.query.is_sliced else rows.order_by()[: AT_MOST + 1]
        try:
            sql, params = keys.annotate(counted_key=F("pk")).values_list("counted_key").query.sql_with_params()
        except EmptyResultSet:
            continue
        # All of it is SQL that Django made; values are parameters.
        parts.append(f"SELECT {place}, COUNT(*), MIN(counted_key) FROM ({sql}) AS part_{place}")  # noqa: S608
        values += params
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), values)
            for place, number, key in cursor.fetchall():
                counted[place] = Counted(number=number, key=key)
    return counted


def capped(rows: QuerySet[Any]) -> int:
    """Return how many rows there are, counted to one past AT_MOST."""
    return len(rows.order_by().values_list("pk")[: AT_MOST + 1])
