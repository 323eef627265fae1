"""Reasons, effects and errors: written once in English, stored, and shown in the language of whoever reads them.

    NO_COURSE = Phrase("no activity counts the course {title}")  # declared once, beside the code that writes it
    raise Unmatched(NO_COURSE(title=title))                       # the English text, which is stored, logged, answered
    phrases.shown(event.reason)                                   # "Ninguna actividad cuenta el curso …"

The stored form is the English text: lists search it, logs and the API have it, and rows of any age read alike. The
phrase is its code: `found_in` finds which of the declared ones a text is, and its values. So it is shown in another
language, with days in the reader's form, and failures are grouped by phrase, whatever their values. Several reasons of
one row are joined by "; ". What is no phrase, such as another system's words, is shown as it is stored.
"""

from core.phrases.kinds import (
    ANY,
    CODE,
    DAY,
    ERROR,
    FIELD,
    MOMENT,
    NAMED_VALUE,
    NUMBER,
    OWNER,
    PROVIDER,
    QUOTED,
    VALUES,
    WORD,
    Kind,
    Labels,
    Names,
    Words,
)
from core.phrases.phrase import KNOWN, SEPARATOR, TEXT, Phrase, found_in, general, known, shown

__all__ = [
    "ANY",
    "CODE",
    "DAY",
    "ERROR",
    "FIELD",
    "KNOWN",
    "MOMENT",
    "NAMED_VALUE",
    "NUMBER",
    "OWNER",
    "PROVIDER",
    "QUOTED",
    "SEPARATOR",
    "TEXT",
    "VALUES",
    "WORD",
    "Kind",
    "Labels",
    "Names",
    "Phrase",
    "Words",
    "found_in",
    "general",
    "known",
    "shown",
]
