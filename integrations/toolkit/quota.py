"""Count of 429 answers of a provider's API ("too many calls"), over all processes."""

from core.web import limits

WINDOW = 600  # seconds
_WINDOWS = 12  # that are counted


def note_refusal(title: str) -> None:
    """Count one more for the API called `title`. Nothing fails while the cache is away."""
    limits.add("quota", title, seconds=WINDOW, windows=_WINDOWS)


def refusals(title: str, *, seconds: int = 3600) -> int:
    """Return how many there were in about the last `seconds`, at most two hours; while the cache does not answer, those
    of this process.
    """
    return limits.recent("quota", title, seconds=WINDOW, windows=max(seconds // WINDOW, 1))
