"""The cause of a failure: its error without what differs from one failure to the next."""

from core import phrases

_LONGEST = 300


def cause_of(error: str) -> str:
    """Return an error without the values of its phrases, on one line of at most 300 characters: the code of a failure.

    Of other systems' words addresses, numbers and quoted values are left out.
    """
    return " ".join(phrases.general(error[: 4 * _LONGEST]).split())[:_LONGEST] or "–"
