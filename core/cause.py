"""The cause of a change: the one value that every service takes and every history row stores."""

from dataclasses import dataclass
from typing import Any

from core.phrases import KNOWN, TEXT, WORD, Phrase

_STAFF = Phrase("staff: {email}", email=WORD)
_SCHEDULE = Phrase("schedule")
_WITH_REASON = Phrase("{reason} ({cause})", reason=TEXT, cause=KNOWN)


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The cause of a change: an event from outside, a member of staff or the clock.

    `text` is for people ("acme offer.purchased evt_1"): a phrase where it has words of ours. `event_id` is the inbox
    row's key where there is one, `staff` the user who did it.
    """

    text: str
    event_id: int | None = None
    staff: Any = None
    reason: str = ""

    @classmethod
    def by_staff(cls, staff: Any, reason: str = "") -> "Cause":
        return cls(text=_STAFF(email=staff.email), staff=staff, reason=reason)

    def after(self, reason: str) -> str:
        """Return a reason with this cause in brackets, as it is stored for people to read."""
        return _WITH_REASON(reason=reason, cause=self.text)


SCHEDULE = Cause(text=_SCHEDULE())
