"""Count the rows that PostgreSQL reads for a page, by the plan of each statement as it was really carried out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

_SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan", "Bitmap Heap Scan", "Tid Scan")
_LEFT_OUT = ("Rows Removed by Filter", "Rows Removed by Index Recheck")


class Statements(list[tuple[str, int]]):
    """Statements that read, each with its rows."""

    @property
    def rows(self) -> int:
        return sum(read for _sql, read in self)

    def __str__(self) -> str:
        costliest = sorted(self, key=lambda one: -one[1])[:3]
        return f"{len(self)} statements, {self.rows} rows" + "".join(f"\n  {read}: {sql}" for sql, read in costliest)


def of_plan(node: dict[str, Any]) -> int:
    """Return the rows and index entries that a plan's scans looked at, those that they left out as well.

    A look that finds nothing counts as a row: a plan takes it once for each row outside, and it is not free.
    """
    read = 0
    if node["Node Type"] in _SCANS:
        read = round(node["Actual Loops"] * max(1, node["Actual Rows"] + sum(node.get(key, 0) for key in _LEFT_OUT)))
    return read + sum(of_plan(child) for child in node.get("Plans", ()))


@contextmanager
def counted() -> Iterator[Statements]:
    """Yield the statements of the block that read rows. Each is carried out twice: explained, then for its rows."""
    statements = Statements()

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip(" (").upper().startswith(("SELECT", "WITH")):
            with context["connection"].connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
                (plan,) = cursor.fetchone()
            read = of_plan((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
            statements.append((sql, read))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield statements
