"""Kinds of values in phrases: how each is written in English, recognised, shown, and left out to group failures."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from django.utils import timezone, translation
from django.utils.formats import date_format

from core.field_names import field_label, remote_label
from core.provider_names import is_provider, provider_title

ANYTHING = "…"  # stands for a value in a phrase without its values
_EMPTY = "–"
_NOTHING = re.compile(r"(?:^|(?<= → ))nothing(?=$| → )")  # an empty value, as it was stored before
_BEFORE_A_STATUS = {"with", "status", "answered", "http", "code"}


def without_values(error: str) -> str:
    """Return an error with its addresses, numbers and quoted values left out, on one line.

    Statuses of HTTP stay: "answered with 503" and "answered with 404" are two causes.
    """
    words = error.split()
    return " ".join(map(_general, ["", *words], words))


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


class Kind:
    """A kind of value in a phrase, here any text: how it is written in English, recognised and shown."""

    def written(self, value: Any) -> str:
        return str(value)

    def fits(self, text: str) -> bool:
        return True

    def weight(self, text: str) -> int:
        """Return how many letters of it are in phrases themselves."""
        return 0

    def shown(self, text: str) -> str:
        return text

    def general(self, text: str) -> str:
        """Return what stands for the value in a group of failures."""
        return ANYTHING


class _Code(Kind):
    """A word or number by which failures differ: it stays in their group."""

    def general(self, text: str) -> str:
        return text


class _Error(Kind):
    """Words of another system: those of its values are left out of a group."""

    def general(self, text: str) -> str:
        return without_values(text)


class _Quoted(Kind):
    """Words of somebody else, in quotation marks."""

    def written(self, value: Any) -> str:
        return repr(str(value))

    def fits(self, text: str) -> bool:
        return text[:1] in "'\"" and text[-1:] in "'\""


class _Owner(Kind):
    """A name in the possessive, of which the name is shown."""

    def written(self, value: Any) -> str:
        return f"{value}'" if str(value).endswith("s") else f"{value}'s"

    def shown(self, text: str) -> str:
        return text.removesuffix("'s").removesuffix("'")

    def general(self, text: str) -> str:
        return text


class _Number(Kind):
    def fits(self, text: str) -> bool:
        return text.isdecimal()


class _Word(Kind):
    """A text without spaces, such as an id or an address."""

    def fits(self, text: str) -> bool:
        return bool(text) and not any(map(str.isspace, text))


class _Provider(_Code):
    """The key of a provider, shown as its name."""

    def fits(self, text: str) -> bool:
        return is_provider(text)

    def shown(self, text: str) -> str:
        return provider_title(text)


class _Day(Kind):
    """A day, written in ISO's form and shown in that of the reader's language."""

    def fits(self, text: str) -> bool:
        return _parsed(date.fromisoformat, text) is not None

    def shown(self, text: str) -> str:
        day = _parsed(date.fromisoformat, text)
        return date_format(day, "SHORT_DATE_FORMAT") if day else text


class _Moment(Kind):
    """A moment, written as "2026-03-31 14:05 UTC" and shown in the reader's form and zone."""

    FORM = "%Y-%m-%d %H:%M UTC"

    def written(self, value: Any) -> str:
        return value.astimezone(UTC).strftime(self.FORM) if isinstance(value, datetime) else str(value)

    def fits(self, text: str) -> bool:
        return self._read(text) is not None

    def shown(self, text: str) -> str:
        moment = self._read(text)
        return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else text

    def _read(self, text: str) -> datetime | None:
        return _parsed(lambda raw: datetime.strptime(raw, self.FORM).replace(tzinfo=UTC), text)


class Names(Kind):
    """Names of values, joined by ", ", each shown as `label` says it."""

    def __init__(self, label: Callable[[str], Any]) -> None:
        self._label = label

    def shown(self, text: str) -> str:
        return ", ".join(str(self._label(name)) for name in text.split(", "))


class Words(Names):
    """Words of ours, each with what is shown for it; several may be joined by ", "."""

    def __init__(self, words: Mapping[str, Any]) -> None:
        super().__init__(lambda word: words.get(word, word))

    def general(self, text: str) -> str:
        return text


class _Field(_Code):
    """A provider's name of a value, by which failures differ; shown as people say it where it is one of ours."""

    def shown(self, text: str) -> str:
        return remote_label(text)


class _NamedValue(Kind):
    """The name of a value, and after a space the value."""

    def shown(self, text: str) -> str:
        name, space, value = text.partition(" ")
        return f"{field_label(name)}{space}{value}"


class Labels(Kind):
    """Values of choices, written as their English labels."""

    def __init__(self, choices: Any) -> None:
        self._choices = choices

    def written(self, value: Any) -> str:
        with translation.override("en"):
            return str(dict(self._choices.choices).get(value, value))

    def shown(self, text: str) -> str:
        with translation.override("en"):
            value = next((value for value, label in self._choices.choices if str(label) == text), None)
        return str(dict(self._choices.choices)[value]) if value is not None else text

    def general(self, text: str) -> str:
        return text


class _Values(Kind):
    """Names and values, as "city: Austin; phone: – → 1"."""

    def shown(self, text: str) -> str:
        named = (part.partition(": ") for part in text.split("; "))
        return "; ".join(f"{field_label(name)}{colon}{_NOTHING.sub(_EMPTY, value)}" for name, colon, value in named)


def _parsed(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except ValueError:
        return None


ANY = Kind()
CODE = _Code()
ERROR = _Error()
NUMBER = _Number()
WORD = _Word()
PROVIDER = _Provider()
OWNER = _Owner()
QUOTED = _Quoted()
DAY = _Day()
MOMENT = _Moment()
FIELD = _Field()
NAMED_VALUE = _NamedValue()
VALUES = _Values()
