"""Note the rows that a block of code writes, whichever way it writes them: `save()`, `update()` or a statement of ours.

    with noting_writes() as written:
        handle(event)  # the code that really does it
    for row in written.changes():
        row.model, row.pk, row.verb, row.before, row.after

Each statement is looked at before it runs: the rows that an UPDATE or a DELETE is about are read by its own condition,
those of an INSERT are the keys that were not there before it. What is rolled back within the block is not written.
`ON CONFLICT … DO UPDATE` is not seen as a change of the row that was there: what handlers write uses none.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, models

_STATEMENT = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM) "(\w{1,63})"')
_PARAMETER = re.compile(r"%%|%s")
_BRACKET = re.compile(r"[()]| WHERE ")
Row = Mapping[str, Any]
_Key = tuple[type[models.Model], Any]


@dataclass(frozen=True, kw_only=True)
class WrittenRow:
    """A row before and after: values by field, None where it did not exist."""

    model: type[models.Model]
    pk: Any
    before: Row | None
    after: Row | None

    @property
    def verb(self) -> str:
        """Return created, changed or deleted."""
        return "created" if self.before is None else "deleted" if self.after is None else "changed"

    @property
    def names(self) -> list[str]:
        """Return the names of the fields that differ, of a changed row."""
        before, after = self.before or {}, self.after or {}
        return [name for name in before if name in after and before[name] != after[name]]


@dataclass(kw_only=True)
class Written:
    """The rows that were written so far: their values before the first write."""

    leaving_out: frozenset[type[models.Model]] = frozenset()
    _before: dict[_Key, Row | None] = field(default_factory=dict)

    def changes(self) -> list[WrittenRow]:
        """Return the rows that differ from what they were, as they are now, in the order of their first writes."""
        by_model: dict[type[models.Model], list[Any]] = {}
        for model, pk in self._before:
            by_model.setdefault(model, []).append(pk)
        now = {model: _values(model._base_manager.filter(pk__in=pks)) for model, pks in by_model.items()}
        rows = [
            WrittenRow(model=model, pk=pk, before=before, after=now[model].get(pk))
            for (model, pk), before in self._before.items()
        ]
        return [row for row in rows if row.before != row.after]

    def look(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Run a statement, and note which rows it is about. For `connection.execute_wrapper`."""
        found = _STATEMENT.match(sql)
        model = _models().get(found[2]) if found else None
        if found is None or model is None or model in self.leaving_out:
            return execute(sql, params, many, context)
        if found[1] != "INSERT INTO":
            for pk, row in _values(_rows_of(model, sql, params)).items():
                self._before.setdefault((model, pk), row)
            return execute(sql, params, many, context)
        rows = model._base_manager.order_by()
        last = rows.order_by("-pk").values_list("pk", flat=True).first()
        answer = execute(sql, params, many, context)
        new = rows if last is None else rows.filter(pk__gt=last)
        self._before |= {(model, pk): None for pk in new.values_list("pk", flat=True)}
        return answer


@contextmanager
def noting_writes(*, leaving_out: Iterable[type[models.Model]] = ()) -> Iterator[Written]:
    """Note the rows that the block writes on this thread's connection, except those of the models in `leaving_out`."""
    written = Written(leaving_out=frozenset(leaving_out))
    with connection.execute_wrapper(written.look):
        yield written


def _values(rows: "models.QuerySet[Any]") -> dict[Any, Row]:
    return {row.pk: {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields} for row in rows}


def _rows_of(model: type[models.Model], sql: str, params: Any) -> "models.QuerySet[Any]":
    """Return the rows that an UPDATE or a DELETE of Django's is about, by the condition that it ends with."""
    depth, start = 0, None
    for mark in _BRACKET.finditer(sql):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if mark[0] == " WHERE " and not depth:
            start = mark.end()
            break
    if start is None:
        return model._base_manager.all()
    before = sum(mark == "%s" for mark in _PARAMETER.findall(sql[:start]))
    table, key = (connection.ops.quote_name(name) for name in (model._meta.db_table, str(model._meta.pk.column)))
    with connection.cursor() as cursor:
        # The statement is Django's own; its values stay parameters.
        cursor.execute(f"SELECT {table}.{key} FROM {table} WHERE {sql[start:]}", list(params or ())[before:])  # noqa: S608
        keys = [row[0] for row in cursor.fetchall()]
    return model._base_manager.filter(pk__in=keys)


@cache
def _models() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
