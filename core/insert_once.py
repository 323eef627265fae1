"""Inserting a row that a unique constraint may forbid, in one statement and without a savepoint."""

from functools import cache
from typing import Any

from django.db import connection, models


@cache
def insert_statement(model: type[models.Model], on_conflict: str, returning: tuple[str, ...]) -> str:
    """Return `INSERT … ON CONFLICT <on_conflict> RETURNING <returning>` for every column of `model` but its key.

    Only names of our own columns are put together; values are parameters, in the order of `insert_values`.
    """
    quote = connection.ops.quote_name
    columns = [quote(str(field.column)) for field in _fields(model)]
    table = quote(model._meta.db_table)
    values = ", ".join(["%s"] * len(columns))
    names = ", ".join(quote(name) for name in returning)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) ON CONFLICT {on_conflict} RETURNING {names}"  # noqa: S608


def insert_values(row: models.Model) -> list[Any]:
    """Return the values of `row` as the database takes them, fields like `auto_now_add` set on the way."""
    return [
        field.get_db_prep_save(field.pre_save(row, add=True), connection) if adapts else getattr(row, field.attname)
        for field, adapts in _adapting(type(row))
    ]


@cache
def _adapting(model: type[models.Model]) -> "list[tuple[models.Field[Any, Any], bool]]":
    """Return each field and whether its values must be adapted; plain texts and numbers need not be."""
    plain = (models.CharField, models.TextField, models.IntegerField)
    return [(field, not isinstance(field, plain)) for field in _fields(model)]


def insert_once(row: models.Model) -> bool:
    """Insert `row` and set its key; return False where a unique constraint forbids it.

    Two at once: the second waits for the first one's transaction and then finds its row.
    """
    key = row._meta.pk
    assert key is not None
    with connection.cursor() as cursor:
        cursor.execute(insert_statement(type(row), "DO NOTHING", (str(key.column),)), insert_values(row))
        inserted = cursor.fetchone()
    if inserted is None:
        return False
    row.pk, row._state.adding, row._state.db = inserted[0], False, connection.alias
    return True


def _fields(model: type[models.Model]) -> "list[models.Field[Any, Any]]":
    return [field for field in model._meta.concrete_fields if not field.primary_key]
