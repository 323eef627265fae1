"""Access to an installation's database in plain SQL, so that no product code judges itself."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row


class Rows:
    """Rows of one database: `source` is a SQLite file or a postgres:// URL. SQL takes %s placeholders."""

    def __init__(self, source: Path | str) -> None:
        self.source = source

    def all(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Return all rows of the statement as dictionaries."""
        if isinstance(self.source, Path):
            with closing(sqlite3.connect(self.source, timeout=20)) as connection:
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute(sql.replace("%s", "?"), values)]
        with psycopg.connect(self.source, row_factory=dict_row) as connection:
            return list(connection.execute(sql.encode(), values or None))

    def column(self, sql: str, *values: Any) -> list[Any]:
        """Return the first column of all rows."""
        return [next(iter(row.values())) for row in self.all(sql, *values)]

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row, or None."""
        return next(iter(self.column(sql, *values)), None)

    def execute(self, sql: str, *values: Any) -> int:
        """Run one changing statement and commit it; return the number of changed rows."""
        if isinstance(self.source, Path):
            with closing(sqlite3.connect(self.source, timeout=20)) as connection, connection:
                return connection.execute(sql.replace("%s", "?"), values).rowcount
        with psycopg.connect(self.source) as connection:
            return connection.execute(sql.encode(), values or None).rowcount

    def event(self, external_id: str) -> dict[str, Any]:
        """Return the inbox row of one event; raise AssertionError where there is not exactly one."""
        found = self.all("SELECT * FROM integrations_inboxevent WHERE external_id = %s", external_id)
        assert len(found) == 1, f"{len(found)} rows for {external_id}"
        return found[0]

    def attempts(self, external_id: str) -> list[dict[str, Any]]:
        """Return the attempts at one event, first to last."""
        return self.all(
            "SELECT a.* FROM integrations_inboxattempt a JOIN integrations_inboxevent e ON e.id = a.event_id"
            " WHERE e.external_id = %s ORDER BY a.number",
            external_id,
        )

    def stored_ids(self) -> set[str]:
        """Return the external ids of all inbox rows."""
        return set(self.column("SELECT external_id FROM integrations_inboxevent"))

    def statuses(self) -> dict[str, int]:
        """Return the number of inbox rows by status."""
        return self.counts("integrations_inboxevent", "status")

    def counts(self, table: str, column: str) -> dict[Any, int]:
        """Return the number of the table's rows by value of the column."""
        found = self.all(f'SELECT "{column}" AS value, COUNT(*) AS many FROM {table} GROUP BY "{column}"')
        return {row["value"]: row["many"] for row in found}

    def unsent_mails(self) -> int:
        """Return the number of pending e-mail rows, without digests, which wait for the full hour."""
        pending = "SELECT COUNT(*) FROM accounts_emailmessage WHERE status = 'pending' AND key NOT LIKE %s"
        return int(self.value(pending, "question-digest:%"))

    def mails(self, to: str) -> list[str]:
        """Return the kinds of the mails enqueued or sent to one address, oldest first."""
        return self.column('SELECT kind FROM accounts_emailmessage WHERE "to" = %s ORDER BY id', to)
