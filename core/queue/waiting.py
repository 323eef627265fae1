"""Wait for a row that a worker processes: for requests whose sender wants the result at once."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

Seen = TypeVar("Seen")

WAITS = 10.0  # seconds for which a request waits for the result
LOOKS_AGAIN = 0.2  # seconds


def wait_for(look: Callable[[], Seen], *, is_done: Callable[[Seen], bool]) -> Seen:
    """Look until the result is done, at most WAITS seconds, and return the last one.

    The caller must hold no lock and no open transaction: a worker needs the row.
    """
    ends_at = monotonic() + WAITS
    seen = look()
    while not is_done(seen) and monotonic() < ends_at:
        sleep(LOOKS_AGAIN)
        seen = look()
    return seen
