"""Fill tables of PostgreSQL within seconds: each by one INSERT … SELECT generate_series, its indexes afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model

DAYS = 90
PROVIDERS = ("kajabi", "nowcerts", "gohighlevel", "chatwoot")


def spread(of: str, values: int) -> str:
    """Return SQL for one of the numbers from 1 to `values` by the number `of`."""
    return f"(({of}::bigint * 7919 + 104729) % {values} + 1)"


def one_of(values: tuple[str, ...], of: str = "n") -> str:
    """Return SQL for each of `values` in turn."""
    texts = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{texts}])[1 + {of} % {len(values)}]"


def ago(age: str) -> str:
    """Return SQL for a moment before now."""
    return f"now() - {age} * interval '1 second'"


def mostly(usual: str, **others: int) -> str:
    """Return SQL for `usual` but in one row of so many for each of the others."""
    cases = " ".join(f"WHEN n % {rate} = {place} THEN '{value}'" for place, (value, rate) in enumerate(others.items()))
    return f"CASE {cases} ELSE '{usual}' END"


class Rows:
    """Rows of tables that are filled together. Row n of a table has the key n."""

    def __init__(self) -> None:
        self._models: list[type[Model]] = []
        self._statements: list[tuple[str, list[Any]]] = []

    def add(self, model: type[Model], count: int, **columns: str) -> None:
        """Fill a table with `count` rows of these columns, in SQL by n, else by their default."""
        given: dict[str, str] = {} if model._meta.pk.remote_field else {"id": "n"}
        given |= columns
        params: list[Any] = []
        for field in model._meta.concrete_fields:
            if field.column not in given and not field.null:
                value = field.get_db_prep_save(field.get_default(), connection)
                given[field.column] = "%s"
                params.append("" if value is None else value)
        # Columns with a default come last, so that their parameters do too.
        names = ", ".join(f'"{name}"' for name in given)
        values = ", ".join(value.replace("%", "%%") if name in columns else value for name, value in given.items())
        series = f"(SELECT n, {count} - n AS age FROM generate_series(1, {count}) AS n) AS series"
        self._models.append(model)
        table = model._meta.db_table
        self._statements.append((f"INSERT INTO {table} ({names}) SELECT {values} FROM {series}", params))

    def fill(self) -> None:
        """Empty the tables, and all that refer to them, and fill them."""
        with connection.cursor() as cursor:
            with _unchecked(), _without_indexes(self._models):
                for sql, params in self._statements:
                    cursor.execute(sql, params)
            for sql in connection.ops.sequence_reset_sql(no_style(), self._models):
                cursor.execute(sql)
            cursor.execute("ANALYZE")


@contextmanager
def _unchecked() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = origin")


@contextmanager
def _without_indexes(models: list[type[Model]]) -> Iterator[None]:
    """Make the indexes that are no constraints after the rows, which is several times as fast."""
    names = [model._meta.db_table for model in models]
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(names)} CASCADE")
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE NOT indisunique AND indrelid = ANY (%s::regclass[])",
            [names],
        )
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _name, definition in indexes:
            cursor.execute(definition)
