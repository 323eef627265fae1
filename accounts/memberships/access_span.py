"""The time in which something gives access: a purchase, or all purchases of a subscription together."""

from datetime import datetime


class AccessSpan:
    """Access lasts from `access_from` (None: there is none) until `access_until` (None: without an end)."""

    access_from: datetime | None
    access_until: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Return whether there is access at `now`; at its end there is none."""
        if self.access_from is None or self.access_from > now:
            return False
        return self.access_until is None or now < self.access_until
