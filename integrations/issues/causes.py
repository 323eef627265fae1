"""The cause of a failure: its error without what differs from one failure to the next."""

_LONGEST = 300
_BEFORE_A_STATUS = {"with", "status", "answered", "http", "code"}


def cause_of(error: str) -> str:
    """Return an error with its addresses, numbers and quoted values left out, on one line of at most 300 characters.

    Statuses of HTTP stay: "answered with 503" and "answered with 404" are two causes.
    """
    words = error[: 4 * _LONGEST].split()
    return " ".join(map(_general, ["", *words], words))[:_LONGEST] or "–"


def _general(before: str, word: str) -> str:
    bare = word.strip(".,;:!?()[]{}<>")
    if "@" in bare:
        general = "@"
    elif bare[:1] in "'\"“«" and len(bare) > 1:
        general = "“…”"
    elif any(letter.isdigit() for letter in bare) and not (before.casefold() in _BEFORE_A_STATUS and len(bare) == 3):
        general = "#"
    else:
        return word
    return word.replace(bare, general, 1)
