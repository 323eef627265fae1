"""The index of what events contain: which database has one, and the work of the clock that fills it.

PostgreSQL: a GIN index of trigrams. SQLite: an FTS5 table of trigrams. Without them nothing else of the inbox changes,
and the search says that contents cannot be searched.
"""

import sqlite3
import time
from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import Max

from integrations.inbox.body_text import text_of
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event_text import EventText

INDEX = "integrations_eventtext_trigrams"
AT_ONCE = 50  # events in one transaction, which holds their rows
# Keys are given before a row is committed: an event may become visible after one with a higher key was indexed.
LOOKED_BACK = 1000
_EXISTS = {
    "postgresql": "SELECT 1 FROM pg_indexes WHERE indexname = %s AND schemaname = ANY (current_schemas(false))",
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = %s",
}
_SECURE_DELETE = (3, 42)  # the first SQLite whose FTS5 overwrites what is removed
_PAGES = 200  # of the index that are merged at once


def is_there() -> bool:
    """Return whether this database indexes contents."""
    with connection.cursor() as cursor:
        cursor.execute(_EXISTS[connection.vendor], [INDEX])
        return cursor.fetchone() is not None


def index_events(*, seconds: float = 5.0) -> int:
    """Write the texts that are missing or out of date; begin nothing more after `seconds`. Return how many."""
    if not (is_there() or _created()):
        return 0
    ends_at, written, rewritten = time.monotonic() + seconds, 0, 0
    # A step without any row ends it: those that are left are locked, and written the next time.
    while time.monotonic() < ends_at and (count := _write(_changed())):
        rewritten += count
    while time.monotonic() < ends_at and (count := _write_all(_missing())):
        written += count
    if rewritten:
        _forget_removed(ends_at)
    return written + rewritten


def _changed() -> list[int]:
    return list(EventText.objects.filter(text="").values_list("pk", flat=True)[:AT_ONCE])


def _missing() -> list[int]:
    """Return the keys of the first events without a text: two ranges of keys, which no database reads slowly."""
    newest = EventText.objects.aggregate(newest=Max("pk"))["newest"] or 0
    after = newest - LOOKED_BACK
    keys = list(InboxEvent.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[: 2 * LOOKED_BACK])
    written = set(EventText.objects.filter(pk__gt=after).values_list("pk", flat=True))
    return [key for key in keys if key not in written]


def _write_all(keys: Sequence[int]) -> int:
    return sum(_write(keys[start : start + AT_ONCE]) for start in range(0, len(keys), AT_ONCE))


def _write(keys: Sequence[int]) -> int:
    """Write the texts of events, whose contents nobody removes meanwhile: their rows are locked. Return how many."""
    events = InboxEvent.objects.filter(pk__in=keys)
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            events = events.select_for_update(skip_locked=True, no_key=True, of=("self",))
        # The body is read where there is no payload only: each may be a mebibyte long.
        texts = [
            EventText(pk=row.pk, text=text_of(row.payload, bytes(row.body) if row.payload is None else b""))
            for row in events.only("payload").order_by("pk")
        ]
        EventText.objects.bulk_create(texts, update_conflicts=True, unique_fields=["event"], update_fields=["text"])
    return len(texts)


def _created() -> bool:
    """Create the index on a PostgreSQL to which somebody has added the extension since the migration."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        if cursor.fetchone() is None:
            return False
        cursor.execute(f"CREATE INDEX IF NOT EXISTS {INDEX} ON integrations_eventtext USING gin (text gin_trgm_ops)")
    return True


def _forget_removed(ends_at: float) -> None:
    """Merge SQLite's index, part by part: before 3.42 what was removed stands in it until then."""
    if connection.vendor != "sqlite" or sqlite3.sqlite_version_info >= _SECURE_DELETE:
        return
    pages = -_PAGES  # the first call begins a merge of everything, the others go on with it
    with connection.cursor() as cursor:
        while time.monotonic() < ends_at:
            before = connection.connection.total_changes
            cursor.execute(f"INSERT INTO {INDEX}({INDEX}, rank) VALUES ('merge', %s)", [pages])  # noqa: S608
            if connection.connection.total_changes - before < 2:
                break
            pages = _PAGES
