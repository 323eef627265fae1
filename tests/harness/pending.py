"""The jobs that are pending in this database, of every kind, by one statement: tests ask for them after each step."""

from datetime import datetime
from typing import Any

from django.db import connection

from core.queue import runner


def pending_jobs(*, due_by: datetime | None = None) -> list[tuple[type[Any], int]]:
    """Return (model, key) of each pending row, in the order of the kinds and of the keys; `due_by` a moment only."""
    models = [kind.model for kind in runner.KINDS.values()]
    condition, moments = "status = 'pending'", []
    if due_by is not None:
        condition += " AND next_attempt_at <= %s"
        moments = [connection.ops.adapt_datetimefield_value(due_by)] * len(models)
    selects = [
        f"SELECT {place}, id FROM {model._meta.db_table} WHERE {condition}" for place, model in enumerate(models)
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects) + " ORDER BY 1, 2", moments)
        return [(models[place], key) for place, key in cursor.fetchall()]
