"""Past versions of records, as an index that lags still shows them."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

Record = dict[str, Any]
# Called with the provider's name for what happened, and a copy of the record. Whatever was asked of the fake is still
# unanswered then: store the report, and send it later.
OnChange = Callable[[str, Record], None]


def now() -> datetime:
    """Return the time, moved by a test that travels."""
    return timezone.now()


def stamp(moment: datetime) -> str:
    """Return a time as both vendors write it: 2026-03-02T10:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Versions:
    """Versions of each record, with the moment since when each held."""

    def __init__(self) -> None:
        self._versions: dict[str, list[tuple[datetime, Record | None]]] = {}

    def note(self, external_id: str, record: Record | None, *, at: datetime) -> None:
        """Store the version of a record from `at` on; None: it is deleted."""
        self._versions.setdefault(external_id, []).append((at, deepcopy(record)))

    def at(self, moment: datetime) -> list[Record]:
        """Return the records as they were at `moment`, in order of creation."""
        held = ([record for began, record in versions if began <= moment][-1:] for versions in self._versions.values())
        return [record for records in held for record in records if record is not None]
