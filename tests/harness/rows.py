"""Reads the installation's database from outside, in plain SQL, so that no product code judges itself."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row


class Rows:
    """The rows of one database: `source` is a SQLite file or a postgres:// URL. SQL takes %s placeholders."""

    def __init__(self, source: Path | str) -> None:
        self.source = source

    def all(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """All rows that the statement gives, as dictionaries."""
        if isinstance(self.source, Path):
            with closing(sqlite3.connect(self.source, timeout=20)) as connection:
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute(sql.replace("%s", "?"), values)]
        with psycopg.connect(self.source, row_factory=dict_row) as connection:
            return list(connection.execute(sql.encode(), values or None))

    def column(self, sql: str, *values: Any) -> list[Any]:
        """The first column of all rows."""
        return [next(iter(row.values())) for row in self.all(sql, *values)]

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        return next(iter(self.column(sql, *values)), None)

    def execute(self, sql: str, *values: Any) -> int:
        """Runs one changing statement and commits it; returns how many rows it touched."""
        if isinstance(self.source, Path):
            with closing(sqlite3.connect(self.source, timeout=20)) as connection, connection:
                return connection.execute(sql.replace("%s", "?"), values).rowcount
        with psycopg.connect(self.source) as connection:
            return connection.execute(sql.encode(), values or None).rowcount

    def event(self, external_id: str) -> dict[str, Any]:
        """The inbox row of one event; AssertionError where there is not exactly one."""
        found = self.all("SELECT * FROM integrations_inboxevent WHERE external_id = %s", external_id)
        assert len(found) == 1, f"{len(found)} rows for {external_id}"
        return found[0]

    def attempts(self, external_id: str) -> list[dict[str, Any]]:
        """The attempts at one event, first to last."""
        return self.all(
            "SELECT a.* FROM integrations_inboxattempt a JOIN integrations_inboxevent e ON e.id = a.event_id"
            " WHERE e.external_id = %s ORDER BY a.number",
            external_id,
        )

    def stored_ids(self) -> set[str]:
        """The external ids of all inbox rows."""
        return set(self.column("SELECT external_id FROM integrations_inboxevent"))

    def statuses(self) -> dict[str, int]:
        """How many inbox rows there are of each status."""
        return self.counts("integrations_inboxevent", "status")

    def counts(self, table: str, column: str) -> dict[Any, int]:
        """How many rows of the table there are of each value of the column."""
        found = self.all(f'SELECT "{column}" AS value, COUNT(*) AS many FROM {table} GROUP BY "{column}"')
        return {row["value"]: row["many"] for row in found}

    def unsent_mails(self) -> int:
        """How many e-mail rows still wait for being sent."""
        return int(self.value("SELECT COUNT(*) FROM accounts_emailmessage WHERE status = 'pending'"))

    def mails(self, to: str) -> list[str]:
        """The kinds of the mails owed or sent to one address, oldest first."""
        return self.column('SELECT kind FROM accounts_emailmessage WHERE "to" = %s ORDER BY id', to)
