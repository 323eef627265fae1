"""Looking up rows by how a text begins and by several ways at once, with an index on both databases."""

from typing import Any

from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.db.models import Index, Model, Q, QuerySet

_COLUMNS = {"postgresql": "(UPPER({}::text)) text_pattern_ops", "sqlite": "{} COLLATE NOCASE"}
_LAST_LETTER = "\U0010ffff"


class PrefixIndex(Index):
    """An index of one text column for `istartswith`.

    Django's look-up is LIKE of the upper case on PostgreSQL, and a LIKE without case on SQLite: an ordinary index
    serves neither.
    """

    def create_sql(
        self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor, using: str = "", **kwargs: Any
    ) -> Statement:
        quote = schema_editor.quote_name
        field: Any = model._meta.get_field(self.fields[0])
        return Statement(
            "CREATE INDEX %(name)s ON %(table)s (%(columns)s)",
            name=quote(self.name),
            table=Table(model._meta.db_table, quote),
            columns=_COLUMNS[schema_editor.connection.vendor].format(quote(field.column)),
        )


def begins_with(column: str, text: str) -> Q:
    """Return the condition that a column begins with `text` in the same case, by the column's ordinary index.

    The column must have `db_index` or be unique: with these PostgreSQL gets a second index for patterns. SQLite
    compares bytes, so that there a range does it; its LIKE would read the whole table.
    """
    if connection.vendor == "sqlite":
        return Q(**{f"{column}__gte": text, f"{column}__lt": text + _LAST_LETTER})
    return Q(**{f"{column}__startswith": text})


def at_most(rows: QuerySet[Any], limit: int) -> QuerySet[Any]:
    """Return the first `limit` of these rows as a part of a union, in which Django allows no LIMIT on SQLite."""
    return rows.model._default_manager.filter(pk__in=rows.values("pk")[:limit]).order_by()
