"""The cause of a change: the one value that every service takes and every history row stores."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The cause of a change: an event from outside, a member of staff or the clock.

    `text` is for people ("kajabi offer.purchased evt_1"), `event_id` is the inbox row's key where there is one,
    `staff` the user who did it.
    """

    text: str
    event_id: int | None = None
    staff: Any = None
    reason: str = ""

    @classmethod
    def by_staff(cls, staff: Any, reason: str = "") -> "Cause":
        return cls(text=f"staff: {staff.email}", staff=staff, reason=reason)


SCHEDULE = Cause(text="schedule")
