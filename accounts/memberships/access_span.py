"""The time in which something gives access: a purchase, or all purchases of a subscription together."""

from datetime import datetime


def shown_end(*, paid_until: datetime | None, access_until: datetime | None, now: datetime) -> datetime | None:
    """Return the end of access as people are told it: that of what was paid, and after it that of the days of grace.

    None for access without an end.
    """
    if access_until is None or paid_until is None or paid_until <= now:
        return access_until
    return min(paid_until, access_until)


class AccessSpan:
    """Access lasts from `access_from` (None: there is none) until `access_until` (None: without an end)."""

    access_from: datetime | None
    access_until: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Return whether there is access at `now`; at its end there is none."""
        if self.access_from is None or self.access_from > now:
            return False
        return self.access_until is None or now < self.access_until
