"""Phrases, and how a text is found to be some."""

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext

from core.phrases.kinds import ANY, ANYTHING, Kind, without_values

SEPARATOR = "; "
T = TypeVar("T")
_LONGEST = 5000  # letters of a text that is looked at
_MOST_PARTS = 20  # of more, each part is looked at by itself
_MOST_JOINED = 6  # parts that may be one phrase
_DEEPEST = 6  # phrases in phrases; what lies deeper is other words
_depth: ContextVar[int] = ContextVar("depth", default=0)
_FIELD = re.compile(r"\{(\w+)\}")


class Phrase:
    """A text with named values in braces; `kinds` says what they are where that is more than a text.

    The source is in English, marked for translation by this class's name (`manage.py makemessages`). Staff read the
    first letter as a capital.
    """

    def __init__(self, source: str, **kinds: Kind) -> None:
        self.source = source
        self.names = _FIELD.findall(source)
        self.kinds = {name: kinds.pop(name, ANY) for name in self.names}
        if kinds or len(self.kinds) != len(self.names):
            raise ValueError(f"{source!r}: each value is named once, and each kind names a value")
        self.wording: Any = None
        self._literals = _FIELD.split(source)[::2]
        self.weight = sum(map(len, self._literals))
        self.anchor = max(self._literals, key=len)
        _register(self)

    @classmethod
    def worded(cls, stored: str, wording: Any, **kinds: Kind) -> "Phrase":
        """Return a phrase that is stored in one form and shown in another, which is translated itself."""
        phrase = cls(stored, **kinds)
        phrase.wording = wording
        return phrase

    @classmethod
    def of_label(cls, label: Any) -> "Phrase":
        """Return a phrase that is stored as the English of a label which is translated itself."""
        with translation.override("en"):
            return cls.worded(str(label), label)

    def __call__(self, **values: Any) -> str:
        """Return the English text, as it is stored."""
        return _filled(self.source, {name: self.kinds[name].written(values[name]) for name in self.names})

    def __repr__(self) -> str:
        return f"Phrase({self.source!r})"

    def values_in(self, text: str) -> dict[str, str] | None:
        """Return the values by which this phrase is `text`; None where it is not.

        Each value ends where the words after it first come, so that hostile values cost no more than one look.
        """
        first, *others = self._literals
        if not text.startswith(first):
            return None
        place, values = len(first), []
        for number, literal in enumerate(others, 1):
            is_last = number == len(others)
            end = len(text) - len(literal) if is_last else text.find(literal, place)
            if end < place or (is_last and not text.endswith(literal)):
                return None
            values.append(text[place:end])
            place = end + len(literal)
        if place != len(text):
            return None
        found = dict(zip(self.names, values, strict=True))
        fits = all(value == ANYTHING or self.kinds[name].fits(value) for name, value in found.items())
        return found if fits else None

    @property
    def translated(self) -> str:
        """Return the source, or the wording, in the active language."""
        return gettext(self.source) if self.wording is None else str(self.wording)

    def in_language(self, values: Mapping[str, str]) -> str:
        """Return the phrase with these values in the active language."""
        return _filled(
            self.translated,
            {n: v if v == ANYTHING else self.kinds[n].shown(v) for n, v in values.items() if n in self.kinds},
        )

    def general(self, values: Mapping[str, str]) -> str:
        """Return the English text for all values that mean the same failure."""
        return _filled(self.source, {name: self.kinds[name].general(value) for name, value in values.items()})


@dataclass(frozen=True, kw_only=True)
class Found:
    """A part of a text: a phrase and its values, or, without one, other words. `weight`: its letters that are ours."""

    text: str
    phrase: Phrase | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    weight: int = 0

    def said(self, say: Callable[[Phrase, Mapping[str, str]], str]) -> str:
        return self.text if self.phrase is None else say(self.phrase, self.values)


_known: list[Phrase] = []


def known() -> tuple[Phrase, ...]:
    """Return every phrase that was declared, those with the most words first."""
    return tuple(_known)


def shown(text: str) -> str:
    """Return a stored text in the reader's language, beginning with a capital letter where a phrase does."""
    said = _in_language(text)
    first = found_in(text)[0].phrase if text else None
    is_ours = first is not None and first.wording is None and not first.translated.startswith("{")
    return capfirst(said) if is_ours else said


def general(text: str) -> str:
    """Return a text without the values of its phrases and the numbers of other words, to group failures by."""
    found = found_in(text)
    if not any(one.phrase for one in found):
        return without_values(text)
    said = [one.said(Phrase.general) if one.phrase else without_values(one.text) for one in found]
    return SEPARATOR.join(dict.fromkeys(said))


@lru_cache(maxsize=2048)
def found_in(text: str) -> tuple[Found, ...]:
    """Return the parts of a text, each a phrase or other words."""
    if len(text) > _LONGEST:
        return (Found(text=text),)
    parts = text.split(SEPARATOR)
    if len(parts) > _MOST_PARTS:
        return tuple(_whole(part) or Found(text=part) for part in parts)
    return tuple(_parts(parts))


def _parts(parts: list[str]) -> list[Found]:
    """Return the parts joined where they are one phrase: so that most of the text is words of ours."""
    # By where the rest begins: the letters of ours in it, and its parts.
    best: dict[int, tuple[int, list[Found]]] = {len(parts): (0, [])}
    for begin in reversed(range(len(parts))):
        weight, rest = best[begin + 1]
        best[begin] = (weight, [Found(text=parts[begin]), *rest])
        for end in range(begin + 1, min(len(parts), begin + _MOST_JOINED) + 1):
            found = _whole(SEPARATOR.join(parts[begin:end]))
            if found is not None and best[end][0] + found.weight > best[begin][0]:
                best[begin] = (best[end][0] + found.weight, [found, *best[end][1]])
    return best[0][1]


def _whole(text: str) -> Found | None:
    """Return the phrase that a text is; of several, the one that says most of it in words of ours."""
    best = None
    for phrase in _known:
        if phrase.anchor in text and (values := phrase.values_in(text)) is not None:
            weight = phrase.weight + sum(phrase.kinds[name].weight(value) for name, value in values.items())
            if best is None or weight > best.weight:
                best = Found(text=text, phrase=phrase, values=values, weight=weight)
    return best


def _in_language(text: str) -> str:
    return SEPARATOR.join(one.said(Phrase.in_language) for one in found_in(text)) if text else text


def _register(phrase: Phrase) -> None:
    _known.append(phrase)
    _known.sort(key=lambda known: -known.weight)
    found_in.cache_clear()


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: values.get(field[1], ""), text)


class _Text(Kind):
    """A text that may be phrases itself; with `is_known` it must be."""

    def __init__(self, *, is_known: bool = False) -> None:
        self._is_known = is_known

    def fits(self, text: str) -> bool:
        return not self._is_known or self._within(lambda: all(one.phrase for one in found_in(text)), False)

    def weight(self, text: str) -> int:
        return self._within(lambda: sum(one.weight for one in found_in(text)), 0)

    def shown(self, text: str) -> str:
        return self._within(lambda: _in_language(text), text)

    def general(self, text: str) -> str:
        return self._within(lambda: general(text), ANYTHING)

    @staticmethod
    def _within(read: Callable[[], T], otherwise: T) -> T:
        """Return what `read` returns, `otherwise` in a phrase too deep within others."""
        depth = _depth.get()
        if depth == _DEEPEST:
            return otherwise
        token = _depth.set(depth + 1)
        try:
            return read()
        finally:
            _depth.reset(token)


TEXT = _Text()
KNOWN = _Text(is_known=True)
