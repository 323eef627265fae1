"""Finding events by what they contain, by an index of trigrams; how far it reaches is told, never guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Max
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.console.links import moment
from integrations.inbox import body_index
from integrations.inbox.body_text import SHORTEST, needle_of
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event_text import EventText

SECONDS = 3  # that the database may look for a text
NEWEST = 20_000  # events that are searched where all of them would take longer
_MATCH = f"SELECT rowid FROM {body_index.INDEX} WHERE {body_index.INDEX} MATCH %s ORDER BY rowid DESC LIMIT %s"  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Found:
    """Keys of events that contain a text, the newest ones; `notes` say what was not searched."""

    keys: frozenset[int] = frozenset()
    notes: Sequence[Any] = ()


def find(searched: str, *, limit: int) -> Found:
    """Find the newest `limit` events that contain a text, or a value at a path (`body_text.needle_of`)."""
    needle = needle_of(searched)
    if len(needle) < SHORTEST:
        text = ngettext(
            "Contents are searched from %(count)d letter on.",
            "Contents are searched from %(count)d letters on.",
            SHORTEST,
        )
        return Found(notes=[text % {"count": SHORTEST}])
    if not body_index.is_there():
        return Found(notes=[_missing()])
    notes = [_not_indexed()]
    try:
        keys = _keys(needle, limit + 1)
    except OperationalError:
        keys = _keys(needle, limit + 1, among=NEWEST)
        text = _("Very many events contain something like this: only the newest %(count)d were searched.")
        notes.append(text % {"count": NEWEST})
    if len(keys) > limit:
        text = ngettext(
            "Only the newest %(count)d event that contains this is looked at.",
            "Only the newest %(count)d events that contain this are looked at.",
            limit,
        )
        notes.append(text % {"count": limit})
    return Found(keys=frozenset(keys[:limit]), notes=[note for note in notes if note])


def _keys(needle: str, limit: int, *, among: int | None = None) -> list[int]:
    """Return the keys of events whose text has `needle` in it, or of those `among` the newest.

    Raises OperationalError where that takes PostgreSQL too long: it reads each text that has the needle's trigrams.
    SQLite stops at the limit by itself.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(_MATCH, ['"' + needle.replace('"', '""') + '"', limit])
            return [key for (key,) in cursor.fetchall()]
    rows = EventText.objects.filter(text__contains=needle)
    if among is not None:
        newest = EventText.objects.aggregate(newest=Max("pk"))["newest"] or 0
        rows = rows.filter(pk__gt=newest - among)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {SECONDS * 1000}")
        return list(rows.order_by("-pk").values_list("pk", flat=True)[:limit])


def _not_indexed() -> Any:
    """Return how far the index reaches, where events are newer than it; "" where it is complete."""
    newest = InboxEvent.objects.order_by("-pk").values_list("search_text__pk", flat=True)[:1]
    if list(newest) != [None]:
        return ""
    last = EventText.objects.order_by("-pk").values_list("event__received_at", flat=True).first()
    if last is None:
        return _("Contents are not indexed yet.")
    return format_html(_("Contents are indexed up to events received at {}."), moment(last))


def _missing() -> str:
    if connection.vendor == "postgresql":
        return _("Contents cannot be searched: the database has no extension pg_trgm. Let its owner create it.")
    return _("Contents cannot be searched: this SQLite is older than 3.34 or has no FTS5.")
