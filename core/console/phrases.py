"""Reasons, effects and errors that are stored in English, shown in the reader's language.

A stored text is written by one line of code, so its form is known: a `Phrase` recognises it and holds its translation.
What none recognises is shown as it is stored.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A stored form and what staff read instead; the named groups of `stored` fill `text`.

    It may be a part of a longer text: several reasons are joined by a semicolon. Values are in `says` where a group's
    text is itself a word of ours.
    """

    stored: re.Pattern[str]
    text: Any
    says: Mapping[str, Any] | None = None

    def in_language(self, found: re.Match[str]) -> str:
        groups = {name: value or "" for name, value in found.groupdict().items()}
        says = self.says or {}
        return str(self.text) % {name: str(says.get(value, value)) for name, value in groups.items()}


_known: list[Phrase] = []


def register(*phrases: Phrase) -> None:
    _known.extend(phrases)


def shown(text: str) -> str:
    """Return a stored text in the reader's language, as far as it is known."""
    for phrase in _known:
        text = phrase.stored.sub(phrase.in_language, text)
    return text


register(
    Phrase(
        stored=re.compile(r"^gave up: the worker died (?P<count>\d+) times over this (?P<noun>.+)$"),
        text=_("Given up: the program ended %(count)s times while it worked on this."),
    ),
)
