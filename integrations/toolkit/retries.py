"""Retries of a call: how many, and the waits in between."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from django.conf import settings

LONGEST_WAIT = 60.0  # seconds; a server that asks for more is called again then
LIMIT_WINDOW = 10.0  # seconds after which a limit of calls allows one again, where the provider does not say when
SOONEST = 1.0  # seconds
JITTER = 0.25  # of the wait: many workers that were refused at once must not come back at once


@dataclass(frozen=True, kw_only=True)
class Retries:
    """`number` repetitions after the first try; waits of `initial_delay` seconds, times `backoff_factor` each."""

    number: int
    initial_delay: float
    backoff_factor: float

    @classmethod
    def from_settings(cls) -> "Retries":
        return cls(
            number=settings.MAX_RETRIES,
            initial_delay=settings.RETRY_INITIAL_DELAY,
            backoff_factor=settings.RETRY_BACKOFF_FACTOR,
        )

    def delays(self) -> Iterator[float]:
        """Yield the seconds before each repetition, without jitter."""
        for repetition in range(self.number):
            yield min(LONGEST_WAIT, self.initial_delay * self.backoff_factor**repetition)


def wait_of(delay: float, *, retry_after: float | None) -> float:
    """Return the seconds to wait: what the server asked for where that is longer, with jitter, 60 at the most."""
    longer = max(delay, retry_after or 0.0)
    return min(LONGEST_WAIT, longer * random.uniform(1.0, 1.0 + JITTER))  # noqa: S311 (spreads load, protects nothing)


def until_allowed(retry_after: float | None) -> float:
    """Return the seconds after which a call that a limit refused may be made again, with jitter, 60 at the most."""
    return wait_of(LIMIT_WINDOW if retry_after is None else SOONEST, retry_after=retry_after)


def read_retry_after(text: str, *, now: datetime | None = None) -> float | None:
    """Return the seconds of a `Retry-After` header (RFC 9110, 10.2.3: seconds or an HTTP date), 0 to 60, or None.

    Fractions, which some servers send, are taken too.
    """
    text = text.strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            seconds = float(text)
        else:
            moment = parsedate_to_datetime(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)
